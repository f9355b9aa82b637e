"""Plans over time: any sequence of patches steps forward and back to the same trees, from any keyframe."""

from __future__ import annotations

import json
import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from persistence_tools import OpenDb, digest, flush, frame, new_store

from smithers_persistence import Database, DeltaError, UnknownExecution
from smithers_persistence.frame_store import PlanTree, pack_keyframe, plan_at, unpack_keyframe
from smithers_persistence.rows import FrameOpening


class Oracle:
    """The same plan as plain nested lists, which writes the patches of random edits."""

    def __init__(self) -> None:
        self.children: dict[str | None, list[str]] = {None: []}
        self.parents: dict[str, str | None] = {}
        self.props: dict[str, dict[str, object]] = {}
        self.made = 0

    def flat(self) -> list[list[object]]:
        rows: list[list[object]] = []
        todo = list(reversed(self.children[None]))
        while todo:
            node = todo.pop()
            rows.append([node, self.parents[node], f"T{node}", None, self.props[node]])
            todo.extend(reversed(self.children[node]))
        return rows

    def after(self, node: str) -> str | None:
        siblings = self.children[self.parents[node]]
        index = siblings.index(node)
        return siblings[index - 1] if index else None

    def below(self, node: str) -> set[str]:
        return {node}.union(*[self.below(child) for child in self.children[node]])

    def edit(self, chance: random.Random) -> list[list[object]]:
        nodes = list(self.parents)
        kind = chance.choice("+++-~~>>") if nodes else "+"
        if kind == "+":
            return [self.mount(chance.choice([None, *nodes]), chance)]
        node = chance.choice(nodes)
        if kind == "-":
            return self.unmount(node)
        if kind == "~":
            return [self.update(node, chance)]
        targets = [target for target in [None, *nodes] if target is None or target not in self.below(node)]
        return [self.move(node, chance.choice(targets), chance)]

    def mount(self, parent: str | None, chance: random.Random) -> list[object]:
        self.made += 1
        node = f"n{self.made}"
        siblings = self.children[parent]
        index = chance.randint(0, len(siblings))
        siblings.insert(index, node)
        self.children[node], self.parents[node] = [], parent
        self.props[node] = {"x": chance.randint(0, 3)} if chance.random() < 0.5 else {}
        after = siblings[index - 1] if index else None
        return ["+", node, parent, after, f"T{node}", None, dict(self.props[node])]

    def unmount(self, node: str) -> list[list[object]]:
        patches: list[list[object]] = []
        for child in reversed(list(self.children[node])):
            patches += self.unmount(child)
        patches.append(["-", node, self.parents[node], self.after(node), f"T{node}", None, self.props.pop(node)])
        self.children[self.parents.pop(node)].remove(node)
        del self.children[node]
        return patches

    def update(self, node: str, chance: random.Random) -> list[object]:
        name, value = chance.choice("xyz"), chance.choice([None, 1, "two", [3]])
        old = self.props[node].get(name)
        if value is None:
            self.props[node].pop(name, None)
        else:
            self.props[node][name] = value
        return ["~", node, {name: value}, {name: old}]

    def move(self, node: str, parent: str | None, chance: random.Random) -> list[object]:
        old_parent, old_after = self.parents[node], self.after(node)
        self.children[old_parent].remove(node)
        siblings = self.children[parent]
        index = chance.randint(0, len(siblings))
        siblings.insert(index, node)
        self.parents[node] = parent
        return [">", node, parent, self.after(node), old_parent, old_after]


def history(seed: int, steps: int) -> tuple[list[bytes], list[str]]:
    """The deltas of random frames, and the plan before the first and after each."""
    chance, oracle = random.Random(seed), Oracle()
    deltas, plans = [], [json.dumps([])]
    for _ in range(steps):
        patches = [patch for _ in range(chance.randint(1, 4)) for patch in oracle.edit(chance)]
        deltas.append(json.dumps(patches).encode())
        plans.append(shown(oracle))
    return deltas, plans


def shown(plan: Oracle | PlanTree) -> str:
    return json.dumps(plan.flat(), sort_keys=True)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 40))
