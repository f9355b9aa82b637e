"""Reads subscribe, changes mark, unread nodes go (S-1 to S-3, F-3, Z-24)."""

import threading

import pytest
from state_world import World, names

from smithers_py.state.actions import Batch, Set
from smithers_reactive import Computed, Signal


@pytest.mark.requirement("S-3", "F-3")
def test_only_readers_of_a_changed_key_are_marked(world: World) -> None:
    _, reads_a = world.render(lambda ctx: ctx.state.get("a"))
    _, reads_b = world.render(lambda ctx: (ctx.state.get("b", 0), ctx.vol.get("a"), ctx.state.keys("x")))
    assert names(reads_a) == ["a"]
    assert names(reads_b) == ["b", "vol:a", "x*"]
    world.flush(lambda ctx: ctx.state.set("a", 1))
    assert world.dirty() == [reads_a]
    value, _ = world.render(lambda ctx: ctx.state.get("a"), reads_a)
    assert value == 1
    world.flush(lambda ctx: ctx.state.set("a", 1))
    assert world.dirty() == []
    world.flush(lambda ctx: ctx.vol.set("a", 1))
    assert world.dirty() == [reads_b]


@pytest.mark.requirement("S-3")
def test_nothing_moves_before_publish(world: World) -> None:
    _, scope = world.render(lambda ctx: ctx.state.get("a"))
    plan = world.store.plan_flush([world.batch(lambda ctx: ctx.state.set("a", 1))])
    assert world.dirty() == []
    assert world.read("a") is None
    world.store.publish(plan)
    assert world.dirty() == [scope]


@pytest.mark.parametrize("change", ["appears", "goes"])
def test_absent_keys_and_prefixes(world: World, change: str) -> None:
    if change == "goes":
        world.flush(lambda ctx: ctx.state.set("job/1", 1))
    _, key = world.render(lambda ctx: ctx.state.get("job/1"))
    _, under = world.render(lambda ctx: ctx.state.keys("job/"))
    _, everything = world.render(lambda ctx: ctx.state.keys())
    _, elsewhere = world.render(lambda ctx: ctx.state.keys("other/"))
    world.flush(
        (lambda ctx: ctx.state.set("job/1", 1)) if change == "appears" else (lambda ctx: ctx.state.delete("job/1"))
    )
    assert set(world.dirty()) == {key, under, everything}
    for scope in (key, under, everything):
        world.render(lambda ctx: ctx.state.keys("job/"), scope)
    if change == "appears":
        world.flush(lambda ctx: ctx.state.set("job/1", 2))
        assert world.dirty() == [], "a changed value is not a changed listing"
    assert elsewhere.deps


@pytest.mark.requirement("Z-1")
def test_engine_keys_are_hidden_from_listings(world: World) -> None:
    _, scope = world.render(lambda ctx: ctx.state.keys())
    world.store.publish(world.store.plan_flush([Batch(None, kind="engine", actions=[Set("$node/a", '"idle"')])]))
    assert world.dirty() == []
    world.flush(lambda ctx: ctx.state.set("b", 1))
    assert world.dirty() == [scope]
    assert world.store.keys() == ["b"]
    assert world.store.keys("$") == ["$node/a"]


@pytest.mark.requirement("Z-24")
def test_nodes_without_readers_are_dropped_and_idle_computeds_hear_of_it(world: World) -> None:
    with world.rt.activate():
        computed = Computed(lambda: world.store.get("a"))
        assert computed.get() is None
        assert len(world.store._nodes) == 1
        world.flush(lambda ctx: ctx.state.set("a", 1))
        assert len(world.store._nodes) == 0
        assert computed.get() == 1
        world.flush(lambda ctx: ctx.state.set("a", 2))
        assert computed.get() == 2


@pytest.mark.requirement("R-5")
def test_keys_that_never_change_again_do_not_pile_up(world: World) -> None:
    for number in range(5000):
        _, scope = world.render(lambda ctx, n=number: ctx.state.get(f"$node/{n}"))
        scope.dispose()
        if number % 50 == 0:
            world.flush(lambda ctx, n=number: ctx.state.set("n", n))
    assert len(world.store._nodes) < 600


def test_containers_are_copies_and_scalars_are_not_decoded_again(world: World) -> None:
    world.flush(lambda ctx: (ctx.state.set("list", [[1]]), ctx.state.set("big", [["x" * 5000]])))
    for key in ("list", "big"):
        before = world.store.texts()
        world.read(key)[0].append(2)
        world.read(key).clear()
        assert world.store.texts() == before
        assert len(world.read(key)[0]) == 1


@pytest.mark.requirement("R-4")
def test_a_read_on_another_thread_subscribes_nobody(world: World) -> None:
    def component(ctx: object) -> list[object]:
        seen: list[object] = []
        thread = threading.Thread(target=lambda: seen.append(world.store.get("a")))
        thread.start()
        thread.join()
        return seen

    world.flush(lambda ctx: ctx.state.set("a", 1))
    value, scope = world.render(component)
    assert value == [1]
    assert names(scope) == []


@pytest.mark.requirement("Z-24")
def test_signals_written_in_an_execution_wait_for_the_flush(world: World) -> None:
    with world.rt.activate():
        signal = Signal(1)
        _, scope = world.render(lambda ctx: signal.get())

        def handler(ctx: object) -> None:
            signal.update(lambda n: n + 1)
            signal.update(lambda n: n * 10)
            assert signal.peek() == 1

        world.flush(handler, lambda ctx: signal.update(lambda n: n + 1))
        assert signal.peek() == 21
        assert world.dirty() == [scope]
        assert world.flush(lambda ctx: signal.set(21)).empty

        def bad(ctx: object) -> None:
            signal.set(0)
            signal.update(lambda n: 1 // n)

        assert world.flush(bad).failed
        assert signal.peek() == 21
