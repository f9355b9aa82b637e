"""Tasks, threads, other runtimes, and reads that happen later than the run they were written in."""

import asyncio
import threading

import pytest

from smithers_reactive import (
    Computed,
    CycleError,
    Effect,
    ForeignSignalError,
    ForeignThreadError,
    Runtime,
    Scope,
    Signal,
    batch,
    untracked,
)
from smithers_reactive.invariants import check_invariants


def in_thread(fn):
    """Run `fn` in another thread; its result, or the exception it raised."""
    result: list[object] = []

    def body() -> None:
        try:
            result.append(fn())
        except Exception as error:
            result.append(error)

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    return result[0]


@pytest.mark.requirement("R-4")
def test_the_runtime_of_a_context_and_of_the_process() -> None:
    default = Runtime.current()
    mine = Runtime()
    with mine.activate() as active:
        assert active is mine
        assert Runtime.current() is mine
        assert Signal(0).rt is mine
        assert Signal(0, runtime=default).rt is default
        with default.activate():
            assert Signal(0).rt is default
        assert Effect(lambda: None, owner=Scope(default)).rt is default
    assert Runtime.current() is default


@pytest.mark.requirement("R-4")
def test_tasks_do_not_register_in_each_others_runs(rt: Runtime) -> None:
    a, b = Signal(1, name="a"), Signal(1, name="b")

    async def reader(gate: asyncio.Event) -> int:
        await gate.wait()
        return b.get()

    async def main() -> None:
        gate = asyncio.Event()
        tasks: list[asyncio.Task[int]] = []

        def body() -> None:
            a.get()
            if not tasks:
                tasks.append(asyncio.get_running_loop().create_task(reader(gate)))  # copies this context
            gate.set()

        effect = Effect(body)
        assert await tasks[0] == 1
        await asyncio.to_thread(b.get)
        assert effect.deps == [a]
        assert not b.observed

    asyncio.run(main())


@pytest.mark.requirement("R-4", "Z-24")
def test_another_thread_reads_untracked(rt: Runtime) -> None:
    s, ran = Signal(2), []
    double = Computed(lambda: (ran.append(threading.get_ident()), s.get() * 2)[1])
    quad = Computed(lambda: double.get() + double.get())
    got = []
    effect = Effect(lambda: got.append(in_thread(lambda: (s.get(), quad.get(), quad.peek()))))
    assert got == [(2, 8, 8)]
    assert effect.deps == []
    assert len(ran) == 2  # once for each of the two reads, and thrown away
    assert quad.verified_at == 0
    assert quad.get() == 8
    assert ran[-1] == threading.get_ident()
    ran.clear()
    assert in_thread(quad.get) == 8  # up to date: taken as it is
    assert ran == []
    check_invariants(rt, [s, double, quad, effect])


@pytest.mark.requirement("R-4", "Z-24")
def test_a_live_computed_read_elsewhere_while_it_is_stale(rt: Runtime) -> None:
    s, got = Signal(1), []
    c = Computed(lambda: s.get() * 10)
    Effect(c.get)
    with batch():
        s.set(2)
        got.append(in_thread(c.get))
    assert got == [20]
    assert c.get() == 20


