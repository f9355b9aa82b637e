"""S-3 to S-5, S-7, Z-15 against a naive oracle: a dict of plain values and handlers applied one after the other."""

import copy
import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from folding import compact, fold, unfold
from hypothesis import given, settings
from hypothesis import strategies as st
from state_world import World

from smithers_persistence import state_fold
from smithers_py.state.actions import Action, Append, Batch, Delete, Increment, Init, Merge, Remove, Set, Update
from smithers_py.state.plan import Change, FlushPlan
from smithers_py.state.store import StateStore
from smithers_py.state.values import LARGE, add_digests
from smithers_reactive import Runtime

ABSENT = object()


class Misfit(Exception):
    pass


@dataclass
class Op:
    """One action, known to the oracle by name and arguments."""

    name: str
    key: str
    arg: Any = None

    def action(self) -> Action:
        match self.name:
            case "set":
                return Set(self.key, compact(self.arg))
            case "init":
                return Init(self.key, compact(self.arg))
            case "delete":
                return Delete(self.key)
            case "wrap":
                return Update(self.key, lambda old: [old])
            case "same":
                return Update(self.key, lambda old: old)
            case "raise":
                return Update(self.key, lambda old: 1 // 0)
            case "bad":
                return Update(self.key, lambda old: {1, 2})
            case "append":
                return Append(self.key, compact(self.arg))
            case "increment":
                return Increment(self.key, self.arg)
            case "merge":
                return Merge(self.key, compact(self.arg))
            case _:
                return Remove(self.key, tuple(self.arg))

    def naive(self, old: Any) -> Any:
        match self.name:
            case "set":
                return self.arg
            case "init":
                return self.arg if old is ABSENT else old
            case "delete":
                return ABSENT
            case "wrap":
                return [None if old is ABSENT else old]
            case "same":
                return None if old is ABSENT else old
            case "raise" | "bad":
                raise Misfit
            case "append":
                return need(list, old, []) + self.arg
            case "increment":
                return need(int, old, 0) + self.arg
            case "merge":
                return {**need(dict, old, {}), **self.arg}
            case _:
                return naive_remove(old, self.arg)


def need(kind: type, old: Any, empty: Any) -> Any:
    if old is ABSENT:
        return empty
    if type(old) is not kind:
        raise Misfit
    return old


def naive_remove(old: Any, path: list[Any]) -> Any:
    if old is ABSENT:
        return ABSENT
    value = copy.deepcopy(old)
    holder = value
    for part in path:
        if isinstance(part, str) and type(holder) is dict:
            if part not in holder:
                return old
        elif isinstance(part, int) and type(holder) is list:
            if not -len(holder) <= part < len(holder):
                return old
        else:
            raise Misfit
        last, holder = holder, holder[part]
    del last[path[-1]]
    return value


@dataclass
class Oracle:
    state: dict[str, Any] = field(default_factory=dict)
    rows: list[tuple[str, Any, Any, int]] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)

    def run(self, number: int, ops: list[Op]) -> None:
        mine = copy.deepcopy(self.state)
        try:
            for op in ops:
                new = op.naive(mine.get(op.key, ABSENT))
                mine.pop(op.key, None) if new is ABSENT else mine.__setitem__(op.key, new)
        except Misfit:
            self.failed.append(number)
            return
        for key in dict.fromkeys(op.key for op in ops):
            old, new = self.state.get(key, ABSENT), mine.get(key, ABSENT)
            if text(old) != text(new):
                self.rows.append((key, text(old), text(new), number))
            if text(old) == text(new) and new is not ABSENT:
                mine[key] = old
        self.state = mine


def text(value: Any) -> str | None:
    return None if value is ABSENT else compact(value)


