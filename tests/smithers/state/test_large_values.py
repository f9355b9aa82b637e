"""S-7: what a write costs follows what it changes, not the size of the value."""

import json
import random
from typing import Any

import pytest
from state_world import World, texts_after

from smithers_py.errors import StateActionError, StateValueError
from smithers_py.state.actions import Append, Batch, Increment, Merge, Remove, Set
from smithers_py.state.deltas import splice
from smithers_py.state.plan import Change


def one(world: World, *actions: Any) -> Change:
    plan = world.store.plan_flush([Batch("n", actions=list(actions))])
    assert not plan.failed
    world.store.publish(plan)
    (change,) = plan.changes
    return change


@pytest.mark.requirement("S-7")
def test_a_thousand_appends_of_a_kilobyte(world: World) -> None:
    """Bytes, counted where they are made: the transitions, and the last row that each key was given."""
    transitions, row, rewritten = 0, 0, 0
    for number in range(1000):
        change = one(world, Append("log", json.dumps([f"{number:04}" + "x" * 1000])))
        transitions += sum(len(part or "") for part in (change.old_text, change.new_text, change.delta_text))
        if change.kv is not None:
            row = len(change.kv.value_text)
            rewritten += row
    assert transitions < 1_050_000
    assert transitions + row < 1_700_000
    assert rewritten < 1_400_000, "keyframes double, so together they cost little more than the value"
    assert len(world.read("log")) == 1000


@pytest.mark.requirement("S-7")
def test_an_append_to_a_large_list_never_looks_at_the_list(world: World) -> None:
    """No working copy while planning; for publishing the held list is one that refuses to be walked or copied."""

    class Untouchable(list[Any]):
        def __iter__(self) -> Any:
            raise AssertionError("walked")

        copy = __eq__ = __getitem__ = __iter__  # type: ignore[assignment]
        __hash__ = None  # type: ignore[assignment]

    world.store.load({"log": json.dumps(["x" * 5000])})
    one(world, Append("log", '["keyframe after load"]'))
    entry = world.store._entries["log"]
    size = entry.size
    original = list(entry.plain)

    grown = world.store.plan_flush([Batch(str(n), actions=[Append("log", f"[{n}]")]) for n in range(50)])
    assert entry.plain == original
    draft = grown.results["log"].draft
    assert draft._work is None
    assert len(draft.ops) == 50
    entry.plain = Untouchable(entry.plain)
    world.store.publish(grown)
    assert list.__len__(entry.plain) == 52
    assert entry.size == size + sum(len(f",{n}") for n in range(50))


@pytest.mark.requirement("S-7")
def test_structured_changes_are_stored_as_what_they_did(world: World) -> None:
    texts_after(world.store, Set("doc", json.dumps({"a": "x" * 5000, "b": {"c": [1, 2, 3]}, "d": 1})))
    texts_after(world.store, Merge("doc", '{"d":2}'))
    assert json.loads(one(world, Merge("doc", '{"d":3,"e":4}')).delta_text or "") == {
        "merge": {"d": 3, "e": 4},
        "was": {"d": 2},
    }
    assert json.loads(one(world, Remove("doc", ("b", "c", -1))).delta_text or "") == {
        "remove": ["b", "c", 2],
        "was": 3,
    }
    texts_after(world.store, Set("log", json.dumps(["x" * 5000])))
    assert one(world, Append("log", "[1]"), Append("log", "[2,3]")).delta_text == '{"append":[1,2,3]}'
    assert world.read("doc") == {"a": "x" * 5000, "b": {"c": [1, 2]}, "d": 3, "e": 4}


def test_equal_parts_are_no_change(world: World) -> None:
    texts_after(world.store, Set("doc", json.dumps({"a": "x" * 5000, "d": 1})))
    plan = world.store.plan_flush(
        [
            Batch("1", actions=[Merge("doc", '{"d":1}')]),
            Batch("2", actions=[Merge("doc", '{"d":2}'), Merge("doc", '{"d":1}')]),
            Batch("3", actions=[Append("doc2", "[]"), Remove("doc", ("nothing", "here"))]),
        ]
    )
    assert [change.key for change in plan.changes] == ["doc2"]


