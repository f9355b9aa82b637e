"""Effects: when they run, in which order, what they may do, how they end."""

import pytest

from smithers_reactive import Computed, CycleError, Effect, Runtime, Scope, Signal, batch
from smithers_reactive import runtime as runtime_module
from smithers_reactive.invariants import check_invariants

pytestmark = pytest.mark.usefixtures("rt")


@pytest.mark.requirement("R-1", "Z-24")
def test_runs_on_creation_and_at_once_outside_a_batch() -> None:
    s, seen = Signal(1), []
    e = Effect(lambda: seen.append(s.get()))
    assert seen == [1]
    s.set(2)
    assert seen == [1, 2]
    e.dispose()
    e.dispose()
    s.set(3)
    assert seen == [1, 2]


@pytest.mark.requirement("R-1")
def test_cleanup_runs_before_the_next_run_and_at_disposal_untracked() -> None:
    s, other, log = Signal(1), Signal(1), []

    def body():
        value = s.get()
        log.append(f"run {value}")
        return lambda: log.append(f"clean {value} {other.get()}")

    e = Effect(body)
    s.set(2)
    other.set(2)
    e.dispose()
    assert log == ["run 1", "clean 1 1", "run 2", "clean 2 2"]


@pytest.mark.requirement("R-1")
def test_nested_batches_flush_once_at_the_outermost_end() -> None:
    a, b, seen = Signal(1), Signal(1), []
    Effect(lambda: seen.append(a.get() + b.get()))
    with batch():
        a.set(2)
        with batch():
            b.set(2)
        assert seen == [2]
        assert Computed(lambda: a.get() * 10).get() == 20  # reads are never held back
    assert seen == [2, 4]


@pytest.mark.requirement("R-1")
def test_an_exception_in_a_batch_keeps_its_writes_and_its_effects(rt: Runtime) -> None:
    a, seen = Signal(1), []
    e = Effect(lambda: seen.append(a.get()))

    def write_and_fail() -> None:
        with batch(), batch():
            a.set(2)
            raise LookupError

    with pytest.raises(LookupError):
        write_and_fail()
    assert seen == [1, 2]
    assert rt.batch_depth == 0
    check_invariants(rt, [e])


@pytest.mark.requirement("R-1")
def test_one_failing_effect_does_not_stop_the_others(rt: Runtime) -> None:
    s, seen = Signal(0), []

    def fails(bound: int) -> None:
        if s.get() >= bound:
            raise ValueError(bound)

    effects = [Effect(lambda: fails(1)), Effect(lambda: seen.append(s.get())), Effect(lambda: fails(2))]
    with pytest.raises(ValueError, match="1"):
        s.set(1)
    with pytest.raises(ExceptionGroup) as caught:
        s.set(2)
    assert [str(error) for error in caught.value.exceptions] == ["1", "2"]
    assert seen == [0, 1, 2]
    s.set(0)  # both are still subscribed and recover
    with pytest.raises(ValueError, match="1"):
        s.set(1)
    check_invariants(rt, effects)


@pytest.mark.requirement("R-1")
def test_an_effect_that_fails_at_birth_leaves_nothing_behind() -> None:
    s = Signal(0)
    with pytest.raises(ZeroDivisionError):
        Effect(lambda: 1 // s.get())
    assert not s.observed
    Effect(lambda: s.get() == 1 and 1 / 0)
    with pytest.raises(ZeroDivisionError):
        Effect(lambda: s.set(1))  # makes the one above fail: the caller gets no handle, so it must be gone
    t = Signal(0)

    def write_and_watch() -> None:
        s.set(t.get())

    s.set(0)
    t.set(1)
    with pytest.raises(ZeroDivisionError):
        Effect(write_and_watch)
    assert not t.observed


@pytest.mark.requirement("R-1")
def test_a_failing_cleanup_is_reported_and_the_run_goes_on() -> None:
    s, seen = Signal(0), []

    def body():
        seen.append(s.get())
        return lambda: 1 / 0

    e = Effect(body)
    with pytest.raises(ZeroDivisionError):
        s.set(1)
    assert seen == [0, 1]
    with pytest.raises(ZeroDivisionError):
        e.dispose()
    e.dispose()
    assert not s.observed


@pytest.mark.requirement("R-1")
def test_writes_of_an_effect_take_effect_after_it(rt: Runtime) -> None:
    a, b, log = Signal(0), Signal(0), []
    Effect(lambda: log.append(f"b={b.get()}"))

    def copy() -> None:
        b.set(a.get())
        log.append("copied")

    e = Effect(copy)
    a.set(5)
    assert log == ["b=0", "copied", "copied", "b=5"]
    check_invariants(rt, [e, a, b])


@pytest.mark.requirement("R-2")
def test_an_effect_that_writes_what_it_reads_settles(rt: Runtime) -> None:
    n = Signal(0)
    double = Computed(lambda: n.get() * 2)
    seen = []

    def climb() -> None:
        seen.append(double.get())
        if n.get() < 4:
            n.set(n.get() + 1)

    e = Effect(climb)
    assert seen == [0, 2, 4, 6, 8]
    n.set(2)
    assert seen[-3:] == [4, 6, 8]
    check_invariants(rt, [e])


@pytest.mark.requirement("R-3")
def test_effects_that_never_settle_are_stopped_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "MAX_ROUNDS", 200)
    a, b = Signal(0), Signal(0)
    ping = Effect(lambda: b.set(a.get()), name="ping")
    with pytest.raises(CycleError) as caught:
        Effect(lambda: a.set(b.get() + 1), name="pong")
    assert set(caught.value.members) <= {"ping", "pong"}
    ping.dispose()
    a.set(-1)
    assert not b.observed


