"""The suites beyond js-reactivity-benchmark's, and the list of all."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from suites import (
    Dynamic,
    Step,
    avoidable,
    broad,
    cellx,
    deep,
    diamond,
    dynamic,
    mux,
    repeated,
    triangle,
    unstable,
    watch,
)

MANY = 1000
KEYS = 100_000


def create_signals(api) -> Step:
    """1,000 signals, thrown away."""

    def step() -> float:
        return sum([api.signal(i)[0]() for i in range(MANY)])

    return step


def create_computeds(api) -> Step:
    """1,000 computeds of one signal each, read once, thrown away."""
    reads = [api.signal(i)[0] for i in range(MANY)]

    def step() -> float:
        return sum([api.computed(lambda r=r: r() + 1, [r])() for r in reads])

    return step


def create_effects(api) -> Step:
    """1,000 effects on one signal each, disposed of."""
    reads = [api.signal(i)[0] for i in range(MANY)]

    def step() -> float:
        seen = []

        def look(read) -> Callable[[], None]:
            return api.effect(lambda: seen.append(read()), [read])

        for stop in [look(read) for read in reads]:
            stop()
        return sum(seen)

    return step


def sparse(api) -> Step:
    """100,000 signals, an effect on every tenth; 1,000 writes spread over all."""
    seen = [0]
    writes = []

    def look(read) -> None:
        def add() -> None:
            seen[0] += read()

        api.effect(add, [read])

    for i in range(KEYS):
        read, write = api.signal(0)
        writes.append(write)
        if i % 10 == 0:
            look(read)

    def step() -> float:
        seen[0] = 0
        for value in (1, 2):
            for j in range(MANY // 2):
                writes[j * 7919 % KEYS](value)
        return seen[0]

    return step


def lattice(depth: int) -> Callable[[Any], Step]:
    """Rows of ten computeds that read two of the row below: paths double with every row."""

    def suite(api) -> Step:
        head, write = api.signal(0)
        row = [head] * 10
        for _ in range(depth):
            row = [
                api.computed(lambda a=row[i], b=row[(i + 1) % 10]: (a() + b()) % 1_000_003, [row[i], row[(i + 1) % 10]])
                for i in range(10)
            ]
        for cell in row:
            watch(api, cell)

        def step() -> float:
            total = 0
            for i in range(20):
                write(i)
                total += row[0]()
            return total

        return step

    return suite


GRAPHS: dict[str, Callable[[Any], Step]] = {
    "avoidable": avoidable,
    "broad": broad,
    "deep": deep,
    "diamond": diamond,
    "mux": mux,
    "repeated": repeated,
    "triangle": triangle,
    "unstable": unstable,
    "cellx10": cellx(10),
    "cellx100": cellx(100),
    "cellx1000": cellx(1000),
    "simple component": dynamic(Dynamic(10, 5, 1, 2, 0.2, 100)),
    "dynamic component": dynamic(Dynamic(10, 10, 3 / 4, 6, 0.2, 50)),
    "large web app": dynamic(Dynamic(1000, 12, 0.95, 4, 1, 20)),
    "wide dense": dynamic(Dynamic(1000, 5, 1, 25, 1, 10)),
    "deep rectangle": dynamic(Dynamic(5, 500, 1, 3, 1, 5, floats=True)),
    "very dynamic": dynamic(Dynamic(100, 15, 0.5, 6, 1, 10)),
}
"""Those of the target: kairo, cellx, dynamic."""

OTHERS: dict[str, Callable[[Any], Step]] = {
    "create signals": create_signals,
    "create computeds": create_computeds,
    "create effects": create_effects,
    "sparse 100k": sparse,
    "lattice 4": lattice(4),
    "lattice 14": lattice(14),
}

SUITES = {**GRAPHS, **OTHERS}
