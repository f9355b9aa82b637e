"""What counts as a change, and exceptions as values."""

import math
import traceback

import pytest

from smithers_reactive import Computed, CycleError, Effect, Runtime, Signal, WriteInPureError, batch, untracked
from smithers_reactive.invariants import check_invariants

pytestmark = pytest.mark.usefixtures("rt")


class Ambiguous:
    """Compares like an array: elementwise, so that the answer has no truth."""

    def __eq__(self, other: object) -> "Ambiguous":  # type: ignore[override]
        return self

    def __bool__(self) -> bool:
        raise ValueError("the truth value of an array is ambiguous")

    __hash__ = None  # type: ignore[assignment]


@pytest.mark.requirement("R-1")
def test_types_tell_values_apart() -> None:
    s, seen = Signal[object](1), []
    Effect(lambda: seen.append(s.get()))
    for value in (True, True, 1.0, 1.0, 1):
        s.set(value)
    assert [(type(v), v) for v in seen] == [(int, 1), (bool, True), (float, 1.0), (int, 1)]


@pytest.mark.requirement("R-1")
def test_nan_equals_itself_only_as_the_same_object() -> None:
    s, seen = Signal(math.nan), []
    Effect(lambda: seen.append(s.get()))
    s.set(math.nan)
    assert len(seen) == 1
    s.set(float("nan"))
    assert len(seen) == 2


@pytest.mark.requirement("R-1")
def test_what_cannot_be_compared_is_a_change() -> None:
    s, seen = Signal(Ambiguous()), []
    c = Computed(s.get)
    Effect(lambda: seen.append(c.get()))
    s.set(Ambiguous())
    assert len(seen) == 2


@pytest.mark.requirement("R-1")
def test_a_list_changed_in_place_is_the_same_list() -> None:
    s, seen = Signal([1]), []
    Effect(lambda: seen.append(len(s.get())))
    s.get().append(2)
    s.set(s.get())
    assert seen == [1]
    s.set([1, 2])
    assert seen == [1]  # equal to what the signal already holds
    s.update(lambda old: [*old, 3])
    assert seen == [1, 3]


@pytest.mark.requirement("R-1")
def test_custom_equals_for_signal_and_computed() -> None:
    s, seen = Signal("a", equals=lambda a, b: a.lower() == b.lower()), []
    first = Computed(lambda: s.get() + "!", equals=lambda a, b: a[0] == b[0])
    Effect(lambda: seen.append(first.get()))
    s.set("A")
    assert s.peek() == "a"
    s.set("b")
    assert seen == ["a!", "b!"]
    always = Signal([0], equals=lambda a, b: False)
    Effect(lambda: seen.append(str(always.get())))
    always.set(always.peek())
    assert seen[-2:] == ["[0]", "[0]"]


@pytest.mark.requirement("R-1")
def test_equals_is_called_untracked_and_may_fail() -> None:
    other = Signal(0)
    s = Signal(0, equals=lambda a, b: other.get() == 5)
    runs = []
    Effect(lambda: (runs.append(1), s.set(len(runs)), other.peek()))
    other.set(1)
    assert len(runs) == 1
    broken = Signal(0, equals=lambda a, b: 1 / 0 > 0)
    broken.set(0)
    assert broken.changed_at > 0


@pytest.mark.requirement("R-1")
def test_peek_and_untracked_register_nothing() -> None:
    a, b, seen = Signal(1), Signal(1), []
    Effect(lambda: seen.append((a.peek(), untracked(b.get))))
    a.set(2)
    b.set(2)
    assert seen == [(1, 1)]
    assert not a.observed
    assert untracked(b.get) == 2  # outside any run too