bulk = st.integers(0, 3).flatmap(lambda n: st.just("é" * (n * 700)))
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", 'q"\\']) | bulk,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=4),
    max_leaves=8,
)
big_list = st.lists(bulk, min_size=4, max_size=8)
big_dict = st.dictionaries(st.sampled_from("abcd"), st.lists(bulk, max_size=3) | bulk, min_size=3)
paths = st.lists(st.sampled_from("abcd") | st.integers(-3, 3), min_size=1, max_size=3)
keys = st.sampled_from(["k", "l", "m"])
ops = st.one_of(
    st.builds(Op, st.sampled_from(["set", "init"]), keys, plain | big_list | big_dict),
    st.builds(Op, st.sampled_from(["delete", "wrap", "same"]), keys),
    st.builds(Op, st.just("append"), keys, st.lists(plain, max_size=3)),
    st.builds(Op, st.just("merge"), keys, st.dictionaries(st.sampled_from("abcd"), plain, max_size=3)),
    st.builds(Op, st.just("increment"), keys, st.integers(-2, 2)),
    st.builds(Op, st.just("remove"), keys, paths),
    st.builds(Op, st.sampled_from(["raise", "bad"]), keys),
)
#: Structured changes of two large values, so that the delta forms are met often and not by chance.
large_ops = st.one_of(
    st.builds(Op, st.just("append"), st.just("list"), st.lists(plain, min_size=1, max_size=2)),
    st.builds(Op, st.just("remove"), st.just("list"), st.lists(st.integers(-4, 4), min_size=1, max_size=1)),
    st.builds(Op, st.just("merge"), st.just("dict"), st.dictionaries(st.sampled_from("abcdef"), plain, max_size=3)),
    st.builds(Op, st.just("remove"), st.just("dict"), paths),
    st.builds(Op, st.just("same"), st.sampled_from(["list", "dict"])),
    st.builds(Op, st.just("raise"), st.sampled_from(["list", "dict"])),
)
seeded = st.builds(lambda one, other: [Op("set", "list", one), Op("set", "dict", other)], big_list, big_dict)


class Database:
    """What a database would hold: rows of keys, and every transition."""

    def __init__(self) -> None:
        self.kv: dict[str, tuple[str, int]] = {}
        self.transitions: list[Change] = []

    def write(self, plan: FlushPlan) -> None:
        for change in plan.changes:
            self.transitions.append(change)
            if change.deleted:
                self.kv.pop(change.key, None)
            elif change.kv is not None:
                self.kv[change.key] = change.kv.value_text, len(self.transitions)

    def folded(self) -> dict[str, str]:
        """S-5: the fold of all transitions."""
        state: dict[str, str] = {}
        for change in self.transitions:
            if change.delta_text is not None:
                after = fold(state[change.key], change.delta_text)
                assert state_fold.fold(state[change.key], [change.delta_text]) == after, "as the reader folds it"
                state[change.key] = after
            else:
                assert state.get(change.key) == change.old_text
                assert change.deleted == (change.new_text is None)
                state.pop(change.key) if change.new_text is None else state.__setitem__(change.key, change.new_text)
        return state

    def resumed(self) -> dict[str, str]:
        """The rows of the keys, with the deltas since."""
        state = {key: row for key, (row, _) in self.kv.items()}
        for number, change in enumerate(self.transitions, 1):
            if change.key in self.kv and number > self.kv[change.key][1]:
                assert change.delta_text is not None, "a whole value without a row would be lost on resume"
                state[change.key] = fold(state[change.key], change.delta_text)
        return state

    def unfolded(self, state: dict[str, str]) -> dict[str, str]:
        """Back to the beginning."""
        for change in reversed(self.transitions):
            if change.delta_text is not None:
                state[change.key] = unfold(state[change.key], change.delta_text)
            elif change.old_text is None:
                state.pop(change.key)
            else:
                state[change.key] = change.old_text
        return state


def check(flushes: list[list[list[Op]]]) -> None:
    oracle, store, database = Oracle(), StateStore(Runtime()), Database()
    for batches in flushes:
        oracle.rows, oracle.failed = [], []
        for number, batch in enumerate(batches):
            oracle.run(number, copy.deepcopy(batch))
        before = store.texts()
        made = [Batch(str(n), actions=[op.action() for op in batch]) for n, batch in enumerate(batches)]
        plan = store.plan_flush(made)
        assert store.texts() == before, "a plan changes nothing"
        assert [int(batch.node_id or "") for batch, _ in plan.failed] == oracle.failed
        seen = [(change.key, int(change.node_id or "")) for change in plan.changes]
        assert seen == [(key, number) for key, _, _, number in oracle.rows]
        for change, (_, old, new, _) in zip(plan.changes, oracle.rows, strict=True):
            if change.delta_text is None:
                assert (change.old_text, change.new_text) == (old, new)
            else:
                assert old is not None
                assert fold(old, change.delta_text) == new
        database.write(plan)
        store.publish(plan)
        expected = {key: compact(value) for key, value in oracle.state.items()}
        assert store.texts() == expected
        assert {key: store.get(key) for key in expected} == oracle.state
        assert database.folded() == expected
        assert database.resumed() == expected
        assert store.state_hash == plan.state_hash
        total = 0
        for entry in store._entries.values():
            total = add_digests(total, 0, entry.digest)
            assert entry.size == len(entry.text().encode())
        assert store.state_hash == total.to_bytes(16, "big")
    back = database.unfolded({key: compact(value) for key, value in oracle.state.items()})
    assert not back