@pytest.mark.requirement("R-2")
def test_many_effects_on_one_signal_are_no_endless_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runtime_module, "MAX_ROUNDS", 10)
    s, seen = Signal(0), []
    for _ in range(500):
        Effect(lambda: seen.append(s.get()))
    s.set(1)
    assert len(seen) == 1000


@pytest.mark.requirement("R-5")
def test_disposal_inside_the_own_run(rt: Runtime) -> None:
    s, log = Signal(0), []

    def body():
        log.append(s.get())
        if s.get() == 1:
            e.dispose()
            s.peek()
        return lambda: log.append("clean")

    e = Effect(body)
    s.set(1)
    assert log == [0, "clean", 1, "clean"]
    s.set(2)
    assert log == [0, "clean", 1, "clean"]
    assert not s.observed
    check_invariants(rt, [s, e])


@pytest.mark.requirement("R-5")
def test_an_effect_disposed_by_an_earlier_one_does_not_run(rt: Runtime) -> None:
    s, log = Signal(0), []
    first = Effect(lambda: s.get() and second.dispose())
    second = Effect(lambda: log.append(s.get()))
    s.set(1)
    assert log == [0]
    check_invariants(rt, [first, second, s])


@pytest.mark.requirement("R-5")
def test_a_cleanup_may_dispose_its_own_effect() -> None:
    s, log = Signal(0), []

    def body():
        log.append(s.get())
        return lambda: e.dispose()

    e = Effect(body)
    s.set(1)
    assert log == [0]
    assert not s.observed


@pytest.mark.requirement("R-2")
def test_effects_run_in_the_order_they_subscribed() -> None:
    s, log = Signal(0), []
    effects = [Effect(lambda i=i: log.append((s.get(), i))) for i in range(100)]  # beyond a list's size
    log.clear()
    effects[40].dispose()
    s.set(1)
    assert log == [(1, i) for i in range(100) if i != 40]


@pytest.mark.requirement("R-1")
def test_an_interrupted_flush_goes_on_where_it_stopped(rt: Runtime) -> None:
    s, log, interrupt = Signal(0), [], []

    def body() -> None:
        log.append(("second", s.get()))
        if interrupt:
            raise interrupt.pop()

    def fails() -> None:
        if s.get() == 1:
            raise ValueError("first")

    effects = [Effect(fails), Effect(body), Effect(lambda: log.append(("third", s.get())))]
    log.clear()
    interrupt.append(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt) as caught:
        s.set(1)
    assert "ValueError('first')" in caught.value.__notes__[0]
    assert log == [("second", 1)]
    rt.flush()
    assert log == [("second", 1), ("second", 1), ("third", 1)]
    check_invariants(rt, effects)


@pytest.mark.requirement("R-5")
def test_effects_end_with_their_scope(rt: Runtime) -> None:
    s, log = Signal(0), []
    scope = Scope(rt)

    def body(name: str):
        log.append(f"{name} {s.get()}")
        return lambda: log.append(f"{name} gone")

    effects = [Effect(lambda name=name: body(name), owner=scope) for name in "abc"]
    effects[1].dispose()
    log.clear()
    scope.dispose()
    scope.dispose()
    assert log == ["a gone", "c gone"]
    assert not s.observed
    assert Effect(lambda: body("late"), owner=scope).observed is False
    assert log[-2:] == ["late 0", "late gone"]
    failing = Scope(rt)
    for _ in range(2):
        Effect(lambda: lambda: 1 / 0, owner=failing)
    with pytest.raises(ExceptionGroup, match="cleanups failed"):
        failing.dispose()
    nested = Scope(rt)
    child = Scope(rt)
    nested.own(child)
    Effect(lambda: body("deep"), owner=child)
    nested.dispose()
    assert log[-1] == "deep gone"
