"""Deep, wide, latticed graphs, and what is left when they are gone."""

import gc
import subprocess
import sys
import weakref

import pytest

from smithers_reactive import Computed, Effect, Runtime, Scope, Signal, headroom
from smithers_reactive.invariants import check_invariants

pytestmark = pytest.mark.usefixtures("rt")


def chain(length: int) -> tuple[Signal[int], list[Computed[int]]]:
    s = Signal(0)
    nodes: list[Computed[int]] = []
    for _ in range(length):
        nodes.append(Computed(lambda below=(nodes[-1] if nodes else s): below.get() + 1))
    return s, nodes


@pytest.mark.requirement("R-2", "Z-24")
def test_a_chain_of_ten_thousand(rt: Runtime) -> None:
    limit = sys.getrecursionlimit()
    s, nodes = chain(10_000)
    assert nodes[-1].get() == 10_000  # the first pull, unobserved
    assert sys.getrecursionlimit() == limit
    s.set(1)
    assert nodes[-1].get() == 10_001  # polled
    seen = []
    e = Effect(lambda: seen.append(nodes[-1].get()))  # subscribes all
    s.set(2)
    assert seen == [10_001, 10_002]
    check_invariants(rt, [e])
    e.dispose()
    assert not s.observed
    assert sys.getrecursionlimit() == limit


@pytest.mark.requirement("R-2", "Z-24")
def test_the_first_pull_by_an_effect_and_by_a_scope(rt: Runtime) -> None:
    limit = sys.getrecursionlimit()
    s, nodes = chain(10_000)
    e = Effect(nodes[-1].get)
    s.set(1)
    _, others = chain(10_000)
    value, log = Scope(rt).run(others[-1].get)
    assert (value, log) == (10_000, [others[-1]])
    assert sys.getrecursionlimit() == limit
    e.dispose()


