"""Plans that change their structure while they run: nothing is lost, started twice or left hanging (F-5, Z-5, Z-6)."""

import pytest
from sem_play import nothing

from smithers_py import Each, Effect, Fragment, If, Parallel, Phase, Ralph, Step, Stop, Task, Text, component
from smithers_py.engine.run import Limits

pytestmark = pytest.mark.requirement("F-5", "Z-5", "Z-6")


def set_then_open(gate, *names):
    """Frame 0 sets `s`; the frame that shows it opens the gate."""

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)
        elif report.patches:
            gate.open(*names)

    return on_frame


@pytest.mark.parametrize("to", ["root", "step", "parallel", "phase"])
def test_a_task_whose_turn_had_not_come_moves_and_starts(run, gate, calls, to):
    @component
    def App(ctx):
        moved = ctx.state.get("s")
        work = Task(lambda: calls("moved"), id="w")
        places = {
            "root": lambda: work,
            "step": lambda: Step("s", children=[work]),
            "parallel": lambda: Parallel(children=[work]),
            "phase": lambda: Phase("q", children=[work]),
        }
        return [
            Phase("p", children=[Task(gate.wait("first"), id="first"), None if moved else work]),
            places[to]() if moved else None,
        ]

    played = run(App, on_frame=set_then_open(gate, "first"))
    assert calls.names == ["moved"]
    assert played.result.status == "completed"
    # Into a phase whose turn has not come it does not move: there it is mounted when that begins.
    assert len([row for row in played.nodes if row.node_id == "w"]) == (2 if to == "phase" else 1)
    assert len([row for row in played.tasks if row.node_id == "w"]) == 1


def test_a_running_task_moves_out_of_its_phase_which_then_ends(run, gate, calls):
    @component
    def App(ctx):
        moved = ctx.state.get("s")
        work = Task(gate.wait("w"), id="w", on_finished=lambda r: calls("w"))
        return [
            Phase("p", children=[None if moved else work], on_complete=lambda r: calls("p")),
            Phase("q", children=[Task(lambda: (calls("q"), gate.open("w"))[0])]),
            work if moved else None,
        ]

    played = run(App, on_frame=lambda watch, report: watch.write(s=True) if report.index == 0 else None)
    assert calls.names == ["p", "q", "w"]
    assert played.result.status == "completed"


@pytest.mark.parametrize("kind", [Phase, Step])
def test_a_running_container_that_leaves_lets_the_next_one_start(run, gate, calls, kind):
    @component
    def App(ctx):
        return [
            None if ctx.state.get("s") else kind("a", children=[Task(gate.wait("a"), id="a")]),
            kind("b", children=[Task(lambda: calls("b"))]),
        ]

    played = run(App, on_frame=lambda watch, report: watch.write(s=True) if report.index == 0 else None)
    assert gate.cancelled == ["a"]
    assert calls.names == ["b"]
    assert played.result.status == "completed"


def test_a_running_step_of_a_phase_that_leaves(run, gate, calls):
    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                None if ctx.state.get("s") else Step("one", children=[Task(gate.wait("a"), id="a")]),
                Step("two", children=[Task(lambda: calls("two"))]),
            ],
            on_complete=lambda r: calls("complete"),
        )

    run(App, on_frame=lambda watch, report: watch.write(s=True) if report.index == 0 else None)
    assert calls.names == ["two", "complete"]


def test_phases_that_are_added_run_in_their_turn(run, gate, calls):
    """One before the running one (it waits for it), one after, one after the last."""

    @component
    def App(ctx):
        more = ctx.state.get("s")
        return [
            Phase("before", children=[Task(lambda: calls("before"))]) if more else None,
            Phase("a", children=[Task(gate.wait("a"), on_finished=lambda r: calls("a"))]),
            Phase("between", children=[Task(lambda: calls("between"))]) if more else None,
            Phase("b", children=[Task(lambda: calls("b"))]),
            Phase("last", children=[Task(lambda: calls("last"))]) if more else None,
        ]

    played = run(App, on_frame=set_then_open(gate, "a"))
    assert calls.names == ["a", "before", "between", "b", "last"]
    assert played.result.status == "completed"


