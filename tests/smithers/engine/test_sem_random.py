"""Random plans over random states: the tree that grew frame by frame is the one a fresh mount would give (F-3, F-4).

A plan is described by data in state. Each scope reads only its own key, and the plan counts its own calls, so that the
test knows from outside which scopes had to run.
"""

import tempfile
from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sem_play import DELETE, Calls, play

from smithers_py import Case, Default, Each, Fragment, If, Switch, Text, component

pytestmark = pytest.mark.requirement("F-3", "F-4", "F-6", "Z-4", "R-5")

KEYS = ("root", "p", "q", "r")
KINDS = ("text", "fragment", "if", "iff", "switch", "each", "scope", "hole", "nest")

names = st.sampled_from("abcdef")
leaf = st.fixed_dictionaries(
    {"kind": st.sampled_from(["text", "hole", "scope"]), "name": names, "how": st.integers(0, 3)}
)


def branch(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.fixed_dictionaries(
        {
            "kind": st.sampled_from(KINDS),
            "name": names,
            "how": st.integers(0, 3),
            "on": st.booleans(),
            "of": st.lists(inner, max_size=4),
        }
    )


shapes = st.lists(st.recursive(leaf, branch, max_leaves=6), max_size=4)
"""What one scope shows: a list of nodes."""
states = st.fixed_dictionaries({key: shapes for key in KEYS})


class Builder:
    """Makes nodes of shapes."""

    def __init__(self, calls: Calls) -> None:
        self.calls = calls
        self.component = component(lambda ctx, own, depth: self.Scope(ctx, own, depth))

    def Scope(self, ctx, own, depth):
        self.calls(own)
        return self.nodes(ctx, ctx.state.get(own, []), depth)

    def nodes(self, ctx, shape, depth):
        """Siblings: keys are made unique here, because a duplicate is an error with a test of its own."""
        seen = Counter()
        found = []
        for one in shape:
            seen[one["name"]] += 1
            found.append(self.node(ctx, one, f"{one['name']}{seen[one['name']]}", depth))
        return found

    def node(self, ctx, one, name, depth):
        kind, how = one["kind"], one["how"]
        identity = {"key": name} if how % 2 else {}
        below = lambda: self.nodes(ctx, one.get("of", []), depth)
        on = one.get("on", False)
        if kind == "text":
            return Text(f"{name} {how}", **identity)
        if kind == "hole":
            return None
        if kind == "nest":
            return below()
        if kind == "scope":
            if depth >= 2:
                return Text(f"{name} deep")
            return self.component(KEYS[1 + how % 3] if depth == 0 else KEYS[3], depth + 1, **identity)
        if kind == "fragment":
            return Fragment(children=below(), **identity)
        if kind == "if":
            return If(on, children=below(), fallback=[Text("off")], **identity)
        if kind == "iff":
            return If(lambda: bool(ctx.state.get("flag")) == on, children=below(), fallback=Text("off"), **identity)
        if kind == "switch":
            return Switch(how, children=[Case([0, 1], children=below()), Default(children=Text("d"))], **identity)
        if kind == "each":
            items = [item for item in one.get("of", []) if item["kind"] != "hole"]
            return Each(
                list({item["name"]: item for item in items}.values()),
                children=lambda item: Text(f"{item['how']}", key=item["name"]),
                **identity,
            )
        raise AssertionError(kind)


def mounted(first: dict[str, Any], later: list[dict[str, Any]]) -> Any:
    """Play the states one after the other; every frame is checked by `play`. The last result: the components that ran
    and changed nothing, which makes no frame (Z-18)."""
    calls = Calls()
    builder = Builder(calls)
    left = list(later)
    seen: list[tuple[list[Any], list[str], bytes]] = []

    def on_frame(watch, report):
        # A copy: later patches change the props in place.
        seen.append((deepcopy(watch.tree.flat()), calls.take(), watch.run.tree.plan_hash_bytes))
        if left:
            watch.write(**left.pop(0))

    # A plan that shows nothing has no frame to follow.
    app = component(lambda ctx: [Text("top"), builder.component("root", 0)])
    with tempfile.TemporaryDirectory() as folder:
        played = play(app, Path(folder), state=first, on_frame=on_frame)
        assert played.result.status == "completed", played.result.errors
        rebuilt = [played.plan(frame.frame_index) for frame in played.frames]
        hashes = [frame.plan_hash for frame in played.frames]
    return seen, rebuilt, hashes, calls.take()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(states, min_size=2, max_size=4))
def test_the_incremental_tree_is_the_freshly_mounted_one(sequence):
    seen, rebuilt, hashes, _ = mounted(sequence[0], [*sequence[1:], {"flag": True}, {"flag": DELETE}])
    last_incremental = seen[-1]
    fresh, _, fresh_hashes, _ = mounted(sequence[-1], [])
    expected = fresh[-1]
    assert last_incremental[0] == expected[0]
    assert last_incremental[2] == expected[2] == fresh_hashes[-1]
    assert rebuilt == [flat for flat, _, _ in seen]
    assert hashes == [plan_hash for _, _, plan_hash in seen]


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(states, st.sampled_from(KEYS[1:]), shapes)
def test_only_the_scopes_that_read_a_changed_key_run(first, key, shape):
    seen, _, _, rest = mounted(first, [{key: shape}])
    readers = Counter(seen[0][1])[key]
    ran = Counter(name for names_ in (*(names for _, names, _ in seen[1:]), rest) for name in names_)
    # A reader inside another may be dropped before its turn; scopes below one may be mounted anew; nothing else runs.
    assert ran[key] > 0 or shape == first[key] or readers == 0
    allowed = {key} | ({"r"} if key in ("p", "q") and readers else set())
    assert readers == 0 or set(ran) <= allowed
    if readers == 0 or shape == first[key]:
        assert not ran


places = st.permutations("abcdefg").flatmap(
    lambda order: st.tuples(st.integers(0, 4), st.integers(0, 3)).map(
        lambda cut: [order[: cut[0]], order[cut[0] : cut[0] + cut[1]]]
    )
)


@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(places, min_size=3, max_size=6), st.booleans())
def test_lists_and_ids_are_shuffled_between_parents(sequence, explicit):
    """Any reordering, within a parent and, with explicit ids, between two: patches apply forward and backward."""

    @component
    def Item(ctx, name):
        return Text(name)

    def items(found):
        return [Item(name, **({"id": name} if explicit else {"key": name})) for name in found]

    @component
    def App(ctx):
        first, second = ctx.state.get("places")
        boxes = [Fragment(key="one", children=items(first)), Fragment(key="two", children=[items(second), "end"])]
        return [Text("top"), *(boxes if len(first) % 2 else reversed(boxes)), *([] if first else items("xyz"))]

    left = [{"places": one} for one in sequence[1:]]
    with tempfile.TemporaryDirectory() as folder:
        played = play(
            App,
            Path(folder),
            state={"places": sequence[0]},
            on_frame=lambda watch, report: watch.write(**left.pop(0)) if left else None,
        )
        assert played.result.status == "completed", played.result.errors
        seen = {row.node_id: row for row in played.nodes if row.node_type == "Item"}
    if explicit:
        # Whoever is in the plan all the time was mounted once.
        always = set.intersection(*({*one[0], *one[1]} for one in sequence))
        assert all(seen[name].mounted_frame == 0 for name in always)