def test_deltas_step_both_ways(seed: int, steps: int) -> None:
    deltas, plans = history(seed, steps)
    tree = PlanTree()
    for delta, plan in zip(deltas, plans[1:], strict=True):
        tree.apply(delta)
        assert shown(tree) == plan
    for delta, plan in zip(reversed(deltas), reversed(plans[:-1]), strict=True):
        tree.revert(delta)
        assert shown(tree) == plan


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 30))
def test_a_keyframe_is_as_good_as_the_way_to_it(seed: int, cut: int) -> None:
    deltas, plans = history(seed, 30)
    tree = PlanTree()
    for delta in deltas[:cut]:
        tree.apply(delta)
    tree = unpack_keyframe(pack_keyframe(tree.flat()))
    for delta, plan in zip(deltas[cut:], plans[cut + 1 :], strict=True):
        tree.apply(delta)
        assert shown(tree) == plan
    for delta in reversed(deltas):
        tree.revert(delta)
    assert tree.flat() == []


@pytest.mark.parametrize(
    ("patch", "says"),
    [
        (["+", "a", None, None, "T", None, {}], "already in the plan"),
        (["+", "b", "nowhere", None, "T", None, {}], "not in the plan"),
        (["+", "b", "a", "a", "T", None, {}], "has another parent"),
        (["-", "a", None, None, "T", None, {}], "before its children"),
        (["~", "nowhere", {}, {}], "not in the plan"),
        (["?", "a"], "unknown patch"),
    ],
)
def test_a_patch_that_does_not_fit_is_an_error(patch: list[object], says: str) -> None:
    tree = PlanTree()
    tree.apply(b'[["+","a",null,null,"T",null,{}],["+","c","a",null,"T",null,{}]]')
    with pytest.raises(DeltaError, match=says):
        tree.apply(json.dumps([patch]).encode())


def best_of(times: int, run) -> float:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        run()
        found.append(time.perf_counter() - begin)
    return min(found)


@pytest.mark.requirement("F-3")
def test_a_patch_costs_the_same_among_many_siblings() -> None:
    def cost(count: int) -> float:
        rows = [[f"n{i}", None, "T", None, {}] for i in range(count)]
        tree = PlanTree.from_flat(rows)
        middle = count // 2
        delta = json.dumps([[">", f"n{middle}", None, None, None, f"n{middle - 1}"]]).encode()

        def there_and_back() -> None:
            for _ in range(100):
                tree.apply(delta)
                tree.revert(delta)

        return best_of(5, there_and_back)

    assert cost(100_000) < 5 * cost(100)


async def write_history(db: Database, deltas: list[bytes], *, keyframes: dict[int, list[list[object]]]) -> None:
    store = await new_store(db, "planplan01")
    for index, delta in enumerate(deltas):
        await store.commit(frame(index, FrameOpening(delta, digest("p")), flush([])))
        if index in keyframes:
            await store.write_keyframe(index, keyframes[index])


@pytest.mark.requirement("Z-18")
async def test_any_frame_comes_back_from_the_database(open_db: OpenDb) -> None:
    deltas, plans = history(5, 60)
    keyframes = {index: json.loads(plans[index + 1]) for index in (17, 40)}
    async with open_db() as db:
        await write_history(db, deltas, keyframes=keyframes)
        for index in range(60):
            tree = await db.read(lambda conn, index=index: plan_at(conn, "planplan01", index))
            assert shown(tree) == plans[index + 1]
        for missing in (-1, 60):
            with pytest.raises(UnknownExecution):
                await db.read(lambda conn, missing=missing: plan_at(conn, "planplan01", missing))


async def test_a_keyframe_is_due_when_the_deltas_outweigh_the_plan(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        plan = [["+", f"n{i}", None, f"n{i - 1}" if i else None, "T", None, {}] for i in range(5000)]
        await store.commit(frame(0, FrameOpening(json.dumps(plan).encode(), digest("p")), flush([])))
        assert not store.keyframe_due, "the first frame is the plan"
        written, index = 0, 0
        while not store.keyframe_due:
            index += 1
            delta = json.dumps([["~", "n1", {"x": "y" * 500, "i": index}, {}]]).encode()
            written += (await store.commit(frame(index, FrameOpening(delta, digest("p")), flush([])))).delta_bytes
        assert len(json.dumps(plan)) // 16 < written < len(json.dumps(plan))
        tree = await db.read(lambda conn: plan_at(conn, store.execution_id, index))
        await store.write_keyframe(index, tree.flat())
        assert not store.keyframe_due
        assert (await db.read(lambda conn: plan_at(conn, store.execution_id, index))).flat() == tree.flat()
        for later in range(index + 1, index + 520):
            await store.commit(frame(later))
        assert not store.keyframe_due, "frames that leave the plan as it is need no keyframe"
        await store.commit(frame(index + 520, FrameOpening(b"[]", digest("p"))))
        assert store.keyframe_due, "after 512 frames the way back is long, however light the deltas"
