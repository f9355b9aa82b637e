"""Loops: when the condition is read, what an iteration is, how they end (N-3, Z-8)."""

import pytest
from sem_play import nothing

from smithers_py import End, Phase, Ralph, Stop, Task, Text, While, component

pytestmark = pytest.mark.requirement("N-3", "Z-8")


def test_the_condition_is_read_only_between_iterations(run, calls):
    """Two tasks per iteration; the first makes the condition false, the second still runs."""

    @component
    def App(ctx):
        def condition():
            calls(f"condition {ctx.state.get('n', 0)}")
            return ctx.state.get("n", 0) < 2

        return While(
            "loop",
            condition,
            children=[
                Task(lambda ctx: ctx.state.update("n", lambda n: (n or 0) + 1)),
                Task(lambda: calls("second")),
            ],
            on_iteration=lambda n: calls(f"iteration {n}"),
            on_complete=lambda r: calls(f"complete {r.reason} {r.iterations}"),
        )

    played = run(App)
    assert calls.names == [
        "condition 0",
        "second",
        "iteration 0",
        "condition 1",
        "second",
        "iteration 1",
        "condition 2",
        "complete condition 2",
    ]
    assert played.status("loop") == "succeeded"


def test_a_false_condition_runs_nothing(run, calls):
    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                While("loop", False, children=[Task(lambda: calls("no"))], on_complete=lambda r: calls(r.reason)),
                Task(lambda: calls("after")),
            ],
        )

    run(App)
    assert calls.names == ["condition", "after"]


@pytest.mark.parametrize("handler", [None, lambda n: None])
@pytest.mark.parametrize("most", [1, 3])
def test_max_iterations_ends_the_loop(run, calls, most, handler):
    @component
    def App(ctx):
        return Ralph(
            "loop",
            max_iterations=most,
            children=lambda n: [Task(lambda: calls(n), id="w")],
            on_iteration=handler,
            on_complete=lambda r: calls(r.reason),
        )

    played = run(App)
    assert calls.names == [*range(most), "max_iterations"]
    assert [row.node_id for row in played.tasks] == [f"loop/{n}/w" for n in range(most)]
    assert played.state_at(99)["$loop/loop"] == [most - 1, "max_iterations"]
    words = [row.new_value_json for row in played.transitions("$loop/loop")]
    assert words[0] == '[0,"running"]'
    assert [word for word in words if "running" in word] == [f'[{n},"running"]' for n in range(most)]


def test_only_the_current_iteration_is_mounted(run):
    @component
    def App(ctx):
        return Ralph("loop", max_iterations=3, children=lambda n: [Text(f"round {n}"), Task(nothing, id="w")])

    played = run(App)
    assert [shape for shape in played.shape() if shape[0] == "Text"] == [("Text", "round 2")]
    rows = {row.node_id: row for row in played.nodes if row.node_type == "Task"}
    assert rows["loop/0/w"].unmounted_frame == rows["loop/1/w"].mounted_frame
    assert rows["loop/2/w"].unmounted_frame is None
    assert len({row.node_id for row in played.nodes}) == len(played.nodes)


def test_static_children_are_made_anew_in_each_iteration(run, calls):
    @component
    def Part(ctx):
        calls("part")
        return Task(lambda: calls("work"))

    @component
    def App(ctx):
        calls("app")
        return Ralph("loop", max_iterations=2, children=[Part(), Text("t")])

    played = run(App)
    assert calls.names == ["app", "part", "work", "part", "work"]
    assert len({row.node_id for row in played.tasks}) == 2


def test_children_by_iteration_render_alone_and_again_when_their_reads_change(run, calls):
    @component
    def App(ctx):
        calls("app")

        def children(n):
            calls(f"children {n}")
            return [Task(lambda ctx: ctx.state.set("k", n), id="w"), Text(str(ctx.state.get("k")))]

        return Ralph("loop", max_iterations=2, children=children)

    played = run(App)
    assert calls.count("app") == 1
    assert calls.count("children 0") == 2
    assert {row.attempt for row in played.tasks} == {1}
    assert len(played.tasks) == 2


def test_nested_loops_keep_separate_identities(run):
    order = []

    @component
    def App(ctx):
        def note(r):
            ctx.state.append("ids", r.node_id)

        return Ralph(
            "outer",
            max_iterations=2,
            children=lambda a: [
                Ralph(
                    "inner",
                    max_iterations=2,
                    children=lambda b: [
                        Task(
                            lambda: order.append((a, b)),
                            id="w",
                            on_finished=lambda r: ctx.state.append("ids", r.node_id),
                        )
                    ],
                ),
                Task(lambda: order.append((a, "end")), id="w"),
            ],
        )

    played = run(App)
    assert order == [(0, 0), (0, 1), (0, "end"), (1, 0), (1, 1), (1, "end")]
    inner = [f"outer/{a}/inner/{b}/w" for a in (0, 1) for b in (0, 1)]
    assert played.state["ids"] == inner
    assert {row.node_id for row in played.tasks} == {*inner, "outer/0/w", "outer/1/w"}
    assert len({row.node_id for row in played.nodes}) == len(played.nodes)
    state = played.state_at(10_000)
    assert state["$loop/outer"] == [1, "max_iterations"]
    assert state["$loop/outer/0/inner"] == state["$loop/outer/1/inner"] == [1, "max_iterations"]


