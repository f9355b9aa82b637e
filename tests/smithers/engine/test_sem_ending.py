"""How runs end, and what becomes of work that is under way or comes late (F-5, F-8, N-8, Z-9, Z-21, T-7)."""

import sys
from pathlib import Path

import orjson
import pytest
from sem_play import Hold, nothing

from smithers_py import Command, Effect, End, Fragment, If, Parallel, Phase, Step, Stop, Task, Text, component
from smithers_py.engine.run import Limits

pytestmark = pytest.mark.requirement("N-8", "Z-9")

SLEEPER = """
import os, pathlib, time
pathlib.Path("pid.tmp").write_text(str(os.getpid()))
os.rename("pid.tmp", "pid")
time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.requirement("F-5", "T-7")
def test_an_unmounted_command_is_really_gone(run, tmp_path, calls):
    @component
    def App(ctx):
        if ctx.fs.exists("pid"):
            return Text("gone")
        return Command([sys.executable, "-c", SLEEPER], id="c", on_finished=calls, on_error=calls)

    played = run(App, workspace=tmp_path, limits=Limits(idle_timeout_ms=0, throttle_ms=20))
    assert not alive(int((tmp_path / "pid").read_text()))
    assert played.task("c").status == "cancelled"
    assert played.node("c").unmounted_frame is not None
    assert calls.names == []
    assert played.result.status == "completed"
    assert played.result.duration_ms < 10_000


@pytest.mark.requirement("F-5")
def test_a_result_that_comes_after_its_node_left_is_recorded_and_fires_nothing(run, calls):
    """The task ends in the same turn in which its node leaves the plan."""
    hold = Hold(1)

    @component
    def App(ctx):
        if ctx.state.get("gone"):
            return Text("gone")

        async def leave(r):
            ctx.state.set("gone", True)
            await hold._release(r)

        return [
            Task(nothing, id="first", on_finished=leave),
            Task(hold.body("late"), id="late", on_finished=lambda r: calls("no")),
        ]

    played = run(App, hold=hold)
    assert calls.names == []
    late = played.task("late")
    assert late.status == "succeeded"
    assert "late" in late.result_json
    assert late.handled_frame is not None
    assert [row.node_id for row in played.events if row.type == "task.ignored"] == ["late"]
    assert any("late" in text for level, text in played.watch.logs if level == "warning")
    assert played.state == {"gone": True}


def test_stop_cancels_what_runs_and_exits_4(run, gate, calls):
    @component
    def App(ctx):
        return [
            Task(gate.wait("long"), id="long", on_finished=lambda r: calls("no"), on_error=lambda e: calls("no")),
            Task(nothing, id="t", on_finished=lambda r: ctx.state.set("stop", True)),
            If(lambda: ctx.state.get("stop"), children=[Stop("enough"), Task(lambda: calls("no"), id="never")]),
        ]

    played = run(App)
    result = played.result
    assert (result.status, result.exit_code, result.stop_reason) == ("stopped", 4, "enough")
    assert (played.execution.status, played.execution.exit_code, played.execution.stop_reason) == (
        "stopped",
        4,
        "enough",
    )
    assert gate.cancelled == ["long"]
    assert calls.names == []
    assert played.task("long").status == "cancelled"
    assert played.task("never").started_at is None
    assert played.status("long") == "cancelled"


def test_the_frame_of_a_stop_still_handles_what_was_drained(run):
    hold = Hold(2)

    @component
    def App(ctx):
        return [
            hold.task(),
            Task(hold.body(), id="a", on_finished=lambda r: ctx.state.set("stop", True)),
            Task(hold.body(), id="b", on_finished=lambda r: ctx.state.set("b", 1)),
            Phase("p", children=[Task(gate_step, id="s")]),
            If(lambda: ctx.state.get("stop"), children=[Stop()]),
        ]

    played = run(App, hold=hold)
    assert played.state == {"stop": True, "b": 1}
    assert played.result.status == "stopped"


def gate_step():
    """Ends at once."""


@pytest.mark.parametrize("code", [0, 3, 255])
def test_end_stores_its_summary_and_exit_code(run, code):
    summary = {"files": ["a", "b"], "count": 2}

    @component
    def App(ctx):
        return [
            Task(nothing, on_finished=lambda r: ctx.state.set("n", 1)),
            ctx.state.get("n") and End(summary, exit_code=code),
        ]

    played = run(App)
    result = played.result
    assert (result.status, result.exit_code, result.stop_reason, result.summary) == ("completed", code, "end", summary)
    assert orjson.loads(played.execution.summary_json) == summary
    assert played.execution.exit_code == code


def test_stop_and_end_wait_their_turn_in_a_phase_but_not_elsewhere(run, calls):
    @component
    def Ordered(ctx):
        return Phase(
            "p", children=[Task(lambda: calls("one")), Fragment(children=[End("done")]), Task(lambda: calls("no"))]
        )

    assert run(Ordered).result.summary == "done"
    assert calls.take() == ["one"]

    @component
    def Later(ctx):
        return [Phase("a", children=[Task(lambda: calls("a"))]), Phase("b", children=[Stop("b")])]

    assert run(Later).result.stop_reason == "b"
    assert calls.take() == ["a"]

    @component
    def AtOnce(ctx):
        return [Task(lambda: calls("no")), Fragment(children=[Stop("now")])]

    assert run(AtOnce).result.stop_reason == "now"
    assert calls.take() == []

    @component
    def InStep(ctx):
        return Phase("p", children=[Step("s", children=[Task(lambda: calls("no")), Stop("step")])])

    assert run(InStep).result.stop_reason == "step"
    assert calls.take() == []


def test_the_first_of_several_in_plan_order_decides(run):
    @component
    def App(ctx):
        return [Fragment(children=[Text("x"), End("first")]), Stop("second"), End("third", exit_code=9)]

    assert run(App).result.summary == "first"


def test_end_after_a_handled_failure_and_failure_without_end(run):
    def boom():
        raise ValueError("x")

    @component
    def App(ctx):
        return [Task(boom, id="t"), If(lambda: ctx.node("t").status == "failed", children=[End("anyway", exit_code=0)])]

    result = run(App).result
    assert (result.status, result.exit_code, result.summary) == ("completed", 0, "anyway")
    assert len(result.errors) == 1


@pytest.mark.requirement("F-6")
@pytest.mark.parametrize("deep", [False, True])
def test_a_render_that_raises_keeps_nothing_of_its_frame(run, gate, calls, deep):
    @component
    def Broken(ctx):
        if ctx.state.get("s"):
            raise ValueError("component broke")
        return Text("fine")

    @component
    def App(ctx):
        n = ctx.state.get("s", 0)
        return [
            Text(f"n {n}"),
            *[Text(f"new {k}", key=k) for k in range(n)],
            Phase("work", children=[Task(gate.wait("t"), id="t", on_finished=lambda r: calls("no"))]),
            Effect("e", deps=[n], run=lambda: calls(f"effect {n}")),
            Fragment(children=[Broken()]) if deep else Broken(),
        ]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=2)

    played = run(App, on_frame=on_frame)
    result = played.result
    assert (result.status, result.exit_code, result.stop_reason) == ("failed", 1, "render")
    error = result.errors[0]
    assert "component broke" in error["message"]
    assert "Broken" in error["message"]
    assert error["where"]["file"] == __file__
    assert ("Text", "n 0") in played.shape()
    assert not [shape for shape in played.shape() if shape[1] and shape[1].startswith("new")]
    assert calls.names == ["effect 0"]
    assert gate.cancelled == ["t"]
    assert played.task("t").status == "cancelled"
    assert played.state == {"s": 2}
    assert played.execution.status == "failed"
    assert {frame.plan_hash for frame in played.frames} == {played.frames[0].plan_hash}


def test_the_mounted_tree_survives_every_kind_of_broken_render(run):
    """Moves, turns of loops, reached phases: whatever the render had done before it broke is taken back."""
    from smithers_py import Each, Ralph

    hold = Hold(2)

    @component
    def Broken(ctx):
        if ctx.state.get("s") == "boom":
            raise ValueError("boom")

    @component
    def App(ctx):
        late = ctx.state.get("s") == "boom"
        moved = Text("moved", id="m")
        return [
            hold.task(),
            Fragment(key="a", children=[None if late else moved]),
            Fragment(key="b", children=[[moved] if late else None]),
            Each("cab" if late else "abc", children=lambda n: Text(n, key=n)),
            Phase("one", children=[Task(hold.body(), id="one", on_finished=lambda r: ctx.state.set("s", "boom"))]),
            Phase("two", children=[Task(nothing)]),
            Ralph("loop", children=lambda n: [Task(hold.body(), id="w")]),
            Parallel(max_concurrency=1, children=[Task(nothing, key=k) for k in range(3 if late else 2)]),
            Broken(),
        ]

    played = run(App, hold=hold)
    assert played.result.stop_reason == "render"
    # `play` has compared the tree after the last flush (that of the cancelled tasks) with the patches.
    assert played.watch.flats[-1] == played.plan()


@pytest.mark.parametrize("value", [object(), {1, 2}, nothing, {"a": 1}])
def test_a_component_that_returns_nonsense(run, value):
    @component
    def Odd(ctx):
        return value

    @component
    def App(ctx):
        return Phase("p", children=[Odd()])

    played = run(App)
    assert (played.result.status, played.result.exit_code) == ("failed", 1)
    error = played.result.errors[0]
    assert "Odd" in error["message"] + str(error["where"])
    assert error["where"]["file"] == __file__
    assert played.nodes == []


@pytest.mark.parametrize("value", [2**70, "\ud800", float("inf"), b"bytes", {1: 2}, {"k": {3}}])
def test_props_that_json_cannot_hold_do_not_end_in_a_traceback(run, gate, value):
    """Component props may be any value; what the plan shows of them is another matter."""

    @component
    def Child(ctx, value):
        return Text("child")

    @component
    def App(ctx):
        return [Task(gate.wait("t"), id="t"), Child(value) if ctx.state.get("s") else None]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)
        elif report.patches:
            gate.open("t")

    played = run(App, on_frame=on_frame)
    assert played.result.status in ("completed", "failed")
    if played.result.status == "failed":
        assert "Child" in str(played.result.errors[0])
    assert played.task("t").status in ("succeeded", "cancelled")


def test_idle_ends_only_when_nothing_is_left(run):
    """Ten chained tasks with no idle time at all: the run must not end between any two of them."""

    @component
    def App(ctx):
        return [Phase(f"p{n}", children=[Task(nothing)]) for n in range(10)]

    played = run(App)
    assert len(played.tasks) == 10
    assert played.result.status == "completed"
    assert played.result.stop_reason == "idle"


def test_more_tasks_than_slots_all_run(run):
    @component
    def App(ctx):
        return [Task(nothing, key=n) for n in range(25)]

    played = run(App, limits=Limits(idle_timeout_ms=0, max_tasks=4))
    assert len(played.tasks) == 25
    assert {row.status for row in played.tasks} == {"succeeded"}
    moments = sorted([(row.started_at, 1) for row in played.tasks] + [(row.ended_at, -1) for row in played.tasks])
    now = most = 0
    for _, change in sorted(moments, key=lambda one: (one[0], one[1])):
        now += change
        most = max(most, now)
    assert most <= 4


def test_a_task_that_waits_for_a_slot_and_leaves_never_starts(run, gate, calls):
    @component
    def App(ctx):
        return [
            Task(gate.wait("one"), id="one"),
            None if ctx.state.get("s") else Task(lambda: calls("no"), id="two"),
        ]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)
        elif report.patches:
            gate.open("one")

    played = run(App, limits=Limits(idle_timeout_ms=0, max_tasks=1), on_frame=on_frame)
    assert calls.names == []
    assert played.task("two").started_at is None
    assert played.result.status == "completed"


@pytest.mark.requirement("F-5", "H-3")
def test_results_that_are_being_recorded_when_their_nodes_leave_are_not_lost(run):
    """Some of these tasks run, some have just ended, some wait for a slot when their nodes leave."""

    @component
    def App(ctx):
        many = 0 if ctx.state.get("s") else 60
        return [
            *[Task(nothing, key=n) for n in range(many)],
            Phase("p", children=[Task(nothing, id="last")]),
        ]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)

    for _ in range(4):
        played = run(App, on_frame=on_frame, check=False, limits=Limits(idle_timeout_ms=0, max_tasks=8))
        assert played.task("last").status == "succeeded"
        ended = [row for row in played.tasks if row.ended_at is not None]
        assert all(row.handled_frame is not None for row in ended)
        assert all(row.status in ("scheduled", "cancelled") for row in played.tasks if row.ended_at is None)
