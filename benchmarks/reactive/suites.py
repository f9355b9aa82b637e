"""The suites, each a function `suite(api) -> step`: it builds a graph, and `step()` changes it and returns a checksum.

Kairo's eight, cellx and the dynamic graphs are js-reactivity-benchmark's, written anew: the same shapes and the same
sequences of writes, with fewer iterations. Every step leaves the graph as it found it, so that steps can be repeated
and each does the same work. `alien.mjs` has the same suites; both must agree on every checksum.

`api` is one of adapters/. `deps` names what a computed reads always, for libraries whose dependencies are declared;
None says that it varies.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Read = Callable[[], Any]
Step = Callable[[], float]


def watch(api, read: Read) -> None:
    """An effect that only reads."""

    def run() -> None:
        read()

    api.effect(run, [read])


def avoidable(api) -> Step:
    """The second computed always gives 0: nothing beyond it needs to run."""
    head, write = api.signal(0)
    first = api.computed(lambda: head(), [head])
    second = api.computed(lambda: (first(), 0)[1], [first])
    third = api.computed(lambda: (busy(), second() + 1)[1], [second])
    fourth = api.computed(lambda: third() + 2, [third])
    fifth = api.computed(lambda: fourth() + 3, [fourth])
    api.effect(lambda: (fifth(), busy(), None)[2], [fifth])

    def step() -> float:
        total = 0
        for i in range(1000):
            write(i)
            total += fifth()
        return total

    return step


def busy() -> None:
    """Stands for a heavy computation."""
    for _ in range(100):
        pass


def broad(api) -> Step:
    """One signal, 50 branches of two computeds and an effect."""
    head, write = api.signal(0)
    last = head
    for i in range(50):
        current = api.computed(lambda i=i: head() + i, [head])
        last = api.computed(lambda c=current: c() + 1, [current])
        watch(api, last)

    def step() -> float:
        total = 0
        for i in range(50):
            write(i)
            total += last()
        return total

    return step


def deep(api) -> Step:
    """A chain of 50 computeds."""
    head, write = api.signal(0)
    last = head
    for _ in range(50):
        last = api.computed(lambda c=last: c() + 1, [last])
    watch(api, last)

    def step() -> float:
        total = 0
        for i in range(50):
            write(i)
            total += last()
        return total

    return step


def diamond(api) -> Step:
    """Five computeds of one signal, joined again."""
    head, write = api.signal(0)
    current = [api.computed(lambda: head() + 1, [head]) for _ in range(5)]
    joined = api.computed(lambda: sum([c() for c in current]), current)
    watch(api, joined)

    def step() -> float:
        total = 0
        for i in range(500):
            write(i)
            total += joined()
        return total

    return step


def mux(api) -> Step:
    """100 signals into one computed, and 100 pairs of computeds out of it."""
    heads = [api.signal(0) for _ in range(100)]
    reads = [read for read, _ in heads]
    joined = api.computed(lambda: dict(enumerate([read() for read in reads])), reads)
    split = [api.computed(lambda i=i: joined()[i], [joined]) for i in range(100)]
    ends = [api.computed(lambda c=c: c() + 1, [c]) for c in split]
    for end in ends:
        watch(api, end)

    def step() -> float:
        total = 0
        for factor in (1, 2):
            for i in range(10):
                heads[i][1](i * factor)
                total += ends[i]()
        return total

    return step


def repeated(api) -> Step:
    """One computed reads the same signal 30 times."""
    head, write = api.signal(0)

    def thirty() -> int:
        result = 0
        for _ in range(30):
            result += head()
        return result

    current = api.computed(thirty, [head])
    watch(api, current)

    def step() -> float:
        total = 0
        for i in range(100):
            write(i)
            total += current()
        return total

    return step


def triangle(api) -> Step:
    """A chain of ten, and a sum over all of it."""
    head, write = api.signal(0)
    current, chain = head, []
    for _ in range(10):
        chain.append(current)
        current = api.computed(lambda c=current: c() + 1, [current])
    joined = api.computed(lambda: sum([c() for c in chain]), chain)
    watch(api, joined)

    def step() -> float:
        total = 0
        for i in range(100):
            write(i)
            total += joined()
        return total

    return step


def unstable(api) -> Step:
    """What a computed reads changes with every write."""
    head, write = api.signal(0)
    double = api.computed(lambda: head() * 2, [head])
    inverse = api.computed(lambda: -head(), [head])

    def flip() -> int:
        result = 0
        for _ in range(20):
            result += double() if head() % 2 else inverse()
        return result

    current = api.computed(flip, None)
    watch(api, current)

    def step() -> float:
        total = 0
        for i in range(100):
            write(i)
            total += current()
        return total

    return step


def cellx(layers: int) -> Callable[[Any], Step]:
    """Layers of four computeds that cross over, each with an effect; four writes in a batch."""

    def suite(api) -> Step:
        start = [api.signal(i) for i in (1, 2, 3, 4)]
        layer = [read for read, _ in start]
        for _ in range(layers):
            one, two, three, four = layer
            layer = [
                api.computed(lambda b=two: b(), [two]),
                api.computed(lambda a=one, c=three: a() - c(), [one, three]),
                api.computed(lambda b=two, d=four: b() + d(), [two, four]),
                api.computed(lambda c=three: c(), [three]),
            ]
            for cell in layer:
                watch(api, cell)

        def step() -> float:
            total = 0
            for values in ((4, 3, 2, 1), (1, 2, 3, 4)):
                with api.batch():
                    for (_, write), value in zip(start, values, strict=True):
                        write(value)
                for weight, cell in enumerate(layer, 1):
                    total += weight * cell()
            return total

        return step

    return suite


@dataclass(frozen=True)
class Dynamic:
    """A rectangle of computeds over `width` signals, each reading `sources` neighbours of the row before."""

    width: int
    rows: int  # the signals included
    static: float  # the part of computeds that always reads all its sources
    sources: int
    read: float  # the part of the last row that is read
    iterations: int
    floats: bool = False  # sums that outgrow 64 bits: floats, as in JavaScript, so that all add the same numbers


def chance(seed: int = 1) -> Callable[[], float]:
    """A random sequence that JavaScript computes alike."""
    state = seed

    def draw() -> float:
        nonlocal state
        state = (state * 1664525 + 1013904223) % 2**32
        return state / 2**32

    return draw


def rectangle_row(api, row: list[Read], shape: Dynamic, draw: Callable[[], float]) -> list[Read]:
    """The computeds over `row`. A dynamic one leaves out a source that the value of its first one picks."""
    made = []
    for index in range(shape.width):
        mine = [row[(index + k) % shape.width] for k in range(shape.sources)]
        if draw() < shape.static:

            def all_of(mine=mine) -> float:
                total = 0
                for read in mine:
                    total += read()
                return total

            made.append(api.computed(all_of, mine))
        else:

            def all_but_one(first=mine[0], tail=mine[1:]) -> float:
                total = first()
                drop = total % len(tail) if total & 1 else -1
                for k, read in enumerate(tail):
                    if k != drop:
                        total += read()
                return total

            made.append(api.computed(all_but_one, None))
    return made


def dynamic(shape: Dynamic) -> Callable[[Any], Step]:
    """One write at a time; after each the leaves are read, which one effect reads too."""

    def suite(api) -> Step:
        number = float if shape.floats else int
        signals = [api.signal(number(i)) for i in range(shape.width)]
        draw = chance()
        row = [read for read, _ in signals]
        for _ in range(shape.rows - 1):
            row = rectangle_row(api, row, shape, draw)
        leaves = list(row)
        for _ in range(round(len(row) * (1 - shape.read))):
            del leaves[int(draw() * len(leaves))]

        def read_all() -> None:
            for leaf in leaves:
                leaf()

        api.effect(read_all, leaves)

        def step() -> float:
            for again in (0, 1):  # other values than in the half before: every write is a change
                for i in range(shape.iterations):
                    index = i % shape.width
                    signals[index][1](number(i + index + again))
                    for leaf in leaves:
                        leaf()
            return sum([leaf() for leaf in leaves])

        return step

    return suite