@pytest.mark.requirement("R-3")
def test_an_exception_is_cached_reraised_and_recovers() -> None:
    s, ran = Signal(0), []
    c = Computed(lambda: (ran.append(1), 10 // s.get())[1])
    downstream = Computed(lambda: c.get() + 1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            downstream.get()
    assert len(ran) == 1
    s.set(5)
    assert downstream.get() == 3
    s.set(0)
    with pytest.raises(ZeroDivisionError):
        c.peek()


@pytest.mark.requirement("R-3")
def test_who_reads_a_failing_computed_hears_of_its_recovery(rt: Runtime) -> None:
    s, seen = Signal(0), []
    c = Computed(lambda: 10 // s.get())

    def body() -> None:
        try:
            seen.append(c.get())
        except ZeroDivisionError:
            seen.append("failed")

    e = Effect(body)
    s.set(2)
    s.set(0)
    assert seen == ["failed", 5, "failed"]
    check_invariants(rt, [e])


@pytest.mark.requirement("R-3")
def test_the_traceback_begins_in_the_users_function_and_does_not_grow() -> None:
    def fails() -> int:
        raise LookupError("x")

    c = Computed(fails)
    lengths = []
    for _ in range(4):
        with pytest.raises(LookupError) as caught:
            c.get()
        frames = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]
        assert frames[-1] == "fails"
        lengths.append(len(frames))
    assert len(set(lengths)) == 1


@pytest.mark.requirement("R-3")
def test_interruptions_are_not_values() -> None:
    interrupt = [KeyboardInterrupt(), MemoryError(), RecursionError()]
    s = Signal(1)

    def body() -> int:
        value = s.get()
        if interrupt:
            raise interrupt.pop()
        return value

    c = Computed(body)
    for expected in (RecursionError, MemoryError, KeyboardInterrupt):
        with pytest.raises(expected):
            c.get()
    assert c.get() == 1


@pytest.mark.requirement("R-3")
def test_a_live_computed_that_was_interrupted_is_tried_again(rt: Runtime) -> None:
    s, fail, seen = Signal(0), [], []

    def body() -> int:
        value = s.get()
        if fail:
            raise fail.pop()
        return value

    c = Computed(body)
    e = Effect(lambda: seen.append(c.get()))
    fail.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        s.set(1)
    rt.flush()
    assert seen == [0, 1]
    s.set(2)
    assert seen == [0, 1, 2]
    check_invariants(rt, [e])


@pytest.mark.requirement("R-3")
def test_a_swallowed_recursion_error_leaves_nobody_with_a_stale_value(rt: Runtime) -> None:
    s, fail = Signal(1), [RecursionError()]

    def fragile() -> int:
        if fail:
            raise fail.pop()
        return s.get()

    inner = Computed(fragile)

    def tolerant() -> int:
        try:
            return inner.get()
        except RecursionError:
            return -1

    outer = Computed(tolerant)
    above = Computed(outer.get)
    seen: list[int] = []
    e = Effect(lambda: seen.append(above.get()))
    assert seen == [-1]
    assert above.get() == 1  # not kept: it was built on nothing
    s.set(2)
    assert above.get() == 2
    check_invariants(rt, [s, inner, outer, e])
    e.dispose()
    check_invariants(rt, [s, inner, outer, above, e])


@pytest.mark.requirement("R-3")
def test_a_cycle_names_its_members() -> None:
    a = Computed(lambda: a.get(), name="a")
    with pytest.raises(CycleError) as caught:
        a.get()
    assert caught.value.members == ("a",)
    x: Computed[int] = Computed(lambda: y.get() + 1, name="x")
    y: Computed[int] = Computed(lambda: z.get() + 1, name="y")
    z: Computed[int] = Computed(lambda: x.get() + 1, name="z")
    outside = Computed(lambda: y.get(), name="outside")
    with pytest.raises(CycleError, match="'y' depends on itself: y -> z -> x -> y") as caught:
        outside.get()
    assert caught.value.members == ("y", "z", "x")
    for node in (x, y, z):
        with pytest.raises(CycleError):
            node.get()
        with pytest.raises(CycleError):
            node.peek()


@pytest.mark.requirement("R-3")
@pytest.mark.parametrize("first", ["a", "b"])
@pytest.mark.parametrize("observed", [False, True])
@pytest.mark.parametrize("opened_by", ["s", "t"])
def test_a_dynamic_cycle_ends_when_either_side_lets_go(rt: Runtime, first: str, observed: bool, opened_by: str) -> None:
    s, t = Signal(True, name="s"), Signal(True, name="t")
    a: Computed[int] = Computed(lambda: b.get() if s.get() else 1, name="a")
    b: Computed[int] = Computed(lambda: a.get() + 1 if t.get() else 5, name="b")
    nodes = {"a": a, "b": b}
    seen: list[object] = []

    def watch() -> None:
        try:
            seen.append((nodes[first].get(), nodes["b" if first == "a" else "a"].get()))
        except CycleError:
            seen.append("cycle")

    effect = Effect(watch) if observed else None
    for node in (nodes[first], a, b):
        with pytest.raises(CycleError):
            node.get()
    {"s": s, "t": t}[opened_by].set(False)
    assert (a.get(), b.get()) == ((1, 2) if opened_by == "s" else (5, 5))
    if effect is not None:
        assert seen[0] == "cycle"
        assert seen[-1] == tuple(n.get() for n in (nodes[first], nodes["b" if first == "a" else "a"]))
        check_invariants(rt, [s, t, a, b, effect])
        {"s": s, "t": t}[opened_by].set(True)
        assert seen[-1] == "cycle"
        effect.dispose()
    assert not s.observed
    assert not t.observed


@pytest.mark.requirement("R-3")
def test_a_caught_cycle_does_not_freeze_its_members() -> None:
    """Who catches the CycleError and returns something has an answer for now, not one to keep."""
    s = Signal(True)

    def guarded() -> int:
        try:
            return a.get()
        except CycleError:
            return -1

    a: Computed[int] = Computed(lambda: b.get() if s.get() else 7, name="a")
    b = Computed(guarded, name="b")
    assert a.get() == -1
    s.set(False)
    assert (a.get(), b.get()) == (7, 7)


@pytest.mark.requirement("R-3")
def test_pure_runs_do_not_write() -> None:
    s = Signal(0, name="total")
    writes = [
        lambda: s.set(1), lambda: s.update(lambda n: n + 1), lambda: untracked(lambda: s.set(1)),
        lambda: Effect(lambda: None),
    ]  # fmt: skip
    for write in writes:
        c = Computed(write, name="sum")
        with pytest.raises(WriteInPureError, match="while 'sum' was being computed"):
            c.get()
    with pytest.raises(WriteInPureError):
        Effect(lambda: Computed(lambda: s.set(1)).get())
    assert s.peek() == 0
    s.set(2)  # nothing lingers
    with batch():
        Effect(lambda: untracked(lambda: s.set(3)))  # an effect writes, untracked or not
    assert s.peek() == 3


def test_async_functions_are_refused() -> None:
    async def later() -> None: ...

    async def stream():
        yield 1

    for fn in (later, stream):
        with pytest.raises(TypeError, match="async"):
            Computed(fn)
        with pytest.raises(TypeError, match="async"):
            Effect(fn)
