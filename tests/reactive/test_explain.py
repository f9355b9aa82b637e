"""Why a node ran and why it would run again, held against what really happened."""

import random

import pytest
from reactive_model import World, seeded_plan

from smithers_reactive import Computed, Effect, Node, Runtime, Scope, Signal, dependencies

pytestmark = pytest.mark.requirement("R-6")


def shop(rt: Runtime) -> tuple[Signal[int], Signal[int], Computed[int], Computed[bool]]:
    price, count = Signal(10, name="price"), Signal(2, name="count")
    total = Computed(lambda: price.get() * count.get(), name="total")
    return price, count, total, Computed(lambda: total.get() < 100, name="cheap")


def test_the_change_and_the_way_it_took(rt: Runtime) -> None:
    price, count, _, cheap = shop(rt)
    seen: list[bool] = []
    watcher = Effect(lambda: seen.append(cheap.get()), name="watcher")
    assert rt.explain(watcher).ran_because is None
    assert "nothing it reads has changed" in str(rt.explain(watcher))
    price.set(20)  # still cheap: the watcher does not run
    assert rt.explain(cheap).ran_because == ("cheap", "total", "price")
    assert rt.explain(watcher).ran_because is None or rt.explain(watcher).ran_because[-1] != "count"
    count.set(50)
    why = rt.explain(watcher)
    assert why.ran_because == ("watcher", "cheap", "total", "count")
    assert why.would_run_because == ()
    assert str(why) == "'watcher' ran because 'count' changed (by way of watcher -> cheap -> total -> count)"


def test_what_waits_in_a_batch(rt: Runtime) -> None:
    price, count, total, cheap = shop(rt)
    seen: list[int] = []
    direct = Effect(lambda: seen.append(price.get()), name="direct")
    distant = Effect(lambda: seen.append(cheap.get()), name="distant")
    with rt.batch():
        price.set(11)
        why = rt.explain(direct)
        assert (why.would_run_because, why.certain) == ((("direct", "price"),), True)
        count.set(3)
        why = rt.explain(distant)
        paths = (("distant", "cheap", "total", "price"), ("distant", "cheap", "total", "count"))
        assert (why.would_run_because, why.certain) == (paths, False)
        assert "may run again" in str(why)
        assert rt.explain(total).certain
    assert rt.explain(distant).would_run_because == ()


def test_an_idle_computed_is_asked_not_run(rt: Runtime) -> None:
    price, _, total, cheap = shop(rt)
    assert not rt.explain(cheap).ran
    assert "has not run" in str(rt.explain(cheap))
    cheap.get()
    price.set(60)
    why = rt.explain(cheap)
    assert why.would_run_because == (("cheap", "total", "price"),)
    assert total.verified_at < rt.clock  # nothing ran
    cheap.get()
    assert rt.explain(cheap).ran_because == ("cheap", "total", "price")


def test_scopes_and_key_nodes(rt: Runtime) -> None:
    phase, other = rt.key_node("phase"), rt.key_node("other")

    def read(*keys: Node) -> None:  # as a store does
        assert rt.log is not None
        rt.log.extend(keys)

    both = Computed(lambda: read(other, phase), name="both")
    scope = Scope(rt, name="Research")
    _, log = scope.run(lambda: (read(phase), both.get()))
    scope.commit(log)
    assert dependencies(scope) == [("phase", ("Research", "phase")), ("other", ("Research", "both", "other"))]
    phase.touch()
    assert rt.explain(scope).would_run_because == (("Research", "phase"),)
    _, log = scope.run(lambda: read(phase))
    scope.commit(log)
    assert rt.explain(scope).ran_because == ("Research", "phase")
    scope.dispose()
    assert dependencies(scope) == []
    assert rt.explain(scope).would_run_because == ()


def test_a_failed_and_a_cut_run(rt: Runtime) -> None:
    trap = Signal(1, name="trap")

    def fragile() -> int:
        if trap.get() == 2:
            raise KeyboardInterrupt
        return trap.get()

    c = Computed(fragile, name="fragile")
    c.get()
    trap.set(2)
    with pytest.raises(KeyboardInterrupt):
        c.get()
    assert not rt.explain(c).ran


def test_a_chain_of_ten_thousand_does_not_recurse(rt: Runtime) -> None:
    s = Signal(0, name="s")
    last: Signal[int] | Computed[int] = s
    for _ in range(10_000):
        last = Computed(lambda below=last: below.get() + 1)
        last.get()
    s.set(1)
    why = rt.explain(last)
    assert [path[-1] for path in why.would_run_because] == ["s"]
    assert len(why.would_run_because[0]) == 10_001
    last.get()
    assert rt.explain(last).ran_because == why.would_run_because[0]


def test_the_named_signal_really_changed_it() -> None:
    """On random graphs: with one write at a time, whatever ran names the signal written."""
    for seed in range(60):
        chance = random.Random(seed)
        plan = seeded_plan(chance)
        world = World(plan, Runtime())
        for index in range(len(world.nodes)):
            world.observe(index)
        for _ in range(10):
            index, value = chance.randrange(plan.signals), chance.randrange(6)
            before = [node.changed_at for node in world.nodes]
            world.values[index] = value
            world.ran.clear()
            world.nodes[index].set(value)
            for ran in world.ran:
                why = world.rt.explain(world.nodes[plan.signals + ran])
                assert why.ran_because is not None
                assert why.ran_because[-1] == f"s{index}"
            changed = [i for i, node in enumerate(world.nodes) if node.changed_at != before[i]]
            assert all(i == index or i - plan.signals in world.ran for i in changed)