def test_a_moved_phase_keeps_its_progress(run, gate, calls):
    @component
    def App(ctx):
        a = Phase("a", children=[Task(lambda: calls("a1")), Task(gate.wait("a2"), id="a2")])
        b = Phase("b", children=[Task(lambda: calls("b"))])
        return [b, a] if ctx.state.get("s") else [a, b]

    def on_frame(watch, report):
        if ("a2", "running", None) in report.statuses:
            watch.write(s=True)
        elif any(patch[0] == ">" for patch in report.patches):
            gate.open("a2")

    run(App, on_frame=on_frame)
    assert calls.names == ["a1", "b"]


def test_a_raised_limit_takes_effect_at_once(run, gate):
    """Three that must run together to end; the limit is one until the state says three."""

    @component
    def App(ctx):
        return Parallel(
            max_concurrency=3 if ctx.state.get("s") else 1,
            children=[Task(gate.meet("three", 3), key=n) for n in range(3)],
        )

    played = run(App, on_frame=lambda watch, report: watch.write(s=True) if report.index == 0 else None)
    assert played.result.status == "completed"


def test_children_that_appear_in_a_running_step_or_parallel_start(run, gate, calls):
    @component
    def More(ctx, kind):
        return Task(lambda: calls(f"more {kind}")) if ctx.state.get("s") else None

    @component
    def App(ctx):
        return [
            Step("s", children=[Task(gate.wait("s")), More("step")]),
            Parallel(max_concurrency=1, children=[More("limited"), Task(gate.wait("l"))]),
            Parallel(children=[Task(gate.wait("p")), Fragment(children=[More("parallel")])]),
            Ralph("r", max_iterations=1, children=lambda n: [Task(gate.wait("r")), More("loop")]),
            Fragment(children=[More("root")]),
        ]

    played = run(App, on_frame=set_then_open(gate, "s", "l", "p", "r"))
    assert sorted(calls.names) == [f"more {name}" for name in ("limited", "loop", "parallel", "root", "step")]
    assert played.result.status == "completed"


def test_a_handler_may_unmount_its_own_node(run, calls):
    @component
    def App(ctx):
        if ctx.state.get("done"):
            return Text("done")
        return Phase(
            "p",
            children=[Task(nothing, id="t", on_finished=lambda r: ctx.state.set("done", True)), Task(nothing, id="u")],
            on_complete=lambda r: calls("no"),
        )

    played = run(App)
    assert calls.names == []
    assert played.status("t") == "succeeded"
    assert played.shape() == [("Text", "done")]
    assert all(row.unmounted_frame is not None for row in played.nodes if row.node_type == "Task")


def test_a_node_unmounted_in_the_frame_in_which_it_would_start(run, calls):
    """The write that lets phase two begin also takes its task away."""

    @component
    def App(ctx):
        return [
            Phase("a", children=[Task(nothing)], on_complete=lambda r: ctx.state.set("gone", True)),
            Phase("b", children=[If(lambda: not ctx.state.get("gone"), children=[Task(lambda: calls("no"))])]),
            Phase("c", children=[Task(lambda: calls("c"))]),
        ]

    played = run(App)
    assert calls.names == ["c"]
    assert played.result.status == "completed"


def test_a_failed_phase_that_leaves_does_not_bring_the_skipped_back(run, calls):
    def boom():
        raise ValueError("x")

    @component
    def App(ctx):
        return [
            None if ctx.node("b").status == "skipped" else Phase("a", children=[Task(boom)]),
            Phase("b", id="b", children=[Task(lambda: calls("no"))]),
        ]

    played = run(App)
    assert calls.names == []
    assert played.result.status == "failed"


def test_a_failed_node_that_leaves_before_its_phase_ended(run, gate, calls):
    """The failure is removed by the plan while a sibling of its Step still runs: the Phase goes on without it."""

    def boom():
        raise ValueError("x")

    @component
    def App(ctx):
        gone = ctx.node("boom").status == "failed"
        return Phase(
            "p",
            children=[
                Step("s", children=[None if gone else Task(boom, id="boom"), Task(gate.wait("g"), id="g")]),
                Task(lambda: calls("after")),
            ],
        )

    def on_frame(watch, report):
        if any(patch[0] == "-" for patch in report.patches):
            gate.open("g")

    played = run(App, on_frame=on_frame)
    assert calls.names == ["after"]
    assert played.status("p") == "succeeded"
    assert played.result.status == "failed"