@pytest.mark.requirement("S-4", "S-5", "S-7", "Z-15")
@given(st.lists(st.lists(st.lists(ops, max_size=4), max_size=4), max_size=5))
@settings(deadline=None)
def test_any_batches(flushes: list[list[list[Op]]]) -> None:
    check(flushes)


@pytest.mark.requirement("S-5", "S-7")
@given(seeded, st.lists(st.lists(st.lists(large_ops, max_size=4), max_size=4), max_size=6))
@settings(deadline=None)
def test_structured_changes_of_large_values(start: list[Op], flushes: list[list[list[Op]]]) -> None:
    check([[start], *flushes])


@pytest.mark.requirement("H-1", "S-4")
def test_five_handlers_updating_one_key_leave_five_transitions(world: World) -> None:
    bump = lambda ctx: ctx.state.update("n", lambda n: (n or 0) + 1)
    plan = world.flush(*[bump] * 5)
    assert [(change.old_text, change.new_text) for change in plan.changes] == [
        (None, "1"), ("1", "2"), ("2", "3"), ("3", "4"), ("4", "5"),
    ]  # fmt: skip
    assert [change.kv is not None for change in plan.changes] == [False] * 4 + [True]
    assert world.read("n") == 5
    assert plan.keys_written == ["n"]


def test_one_handler_setting_a_key_twice_leaves_one(world: World) -> None:
    def handler(ctx: Any) -> None:
        ctx.state.set("k", 1, trigger="first")
        ctx.state.set("k", 2, trigger="second")

    (change,) = world.flush(handler).changes
    assert (change.new_text, change.trigger, change.node_id, change.handler) == ("2", "second", "n", "on_finished")


@pytest.mark.requirement("S-4")
def test_there_and_back_is_no_change(world: World) -> None:
    world.flush(lambda ctx: ctx.state.set("k", "a"))

    def handler(ctx: Any) -> None:
        ctx.state.set("k", "b")
        ctx.state.set("k", "a")

    assert world.flush(handler).empty


@pytest.mark.requirement("H-2", "Z-15")
def test_a_failing_batch_takes_nothing_else_with_it(world: World) -> None:
    def bad(ctx: Any) -> None:
        ctx.state.set("bad", 1)
        ctx.vol.set("bad", 1)
        ctx.state.update("n", lambda n: n / 0)

    plan = world.flush(lambda ctx: ctx.state.set("n", 1), bad, lambda ctx: ctx.state.increment("n", 2))
    ((batch, error),) = plan.failed
    assert batch.actions
    assert isinstance(error, ZeroDivisionError)
    assert world.store.texts() == {"n": "3"}
    assert not world.store.vol.has("bad")


@pytest.mark.requirement("S-4", "Z-15")
def test_plan_order_decides_and_operators_come_last(world: World) -> None:
    parts = [
        world.batch(lambda ctx: ctx.state.set("k", "operator"), order=0, kind="operator"),
        world.batch(lambda ctx: ctx.state.set("k", "second"), order=2),
        world.batch(lambda ctx: ctx.state.set("k", "first"), order=1),
    ]
    assert [json.loads(change.new_text or "") for change in world.flush(*parts).changes] == [
        "first", "second", "operator",
    ]  # fmt: skip


def test_a_plan_on_an_older_state_is_refused(world: World) -> None:
    stale = world.store.plan_flush([world.batch(lambda ctx: ctx.state.set("k", 1))])
    world.flush(lambda ctx: ctx.state.set("k", 2))
    with pytest.raises(RuntimeError, match="older state"):
        world.store.publish(stale)


def test_adding_to_a_plan_runs_no_update_again(world: World) -> None:
    calls: list[int] = []
    planner = world.store.planner()
    good = world.batch(lambda ctx: ctx.state.update("n", lambda n: calls.append(1) or 1))
    bad = world.batch(lambda ctx: ctx.state.append("n", 1), node_id="b", order=1)
    assert [batch.node_id for batch, _ in planner.apply([good, bad])] == ["b"]
    assert planner.apply([Batch(None, kind="engine", actions=[Set("$node/x", '"failed"')])]) == []
    plan = planner.finish()
    assert len(calls) == 1
    assert [batch.node_id for batch, _ in plan.failed] == ["b"]
    assert plan.keys_written == ["n", "$node/x"]
    assert LARGE == 4096
