"""S-2: volatile state, any value."""

from typing import Any

import pytest
from state_world import World

from smithers_py.errors import StateActionError


class Awkward:
    """Comparing it raises."""

    def __eq__(self, other: object) -> bool:
        raise RuntimeError("no")

    __hash__ = object.__hash__


@pytest.mark.requirement("S-2")
def test_any_value_is_handed_out_as_it_is(world: World) -> None:
    thing = object()
    world.flush(lambda ctx: ctx.v.set("k", thing))
    assert world.store.vol.get("k") is thing
    assert world.flush(lambda ctx: ctx.v.set("k", thing)).empty


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (1, 1, False),
        (1, True, True),
        (1, 1.0, True),
        ([1], [1], False),
        (Awkward(), Awkward(), True),
        (None, None, False),
    ],
)
def test_equality(world: World, old: Any, new: Any, changes: bool) -> None:
    world.flush(lambda ctx: ctx.vol.set("k", old))
    assert bool(world.flush(lambda ctx: ctx.vol.set("k", new)).vol_changes) == changes


def test_every_method(world: World) -> None:
    def handler(ctx: Any) -> None:
        ctx.vol.append("list", 1, {2})
        ctx.vol.append("list", 3)
        ctx.vol.increment("n")
        ctx.vol.increment("n", 1.5)
        ctx.vol.merge("dict", {"a": 1, "b": {"c": [1, 2]}})
        ctx.vol.remove("dict", ["b", "c", -1])
        ctx.vol.remove("dict", "nothing")
        ctx.vol.remove("absent", "x")
        ctx.vol.update("list", lambda items: items[::-1])
        ctx.vol.init("n", 99)
        ctx.vol.init("new", 5, trigger="why")
        ctx.vol.set("gone", 1)
        ctx.vol.delete("gone")

    plan = world.flush(handler)
    vol = world.store.vol
    assert not plan.failed
    assert vol.keys() == ["dict", "list", "n", "new"]
    assert (vol.get("list"), vol.get("n"), vol.get("dict"), vol.get("new")) == (
        [3, {2}, 1],
        2.5,
        {"a": 1, "b": {"c": [1]}},
        5,
    )
    assert {change.key: change.trigger for change in plan.vol_changes}["new"] == "why"
    assert plan.keys_written == ["vol:list", "vol:n", "vol:dict", "vol:new"]
    (change,) = world.flush(lambda ctx: ctx.vol.delete("n")).vol_changes
    assert change.deleted
    assert vol.get("n", "none") == "none"


def test_a_user_s_list_is_never_changed_in_place(world: World) -> None:
    mine = [1]
    world.flush(lambda ctx: ctx.vol.set("k", mine))
    world.flush(lambda ctx: ctx.vol.append("k", 2))
    assert mine == [1]


@pytest.mark.parametrize("method", ["append", "increment", "merge", "remove"])
def test_what_does_not_fit_drops_the_batch(world: World, method: str) -> None:
    arguments = {"append": (1,), "increment": (1,), "merge": ({},), "remove": ("a",)}[method]
    world.flush(lambda ctx: ctx.vol.set("k", "text"))
    plan = world.flush(lambda ctx: getattr(ctx.vol, method)("k", *arguments))
    ((_, error),) = plan.failed
    assert isinstance(error, StateActionError)


@pytest.mark.requirement("Z-20")
def test_the_digest_returns_with_the_values(world: World) -> None:
    vol = world.store.vol
    empty = vol.digest()
    world.flush(lambda ctx: (ctx.vol.set("a", 1), ctx.vol.set("b", [2])))
    first = vol.digest()
    world.flush(lambda ctx: ctx.vol.set("a", 2))
    assert vol.digest() not in (empty, first)
    world.flush(lambda ctx: ctx.vol.set("a", 1))
    assert vol.digest() == first
    world.flush(lambda ctx: (ctx.vol.delete("a"), ctx.vol.delete("b")))
    assert vol.digest() == empty
    world.flush(lambda ctx: ctx.vol.set("a", object()))
    seen = vol.digest()
    world.flush(lambda ctx: ctx.vol.set("a", object()))
    assert vol.digest() != seen