def test_events_may_write_what_the_next_condition_reads(run):
    @component
    def App(ctx):
        return While(
            "loop",
            lambda: ctx.state.get("rounds", 0) < 3,
            children=[Task(nothing)],
            on_iteration=lambda n: ctx.state.set("rounds", n + 1),
            on_complete=lambda r: ctx.state.set("end", [r.reason, r.iterations]),
        )

    played = run(App)
    assert played.state == {"rounds": 3, "end": ["condition", 3]}
    handlers = [(row.key, row.handler, row.node_id) for row in played.transitions()]
    assert handlers == [("rounds", "on_iteration", "loop")] * 3 + [("end", "on_complete", "loop")]


def test_an_iteration_without_work_or_change_stalls(run):
    @component
    def App(ctx):
        return While("loop", lambda: True, children=[Text("idle")])

    played = run(App)
    result = played.result
    assert (result.status, result.exit_code, result.stop_reason) == ("stalled", 4, "loop_stalled")
    assert played.execution.status == "stalled"
    assert "loop" in result.errors[0]["message"]


def test_an_iteration_without_work_that_writes_goes_on(run):
    @component
    def App(ctx):
        return While(
            "loop",
            lambda: ctx.state.get("n", 0) < 3,
            children=[Text("idle")],
            on_iteration=lambda n: ctx.state.set("n", n + 1),
        )

    played = run(App)
    assert (played.result.status, played.state) == ("completed", {"n": 3})


@pytest.mark.requirement("N-8", "Z-9")
@pytest.mark.parametrize(
    ("node", "ending"),
    [
        (lambda: Stop("enough"), ("stopped", 4, "enough", None)),
        (lambda: End({"rounds": 2}, exit_code=3), ("completed", 3, "end", {"rounds": 2})),
    ],
)
def test_stop_and_end_inside_a_loop_wait_their_turn_and_end_the_run(run, calls, node, ending):
    @component
    def App(ctx):
        return [
            Ralph(
                "loop",
                children=lambda n: [
                    Task(lambda: calls(f"first {n}")),
                    node() if n == 1 else None,
                    Task(lambda: calls(f"last {n}")),
                ],
            ),
            Phase("p", children=[Task(lambda: calls("phase"))]),
        ]

    played = run(App)
    assert [name for name in calls.names if name != "phase"] == ["first 0", "last 0", "first 1"]
    result = played.result
    assert (result.status, result.exit_code, result.stop_reason, result.summary) == ending


def test_a_loop_that_leaves_the_plan_is_cancelled(run, gate, calls):
    @component
    def App(ctx):
        if ctx.state.get("gone"):
            return Text("gone")
        return Ralph("loop", children=[Task(gate.wait("w"), id="w", on_finished=lambda r: calls("no"))])

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(gone=True)

    played = run(App, on_frame=on_frame)
    assert gate.cancelled == ["w"]
    assert calls.names == []
    assert played.task("loop/0/w").status == "cancelled"
    assert played.result.status == "completed"


def test_a_loop_that_returns_starts_at_the_first_iteration(run, calls):
    @component
    def App(ctx):
        if ctx.state.get("step") == 1:
            return Text("between")
        return Ralph("loop", max_iterations=2, children=lambda n: [Task(lambda: calls(n), id="w")])

    steps = [1, 2]

    def on_frame(watch, report):
        if steps and not watch.run.tasks.running and len(calls.names) >= 2:
            watch.write(step=steps.pop(0))

    played = run(App, on_frame=on_frame)
    assert calls.names == [0, 1, 0, 1]
    assert len(played.tasks) == 4


def test_a_hundred_iterations_write_only_what_changed(run):
    @component
    def App(ctx):
        return Ralph("loop", max_iterations=100, children=lambda n: [Task(nothing, id="w")])

    played = run(App, check=False)
    assert len(played.tasks) == 100
    sizes = [frame.bytes for frame in played.frames]
    assert max(sizes[-10:]) <= max(sizes[10:20]) + 8
    assert len(played.frames) <= 302


@pytest.mark.requirement("Z-14")
def test_previous_sees_the_iteration_before(run):
    @component
    def App(ctx):
        def children(n):
            return [
                Task(lambda: f"out {n}", id="w", on_finished=lambda r, ctx: ctx.state.append("seen", before(ctx))),
            ]

        def before(ctx):
            return ctx.node("w").previous.output

        return Ralph("loop", max_iterations=3, children=children)

    assert run(App).state["seen"] == [None, "out 0", "out 1"]
