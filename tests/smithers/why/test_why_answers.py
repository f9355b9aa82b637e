"""What `why` says of nodes that wait, were skipped, ran again or left; each plan has one known cause."""

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from why_plans import ask, check_against_transitions, played

from smithers_py import (
    Case,
    Each,
    Effect,
    Fragment,
    If,
    Parallel,
    Phase,
    Ralph,
    Step,
    Stop,
    Switch,
    Task,
    While,
    component,
)
from smithers_py.engine.run import Limits
from smithers_py.errors import UsageError
from smithers_py.harness.why_models import Link, Why

Asked = Callable[..., Why]


@pytest.fixture
def of(tmp_path: Path) -> Callable[..., Asked]:
    """`of(app)("node")`: run the plan, ask why, hold the answer against the transitions."""

    def run(app: Any, **more: Any) -> Asked:
        path = tmp_path / "db.sqlite"
        execution = played(app, path, **more)

        def why(node: str) -> Why:
            told = ask(path, execution, node)
            conn = sqlite3.connect(path)
            check_against_transitions(conn, told)
            conn.close()
            return told

        return why

    return run


def nothing() -> None:
    """A task."""


def fail() -> None:
    raise ValueError("broke")


def text(links: list[Link]) -> str:
    return "\n".join(link.text for link in links)


@component
def Row(ctx: Any, n: int) -> Any:
    value = ctx.state.get(f"k{n}")
    return Task(nothing, id=f"t{n}") if value else None