@pytest.mark.requirement("S-7")
def test_setting_a_large_value_again_stores_the_range_that_differs(world: World) -> None:
    chance = random.Random(7)
    value = [chance.random() for _ in range(1000)]
    texts_after(world.store, Set("k", json.dumps(value, separators=(",", ":"))))
    value[500] = 0.5
    change = one(world, Set("k", json.dumps(value, separators=(",", ":"))))
    assert change.old_text is None
    assert change.new_text is None
    assert len(change.delta_text or "") < 100
    other = json.dumps([chance.random() for _ in range(1000)], separators=(",", ":"))
    change = one(world, Set("k", other))
    assert change.new_text == other
    assert change.kv is not None
    assert change.kv.is_keyframe


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", ""),
        ("a", ""),
        ("", "a"),
        ("aaaa", "aa"),
        ("aa", "aaaa"),
        ("abc", "abXc"),
        ("é" * 300, "é" * 301),
        ("x", "y"),
    ],
)
def test_splice(old: str, new: str) -> None:
    start, removed, inserted = json.loads(splice(old, new))["splice"]
    assert old[:start] + removed + old[start + len(removed) :] == old
    assert old[:start] + inserted + old[start + len(removed) :] == new
    assert not (removed and inserted and (removed[0] == inserted[0] or removed[-1] == inserted[-1]))


def test_shrinking_below_the_limit_and_growing_again(world: World) -> None:
    texts_after(world.store, Set("log", json.dumps(["x" * 2000] * 3)))
    change = one(world, Remove("log", (0,)))
    assert change.new_text is not None
    assert change.kv is not None
    assert not change.kv.is_keyframe
    assert one(world, Append("log", json.dumps(["y" * 2000]))).new_text is not None
    assert [item[0] for item in world.read("log")] == ["x", "x", "y"]


@pytest.mark.requirement("S-7", "E-4")
@pytest.mark.parametrize(
    ("actions", "says"),
    [
        ([Set("k", '"text"'), Append("k", "[1]")], "append needs a list, but state key 'k' holds a str"),
        ([Set("k", '{"$type":"tuple","v":[]}'), Append("k", "[1]")], "holds a tuple"),
        ([Set("k", "[]"), Merge("k", "{}")], "merge needs a dict"),
        ([Set("k", '{"$type":"date","v":"2026-01-01"}'), Merge("k", "{}")], "holds a date"),
        ([Set("k", "true"), Increment("k", 1)], "increment needs a number, but state key 'k' holds a bool"),
        ([Set("k", "null"), Increment("k", 1)], "NoneType"),
        ([Set("k", '{"a":1}'), Remove("k", ("a", "b"))], r"what is at \['a'\] is an int"),
        ([Set("k", "[1]"), Remove("k", ("a",))], "the value is a list, which has no 'a'"),
        ([Set("k", '{"$type":"tuple","v":[1]}'), Remove("k", (0,))], "is a tuple"),
    ],
)
def test_actions_that_do_not_fit(world: World, actions: list[Any], says: str) -> None:
    plan = world.store.plan_flush([Batch("n", actions=actions)])
    ((_, error),) = plan.failed
    assert isinstance(error, StateActionError)
    with pytest.raises(StateActionError, match=says):
        raise error


def test_numbers(world: World) -> None:
    texts_after(world.store, Increment("k", 2**62), Increment("k", 2**62), Increment("k", 2**63))
    assert world.read("k") == 2**64
    plan = world.store.plan_flush([Batch("n", actions=[Set("k", "1e308"), Increment("k", 1e308)])])
    assert isinstance(plan.failed[0][1], StateValueError)
    plan = world.store.plan_flush([Batch("n", actions=[Increment("k", 10**400), Increment("k", 0.5)])])
    assert isinstance(plan.failed[0][1], StateValueError)


def test_a_dict_with_a_type_key_is_merged_and_thinned_like_any_other(world: World) -> None:
    for handler in (
        lambda ctx: ctx.state.set("k", {"$type": "mine", "a": {"$type": 1, "b": 2}}),
        lambda ctx: ctx.state.merge("k", {"c": (3,)}),
        lambda ctx: ctx.state.remove("k", ["a", "b"]),
        lambda ctx: ctx.state.merge("plain", {"x": 1}),
        lambda ctx: ctx.state.merge("plain", {"$type": "late", "v": 2}),
    ):
        assert not world.flush(handler).failed
    assert world.read("k") == {"$type": "mine", "a": {"$type": 1}, "c": (3,)}
    assert world.read("plain") == {"x": 1, "$type": "late", "v": 2}


def test_load_makes_the_next_change_of_a_large_value_a_keyframe(world: World) -> None:
    text = json.dumps(["x" * 5000])
    world.store.load({"log": text, "n": "1"})
    change = one(world, Append("log", "[1]"))
    assert change.delta_text == '{"append":[1]}'
    assert change.kv is not None
    assert one(world, Append("log", "[2]")).kv is None
    assert world.store.keys() == ["log", "n"]