@pytest.mark.requirement("R-2")
def test_a_chain_beyond_the_headroom_is_a_recursion_error_not_a_crash() -> None:
    """In a process of its own, through C (`sum`), which is what takes the C stack."""
    script = f"""
import sys
from smithers_reactive import Computed, Signal
s = Signal(0); c = s
for _ in range({headroom.MAX_LEVELS} * 2):
    c = Computed(lambda below=c: sum([below.get() for _ in (1,)]) + 1)
limit = sys.getrecursionlimit()
try:
    c.get()
except RecursionError:
    print("refused")
assert sys.getrecursionlimit() == limit
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert done.stdout.strip() == "refused", done.stderr[-500:]


def test_a_runaway_function_is_still_a_recursion_error() -> None:
    def forever(n: int) -> int:
        return forever(n + 1)

    c = Computed(lambda: forever(0))
    with pytest.raises(RecursionError):
        c.get()


def test_headroom_of_two_threads_is_given_back_by_the_last() -> None:
    limit = sys.getrecursionlimit()
    headroom.grant(1, 1000)
    headroom.grant(2, 5000)
    assert sys.getrecursionlimit() >= limit + 5000
    headroom.release(2)
    assert limit + 1000 <= sys.getrecursionlimit() < limit + 5000 * headroom.FRAMES_PER_LEVEL
    headroom.release(1)
    headroom.release(1)
    assert sys.getrecursionlimit() == limit


def lattice_runs(depth: int, width: int = 6) -> int:
    ran = []
    s = Signal(0)
    row = [s] * width
    for _ in range(depth):
        row = [
            Computed(lambda a=row[i], b=row[(i + 1) % width]: (ran.append(1), a.get() + b.get())[1])
            for i in range(width)
        ]
    Effect(lambda: [c.get() for c in row])
    ran.clear()
    s.set(1)
    return len(ran)


@pytest.mark.requirement("R-2")
def test_a_lattice_costs_its_nodes_not_its_paths() -> None:
    assert lattice_runs(4) == 4 * 6
    assert lattice_runs(14) == 14 * 6


@pytest.mark.requirement("R-2")
def test_a_wide_fan_and_a_wide_join(rt: Runtime) -> None:
    s, ran = Signal(0), []
    fan = [Computed(lambda i=i: (ran.append(i), s.get() + i)[1]) for i in range(5_000)]
    total = Computed(lambda: sum(c.get() for c in fan))
    seen = []
    e = Effect(lambda: seen.append(total.get()))
    s.set(1)
    assert seen[1] - seen[0] == 5_000
    assert len(ran) == 10_000
    check_invariants(rt, [s])
    e.dispose()
    assert not any(c.observed for c in fan)


@pytest.mark.requirement("R-2")
def test_dependencies_no_longer_read_are_dropped(rt: Runtime) -> None:
    which, a, b, ran = Signal(True), Signal(1), Signal(2), []
    c = Computed(lambda: (ran.append(1), a.get() if which.get() else b.get())[1])
    e = Effect(c.get)
    which.set(False)
    assert not a.observed
    ran.clear()
    a.set(10)
    assert ran == []
    b.set(20)
    assert ran == [1]
    check_invariants(rt, [which, a, b, c, e])


@pytest.mark.requirement("R-2")
def test_a_computed_that_idled_and_woke_within_one_clock_hears_of_changes(rt: Runtime) -> None:
    """Found by the random graphs (the prototype had it): `below` was live and clean, so it had not looked at the clock
    for long; `top` had. Idle and awake again, `below` distrusted itself and took a mark that `top` did not share."""
    a, b = Signal(1), Signal(1)
    below = Computed(lambda: a.get() * 10)
    top = Computed(lambda: below.get() + b.get())
    e = Effect(top.get)
    b.set(2)  # top is verified now, below was not asked
    e.dispose()
    seen = []
    e = Effect(lambda: seen.append(top.get()))
    check_invariants(rt, [e])
    a.set(2)
    assert seen == [12, 22]


@pytest.mark.requirement("R-2")
def test_an_equal_write_runs_nothing() -> None:
    s, ran = Signal(1), []
    c = Computed(lambda: (ran.append(1), s.get())[1])
    Effect(c.get)
    s.set(1)
    assert ran == [1]


@pytest.mark.requirement("R-5")
def test_unobserved_computeds_are_collectable() -> None:
    s = Signal(0)
    c = Computed(s.get)
    assert c.get() == 0
    e = Effect(c.get)
    e.dispose()
    class_refs = sys.getrefcount(s)
    marker = Marker()
    held = Computed(lambda m=marker: (s.get(), m)[0])
    held.get()
    gone = weakref.ref(marker)
    del marker, held
    gc.collect()
    assert gone() is None
    assert sys.getrefcount(s) == class_refs


class Marker:
    """Something a weak reference can watch; nodes have no room for one."""


@pytest.mark.requirement("R-5")
def test_nothing_leaks_over_many_changes(rt: Runtime) -> None:
    """A sample of the million: effects and scopes come and go over a few long-lived signals."""
    signals = [Signal(0) for _ in range(10)]
    shared = [Computed(lambda i=i: signals[i].get() + signals[(i + 1) % 10].get()) for i in range(10)]

    def generation(n: int) -> None:
        scope = Scope(rt)
        _, log = scope.run(lambda: shared[n % 10].get())
        scope.commit(log)
        effects = [Effect(lambda k=k: shared[k % 10].get(), owner=scope) for k in range(n, n + 5)]
        signals[n % 10].set(n)
        effects[0].dispose()
        scope.dispose()

    for n in range(200):
        generation(n)
    rt.take_dirty()
    gc.collect()
    before = len(gc.get_objects())
    for n in range(20_000):
        generation(n)
    rt.take_dirty()
    gc.collect()
    assert len(gc.get_objects()) - before < 100
    assert not any(node.observed for node in [*signals, *shared])
    assert rt.queue == []
    assert rt.dirty == []
    check_invariants(rt, [*signals, *shared])