@pytest.mark.requirement("O-3", "R-6", "F-7")
def test_a_component_that_reads_a_key_names_its_writer(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        first = Task(nothing, id="first", on_finished=lambda r, ctx: ctx.state.set("k1", [7], trigger="go"))
        return [first, *(Row(n=n, key=n) for n in range(3))]

    why = of(app)
    told = why("t1")
    (link,) = told.in_plan
    (change,) = link.changes
    assert (change.key, change.old, change.new, change.frame) == ("k1", None, [7], 1)
    assert (change.node_id, change.handler, change.trigger) == ("first", "on_finished", "go")
    assert link.frame == told.mounted_frame == 2
    assert link.text.endswith(
        "because key `k1` went absent → [7], written by on_finished of `first` in frame 1 (trigger 'go')"
    )
    assert [run.frame for run in told.ran] == [2]
    assert told.not_yet == told.left == []
    row = link.node_id
    assert [(run.frame, run.again) for run in why(str(row)).ran] == [(0, None), (2, "change")]


@pytest.mark.requirement("O-3")
def test_props_lead_up_to_the_scope_that_read(of: Any) -> None:
    @component
    def leaf(ctx: Any, on: bool) -> Any:
        return Task(nothing, id="leaf") if on else None

    @component
    def middle(ctx: Any, on: bool) -> Any:
        return Fragment(children=[leaf(on=on)])

    @component
    def app(ctx: Any) -> Any:
        first = Task(nothing, id="first", on_finished=lambda r, ctx: ctx.state.set("on", True))
        return [first, middle(on=ctx.state.get("on", False))]

    links = of(app)("leaf").in_plan
    assert [link.kind for link in links] == ["given", "given", "rendered"]
    assert [change.key for link in links for change in link.changes] == ["on"]


@pytest.mark.requirement("O-3", "Z-5")
def test_turns_follow_what_stood_before(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        return [
            Phase("a", children=[Task(nothing, id="a1"), Task(nothing, id="a2")]),
            Phase("b", children=[Step("s", children=[Task(nothing, id="b1"), Task(nothing, id="b2")])]),
        ]

    why = of(app)
    a2 = why("a2").ran[0]
    (change,) = a2.because[0].changes
    assert (change.key, change.old, change.new, change.node_id) == ("$node/a1", "running", "succeeded", "a1")
    # Nobody reads the status of a1, so a2 begins in the frame that records its end.
    assert change.frame == a2.frame
    b2 = why("b2")
    assert b2.ran[0].because[0].text.startswith("the turn of Phase b")
    assert "which holds Step s" in b2.ran[0].because[0].text
    assert "Phase a" in b2.ran[0].because[-1].text
    assert b2.ran[0].because[-1].changes[0].new == "succeeded"


@pytest.mark.requirement("O-3", "Z-8")
def test_iterations_are_runs_again_with_what_the_condition_read(of: Any) -> None:
    def count(r: Any, ctx: Any) -> None:
        ctx.state.increment("n", 1)

    @component
    def app(ctx: Any) -> Any:
        return While(
            "loop",
            lambda: ctx.state.get("n", 0) < 3,
            max_iterations=9,
            children=Task(nothing, id="w", on_finished=count),
        )

    why = of(app)
    told = why("w")
    assert told.node_id == "loop/2/w"
    assert [(run.node_id, run.again) for run in told.ran] == [
        ("loop/0/w", None),
        ("loop/1/w", "iteration"),
        ("loop/2/w", "iteration"),
    ]
    last = told.ran[-1].because
    assert "its condition read `n` = 2" in last[0].text
    assert [(change.key, change.old, change.new) for change in last[0].changes] == [
        ("$loop/loop", [1, "running"], [2, "running"]),
        ("n", 1, 2),
    ]
    assert last[1].changes[0].node_id == "loop/1/w"


@pytest.mark.requirement("O-3", "Z-7")
def test_what_failed_upstream_is_named_with_its_error(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        return Phase("p", children=[Task(fail, id="bad"), Task(nothing, id="later")])

    told = of(app)("later")
    assert (told.status, told.ran) == ("skipped", [])
    (link,) = told.not_yet
    assert link.kind == "upstream"
    assert link.node_id == "bad"
    assert "`bad` failed in frame" in link.text
    assert "broke" in link.text


@pytest.mark.requirement("O-3", "N-2")
def test_a_skipped_phase_says_what_skip_if_read(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        return Phase("p", skip_if=lambda: ctx.state.get("skip"), children=[Task(nothing)])

    (link,) = of(app, state={"skip": 1})("p").not_yet
    assert link.kind == "condition"
    assert "`skip` = 1" in link.text
    assert link.changes[-1].frame == -1
    assert "given at the start" in link.changes[-1].text


@pytest.mark.requirement("O-3", "N-1")
def test_a_false_condition_says_what_it_read(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        return [
            Task(nothing, id="first", on_finished=lambda r, ctx: ctx.state.set("n", 1)),
            If(lambda: ctx.state.get("n") == 2, id="if", children=["x"]),
            Switch(lambda: ctx.state.get("m"), id="switch", children=[Case("y", children=["y"])]),
            Each(lambda: ctx.state.get("items", []), id="each", children=lambda item, index: None),
        ]

    why = of(app)
    assert "it read `m` absent" in text(why("switch").not_yet)
    assert "it read `items` absent" in text(why("each").not_yet)
    told = why("if")
    assert [run.frame for run in told.ran] == [0]
    assert "it read `n`" in text(told.not_yet)


@pytest.mark.requirement("O-3", "Z-10")
def test_slots_and_places_are_named(of: Any) -> None:
    async def short() -> None:
        await asyncio.sleep(0)

    @component
    def app(ctx: Any) -> Any:
        return [
            Parallel(id="par", max_concurrency=1, children=[Task(short, id="p1"), Task(short, id="p2")]),
            *(Task(short, id=f"t{n}") for n in range(4)),
        ]

    why = of(app, limits=Limits(idle_timeout_ms=0, max_tasks=2))
    assert "a place came free: `p1` succeeded" in text(why("p2").ran[0].because)
    late = [why(f"t{n}").ran[0] for n in range(4)]
    waited = [run for run in late if run.frame > 0]
    assert waited
    assert all("a slot came free in frame" in text(run.because) for run in waited)


@pytest.mark.requirement("O-3", "E-3")
def test_attempts_say_what_the_one_before_failed_with(of: Any) -> None:
    tries: list[int] = []

    def flaky() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("line is down")

    @component
    def app(ctx: Any) -> Any:
        return Task(flaky, id="t", retries=2)

    runs = of(app)("t").ran
    assert [(run.attempt, run.outcome, run.again) for run in runs] == [(1, "failed", None), (2, "succeeded", "attempt")]
    assert "line is down" in runs[1].because[0].text


@pytest.mark.requirement("O-3", "Z-9")
def test_what_a_stop_kept_from_running_waits_for_its_turn(of: Any) -> None:
    async def long() -> None:
        await asyncio.sleep(60)

    @component
    def app(ctx: Any) -> Any:
        return [
            Phase("one", children=[Task(long, id="long"), Task(nothing, id="next")]),
            Phase("two", children=[Task(nothing, id="never")]),
            Task(nothing, id="quick", on_finished=lambda r, ctx: ctx.state.set("stop", True)),
            Stop("enough") if ctx.state.get("stop") else None,
        ]

    why = of(app, limits=Limits(idle_timeout_ms=0, grace_ms=50))
    told = why("next")
    assert told.ran == []
    assert "it waits for its turn" in text(told.not_yet) or "stopped" in text(told.not_yet)
    assert "the execution is over (stopped: enough)" in text(told.not_yet)
    two = why("two")
    assert "before it come Phase one" in text(two.not_yet)
    assert [change.key for link in why("Stop").in_plan for change in link.changes] == ["stop"]


@pytest.mark.requirement("O-3", "Z-3")
def test_what_left_and_came_back_says_both(of: Any) -> None:
    def step(r: Any, ctx: Any) -> None:
        ctx.state.increment("n", 1)

    @component
    def app(ctx: Any) -> Any:
        n = ctx.state.get("n", 0)
        if n > 2:
            return None
        return [Task(nothing, id="t", on_finished=step) if n != 1 else Task(nothing, key=n, on_finished=step)]

    told = of(app)("t")
    assert [run.again for run in told.ran] == [None, "incarnation"]
    assert [(c.key, c.old, c.new) for link in told.in_plan for c in link.changes] == [("n", 1, 2)]
    assert [(c.key, c.old, c.new) for link in told.left for c in link.changes] == [("n", 2, 3)]


@pytest.mark.requirement("O-3", "H-4")
def test_effects_name_their_deps_and_writers(of: Any) -> None:
    def ran() -> None:
        """An effect."""

    @component
    def app(ctx: Any) -> Any:
        n = ctx.state.get("n", 0)
        return [Task(nothing, id="t", on_finished=lambda r, ctx: ctx.state.set("n", 5)), Effect("e", deps=[n], run=ran)]

    runs = of(app)("e").ran
    assert [run.frame for run in runs] == [0, 2]
    assert "its deps went [0] → [5]" in runs[1].because[0].text
    assert runs[1].because[1].changes[0].handler == "on_finished"


@pytest.mark.requirement("O-3", "S-2")
def test_volatile_keys_and_listings(of: Any) -> None:
    def write(r: Any, ctx: Any) -> None:
        ctx.vol.set("shown", object())
        ctx.state.set("jobs/1", "x")

    @component
    def lister(ctx: Any) -> Any:
        return [Task(nothing, id=f"l{len(ctx.state.keys('jobs/'))}")]

    @component
    def shower(ctx: Any) -> Any:
        return Task(nothing, id="v") if ctx.vol.get("shown") else None

    @component
    def app(ctx: Any) -> Any:
        return [Task(nothing, id="first", on_finished=write), lister(), shower()]

    why = of(app)
    (change,) = why("l1").in_plan[0].changes
    assert (change.key, change.new, change.node_id) == ("jobs/1", "x", "first")
    # Of two tasks that run at once, in threads, either may end first.
    assert f"the volatile key `shown` changed in frame {change.frame}" in text(why("v").in_plan)


@pytest.mark.requirement("O-3", "Z-22")
def test_names_that_mean_nothing_or_too_much(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        return [Phase("build", children=[Task(nothing, id="a/t")]), Task(nothing, key=1), Task(nothing, key=2)]

    why = of(app)
    assert why("build").type == "Phase"
    assert why("app").ran[0].frame == 0
    assert why(why("build").node_id[:6]).name == "build"
    with pytest.raises(UsageError, match="'nothing' means 3 nodes"):
        why("nothing")
    with pytest.raises(UsageError, match="Did you mean 'build'"):
        why("biuld")


@pytest.mark.requirement("O-3")
def test_a_loop_of_loops_keeps_apart(of: Any) -> None:
    @component
    def app(ctx: Any) -> Any:
        return Ralph("out", max_iterations=2, children=Ralph("in", max_iterations=2, children=Task(nothing, id="w")))

    told = of(app)("w")
    assert [run.node_id for run in told.ran] == [f"out/{i}/in/{j}/w" for i in range(2) for j in range(2)]
