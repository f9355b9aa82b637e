"""Random plans of work that change while they run: the run always ends with everything settled (Z-5 to Z-8)."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sem_play import nothing, play

from smithers_py import Each, Effect, Fragment, If, Parallel, Phase, Ralph, Step, Task, component
from smithers_py.engine.instance import Outcome
from smithers_py.engine.run import Limits

pytestmark = pytest.mark.requirement("Z-5", "Z-6", "Z-7", "F-5", "F-8")

names = st.sampled_from("abcdef")
kinds = st.sampled_from(["task", "task", "slow", "boom", "caught", "effect", "moving"])
inner = st.sampled_from(["phase", "step", "parallel", "limited", "loop", "fragment", "if", "scope", "each"])
shapes = st.lists(
    st.recursive(
        st.tuples(kinds, names),
        lambda below: st.tuples(inner, names, st.lists(below, max_size=3)),
        max_leaves=8,
    ),
    max_size=4,
)


def boom():
    raise ValueError("boom")


async def slow():
    import asyncio

    for _ in range(3):
        await asyncio.sleep(0)


class Maker:
    """Makes the nodes of a shape; ids are used once per identity scope at most."""

    def __init__(self, ctx):
        self.ctx = ctx
        self.used = set()

    def siblings(self, shape, scope):
        seen = set()
        found = []
        for one in shape:
            name = one[1]
            while name in seen:
                name += "x"
            seen.add(name)
            found.append(self.node(one, name, scope))
        return found

    def node(self, one, name, scope):
        kind = one[0]
        below = self.siblings(one[2], scope if kind not in ("loop", "each") else (*scope, name)) if len(one) > 2 else []
        match kind:
            case "task":
                return Task(nothing, key=name)
            case "slow":
                return Task(slow, key=name)
            case "boom":
                return Task(boom, key=name)
            case "caught":
                return Task(boom, key=name, on_error=lambda e: None)
            case "moving":
                if (scope, name[0]) in self.used:
                    return None
                self.used.add((scope, name[0]))
                return Task(slow, id=f"id-{name[0]}")
            case "effect" | "fragment":
                return Fragment(key=name, children=below)
            case "phase":
                return Phase(name, children=below)
            case "step":
                return Step(name, children=below)
            case "parallel":
                return Parallel(key=name, children=below)
            case "limited":
                return Parallel(key=name, max_concurrency=1, children=below)
            case "loop":
                return self.loop(name, below, scope)
            case "if":
                return If(len(below) % 2 == 0, key=name, children=below, fallback=[Task(nothing)])
            case "scope":
                return Inner(below, key=name)
            case "each":
                return Each(
                    [n for n in range(len(below))], key=name, children=lambda n: Fragment(key=n, children=[below[n]])
                )
        raise AssertionError(kind)

    def loop(self, name, below, scope):
        if (scope, "loop" + name) in self.used:
            return None
        self.used.add((scope, "loop" + name))
        return Ralph(f"loop-{name}", max_iterations=2, children=[*below, Task(nothing, key="always")])


@component
def Inner(ctx, nodes):
    return nodes


@component
def Follows(ctx):
    """Adds work when a key changes, wherever it stands."""
    return Task(nothing, key=str(ctx.state.get("extra", 0)))


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(shapes, min_size=1, max_size=4), st.integers(0, 2))
def test_everything_settles(sequence, pace):
    @component
    def App(ctx):
        return [
            *Maker(ctx).siblings(ctx.state.get("shape"), ()),
            Parallel(max_concurrency=1, children=[Follows(), Task(slow), Task(slow)]),
            Effect("watch", deps=[len(ctx.state.get("shape"))], run=lambda: None),
        ]

    left = [{"shape": one, "extra": n} for n, one in enumerate(sequence[1:], 1)]

    def on_frame(watch, report):
        if left and report.index % (pace + 1) == 0:
            watch.write(**left.pop(0))

    with tempfile.TemporaryDirectory() as folder:
        played = play(
            App,
            Path(folder),
            state={"shape": sequence[0]},
            on_frame=on_frame,
            limits=Limits(idle_timeout_ms=0, max_tasks=2),
        )
        assert played.result.status in ("completed", "failed")
        assert played.result.stop_reason in ("idle", "failed"), played.result.errors
        tree = played.watch.run.tree
        for inst in tree.root.walk():
            if inst.is_item and not any(above.frozen for above in inst.ancestors()):
                assert inst.outcome is not Outcome.OPEN, f"{inst} of {inst.path()} never ended"
                assert inst.status in ("succeeded", "failed", "skipped"), inst
        running = {row.status for row in played.tasks if row.handled_frame is None}
        assert running <= {"scheduled"}, "only what never started has no end"