@pytest.mark.requirement("R-4")
def test_errors_and_cycles_read_from_another_thread(rt: Runtime) -> None:
    bad = Computed(lambda: 1 // 0)
    assert isinstance(in_thread(bad.get), ZeroDivisionError)
    with pytest.raises(ZeroDivisionError):
        bad.get()
    assert isinstance(in_thread(bad.get), ZeroDivisionError)  # the cached one
    a: Computed[int] = Computed(lambda: b.get(), name="a")
    b: Computed[int] = Computed(lambda: a.get(), name="b")
    error = in_thread(a.get)
    assert isinstance(error, CycleError)
    assert error.members == ("a", "b")


@pytest.mark.requirement("R-4", "Z-24")
def test_another_thread_changes_nothing(rt: Runtime) -> None:
    s = Signal(1, name="s")
    effect = Effect(s.get)
    scope = Scope(rt)

    def use_batch() -> None:
        with rt.batch():
            pass

    changes = [
        lambda: s.set(2), lambda: s.update(lambda n: n + 1), use_batch, effect.dispose, scope.dispose,
        lambda: scope.run(s.get), lambda: Effect(s.get, runtime=rt), lambda: Computed(lambda: s.set(9)).get(),
    ]  # fmt: skip
    for change in changes:
        assert isinstance(in_thread(change), ForeignThreadError)
    assert s.peek() == 1
    s.set(5)
    check_invariants(rt, [s, effect])


@pytest.mark.requirement("Z-24")
def test_signals_of_two_runtimes_do_not_mix() -> None:
    one, two = Runtime(), Runtime()
    mine, foreign = Signal(1, runtime=one, name="mine"), Signal(2, runtime=two, name="foreign")
    foreign_sum = Computed(lambda: foreign.get(), runtime=two)
    for node in (foreign, foreign_sum):
        with pytest.raises(ForeignSignalError, match="another Runtime"):
            Effect(lambda n=node: n.get(), runtime=one)
        with pytest.raises(ForeignSignalError):
            Computed(lambda n=node: mine.get() + n.get(), runtime=one).get()
        with pytest.raises(ForeignSignalError):
            Scope(one).run(node.get)
        seen = []
        Effect(lambda n=node: seen.append(mine.get() + untracked(n.get)), runtime=one).dispose()
        assert seen == [3]
    assert not foreign.observed
    assert foreign.get() == 2


@pytest.mark.requirement("Z-24")
def test_a_runtime_at_work_inside_anothers_run() -> None:
    """An effect of one writes a signal of the other, whose effects then run inside it."""
    one, two = Runtime(), Runtime()
    a, b = Signal(1, runtime=one, name="a"), Signal(1, runtime=two, name="b")
    seen = []
    watcher = Effect(lambda: seen.append((b.get(), untracked(a.get))), runtime=two)

    def bridge() -> None:
        b.set(a.get() * 10)
        a.get()

    effect = Effect(bridge, runtime=one)
    a.set(2)
    assert seen == [(1, 1), (10, 1), (20, 2)]
    assert effect.deps == [a]
    assert watcher.deps == [b]
    wrong = Effect(lambda: b.get() > 30 and a.get(), runtime=two)
    with pytest.raises(ForeignSignalError):
        a.set(4)  # inside one's effect, two's effect reads a of one, tracked: it would land in the wrong log
    assert effect.deps == [a]
    wrong.dispose()
    a.set(5)
    assert seen[-1] == (50, 5)
    for runtime in (one, two):
        check_invariants(runtime, [a if runtime is one else b])


@pytest.mark.requirement("R-4")
def test_reads_belong_to_the_run_in_which_they_happen(rt: Runtime) -> None:
    a, b = Signal(1), Signal(2)

    def values():
        yield a.get()
        yield b.get()

    made = []
    maker = Effect(lambda: made.append(values()))
    assert maker.deps == []
    consumer = Effect(lambda: list(made[-1]))
    assert consumer.deps == [a, b]
    captured = []
    scope = Scope(rt)
    _, log = scope.run(lambda: captured.append(a.get))
    scope.commit(log)
    captured[0]()  # used after the run
    assert scope.deps == []


@pytest.mark.requirement("Z-24")
def test_deferred_writes(rt: Runtime) -> None:
    posted = []
    engine = Runtime(on_write=lambda node, value, is_update: posted.append((node, value, is_update)))
    s, seen = Signal(1, runtime=engine, name="s"), []
    Effect(lambda: seen.append(s.get()), runtime=engine)
    s.set(5)
    s.update(lambda n: n + 1)
    in_thread(lambda: s.set(7))
    assert seen == [1]
    with engine.batch():
        for node, value, is_update in posted:
            node.write(value(node.value) if is_update else value)
    assert seen == [1, 7]
    assert [is_update for _, _, is_update in posted] == [False, True, False]
    posted.clear()
    pure = Computed(lambda: s.set(9), runtime=engine)
    with pytest.raises(Exception, match="was written while"):
        pure.get()
    assert posted == []