def test_effects_of_a_removed_phase_are_cleaned_up(run, gate, calls):
    @component
    def App(ctx):
        if ctx.state.get("s"):
            return Text("gone")
        return Phase("p", children=[Effect("e", deps=[], run=lambda: lambda: calls("clean")), Task(gate.wait("t"))])

    run(App, on_frame=lambda watch, report: watch.write(s=True) if report.index == 0 else None)
    assert calls.names == ["clean"]
    assert gate.cancelled == ["t"]


def test_each_grows_while_it_is_worked_on(run, calls):
    """A work list: every finished item adds two more, up to 31."""

    @component
    def App(ctx):
        def done(n):
            def handler(r):
                for child in (2 * n, 2 * n + 1):
                    if child < 32:
                        ctx.state.append("todo", child)

            return handler

        return [
            Phase(
                "all",
                children=[
                    Parallel(
                        max_concurrency=3,
                        children=[
                            Each(
                                lambda: ctx.state.get("todo", [1]),
                                children=lambda n: Task(lambda: calls(n), key=n, on_finished=done(n)),
                            )
                        ],
                    )
                ],
            ),
            Phase("after", children=[Task(lambda: calls("after"))]),
        ]

    played = run(App, state={"todo": [1]})
    assert sorted(calls.names[:-1]) == list(range(1, 32))
    assert calls.names[-1] == "after"
    assert {row.attempt for row in played.tasks} == {1}


def test_a_waiting_task_moves_out_of_a_phase_that_leaves(run, gate, calls):
    @component
    def App(ctx):
        work = Task(lambda: calls("w"), id="w")
        return [
            Task(gate.wait("slot"), key="slot"),
            work if ctx.state.get("s") else Phase("p", children=[Text("x"), work, Task(nothing, id="other")]),
        ]

    played = run(App, on_frame=set_then_open(gate, "slot"), limits=Limits(idle_timeout_ms=0, max_tasks=1))
    assert calls.names == ["w"]
    assert [row.mounted_frame for row in played.nodes if row.node_id == "w"] == [0]
    assert played.result.status == "completed"


@pytest.mark.parametrize("lane", [Phase, Step])
def test_what_leaves_makes_room_in_the_same_frame(run, gate, lane):
    """At the root as in a container: the frame that shows the change begins what is next."""

    @component
    def App(ctx):
        over = ctx.state.get("s")
        return [
            None if over else lane("a", children=[Task(gate.wait("never"), id="stays")]),
            lane("b", on_start=lambda: ctx.state.set("b began", True), children=[Task(nothing, id="next")]),
            Stop("enough", id="stop") if over else None,
        ]

    played = run(App, on_frame=set_then_open(gate))
    assert played.result.status == "stopped"
    [shows] = [index for index, patches in played.deltas.items() if any(one[0] == "-" for one in patches)]
    assert [(row.frame_index, row.new_value_json) for row in played.transitions("b began")] == [(shows, "true")]


def test_what_has_room_again_and_moves_is_counted_once(run, gate, calls):
    """A Phase that runs moves into another component of the root while what was around it leaves."""

    @component
    def Keep(ctx, inside):
        return inside

    @component
    def App(ctx):
        moved = ctx.state.get("s")
        first = Phase("a", id="a", children=[Task(gate.wait("first"), id="first")])
        return [
            None if moved else Fragment(id="old", children=[first]),
            Keep(first, id="new") if moved else None,
            Phase("b", id="b", children=[Task(lambda: calls("second"), id="second")]),
        ]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)
        elif any(one[0] == ">" for one in report.patches):
            assert watch.run.tree.by_id["b"].status == "idle"
            gate.open("first")

    played = run(App, on_frame=on_frame)
    assert played.result.status == "completed"
    assert calls.names == ["second"]
    assert len([row for row in played.tasks if row.node_id == "first"]) == 1
