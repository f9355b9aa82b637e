"""Phases and Steps run in order, what is inside a Step or Parallel together (N-2, Z-5, Z-6)."""

import asyncio
import sys

import pytest
from sem_play import nothing

from smithers_py import Command, Each, Fragment, If, Parallel, Phase, Ralph, Step, Task, Text, component

pytestmark = pytest.mark.requirement("N-2", "Z-5", "Z-6")


def test_phase_b_starts_after_phase_a_is_complete(run):
    @component
    def App(ctx):
        return [
            Phase("a", children=[Task(nothing, id="one"), Task(nothing, id="two")]),
            Phase("b", children=[Task(nothing, id="three")]),
        ]

    played = run(App)
    one, two, three = (played.task(name) for name in ("one", "two", "three"))
    assert one.ended_at <= two.started_at <= two.ended_at <= three.started_at
    assert [(row[2], row[3]) for row in played.plan(0)] == [
        ("Phase", "a"),
        ("Task", "nothing"),
        ("Task", "nothing"),
        ("Phase", "b"),
    ]
    complete = played.transitions(f"$node/{played.node('a').node_id}")[-1]
    assert complete.new_value_json == '"succeeded"'
    assert played.node("three").mounted_frame == complete.frame_index + 1
    assert two.handled_frame < complete.frame_index


def test_unreached_phases_mount_no_children(run, calls):
    @component
    def Later(ctx):
        calls("later")
        return Task(nothing)

    @component
    def App(ctx):
        return [Phase("a", children=[Task(_fail)]), Phase("b", children=[Later()])]

    played = run(App)
    assert calls.names == []
    assert played.status("b") == "skipped"


def _fail():
    raise ValueError("no")


def test_steps_of_a_phase_run_in_order_and_their_children_together(run, gate):
    """Both tasks of the first step must be running before either ends, and the second step waits for both."""

    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                Step("one", children=[Task(gate.meet("one", 2), id="a"), Task(gate.meet("one", 2), id="b")]),
                Step("two", children=[Task(nothing, id="c")]),
            ],
        )

    played = run(App)
    a, b, c = (played.task(name) for name in "abc")
    assert max(a.started_at, b.started_at) <= min(a.ended_at, b.ended_at)
    assert max(a.ended_at, b.ended_at) <= c.started_at
    assert played.node("c").mounted_frame > max(a.handled_frame, b.handled_frame)


def test_runnables_in_a_phase_are_anonymous_steps(run):
    order = []

    def note(name):
        return lambda: order.append(name)

    @component
    def Wrapped(ctx):
        return [Task(note("w1")), Fragment(children=[Task(note("w2"))])]

    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                Task(note("first")),
                Wrapped(),
                If(lambda: True, children=[Task(note("if"))]),
                Each(["e1", "e2"], children=lambda name: Task(note(name), key=name)),
                Step("s", children=[Task(note("step"))]),
                Task(note("last")),
            ],
        )

    run(App)
    assert order == ["first", "w1", "w2", "if", "e1", "e2", "step", "last"]


def test_elsewhere_siblings_start_together_but_phases_and_steps_are_ordered(run):
    @component
    def Phases(ctx):
        return [Phase("b", children=[Task(nothing, id="b1")]), Step("t", children=[Task(nothing, id="t1")])]

    @component
    def App(ctx):
        return [
            Phase("a", children=[Task(nothing, id="a1")]),
            Task(nothing, id="x"),
            Phases(),
            Step("s", children=[Task(nothing, id="s1")]),
            Task(nothing, id="y"),
        ]

    played = run(App)
    mounted = {row.node_id: row.mounted_frame for row in played.nodes}
    assert mounted["a1"] == mounted["x"] == mounted["y"] == mounted["t1"] == 0
    assert mounted["b1"] > played.task("a1").handled_frame
    assert mounted["s1"] > played.task("t1").handled_frame
    assert played.result.status == "completed"
    assert {row.status for row in played.nodes if row.node_type in ("Phase", "Step", "Task")} == {"succeeded"}


def test_empty_and_skipped_phases(run, calls):
    @component
    def App(ctx):
        return [
            Phase("empty", on_start=lambda: calls("start"), on_complete=lambda r: calls(f"complete {r.name}")),
            Phase("text", children=["only words"]),
            Phase("skipped", skip_if=True, children=[Task(lambda: calls("no"))], on_start=lambda: calls("no")),
            Phase("lazy", skip_if=lambda: ctx.state.get("skip"), children=[Task(lambda: calls("no"))]),
            Phase("kept", skip_if=lambda: False, children=[Task(lambda: calls("yes"))]),
        ]

    played = run(App, state={"skip": True})
    assert calls.names == ["start", "complete empty", "yes"]
    statuses = {row.name: row.status for row in played.nodes if row.name}
    assert statuses == {
        "empty": "succeeded",
        "text": "succeeded",
        "skipped": "skipped",
        "lazy": "skipped",
        "kept": "succeeded",
    }
    assert played.result.status == "completed"


def test_skip_if_is_read_when_the_phase_is_reached(run, calls):
    @component
    def App(ctx):
        return [
            Phase("a", children=[Task(lambda ctx: ctx.state.set("skip", True))]),
            Phase("b", skip_if=lambda: ctx.state.get("skip"), children=[Task(lambda: calls("no"))]),
            Phase("c", children=[Task(lambda: calls("c"))]),
        ]

    played = run(App)
    assert calls.names == ["c"]
    assert played.status("b") == "skipped"


def test_events_of_containers_come_once_and_in_order(run, calls):
    def events(name):
        return {"on_start": lambda: calls(f"{name} start"), "on_complete": lambda r: calls(f"{name} {r.name} complete")}

    @component
    def App(ctx):
        return [
            Phase(
                "p",
                children=[
                    Step("s", children=Task(lambda: calls("s work")), **events("s")),
                    Step("t", children=Task(lambda: calls("t work")), **events("t")),
                ],
                **events("p"),
            ),
            Phase("q", children=[Task(lambda: calls("q work"))], **events("q")),
        ]

    run(App)
    assert calls.names == [
        "p start",
        "s start",
        "s work",
        "s s complete",
        "t start",
        "t work",
        "t t complete",
        "p p complete",
        "q start",
        "q work",
        "q q complete",
    ]


def test_a_completed_phase_stays_in_the_plan_frozen(run, calls):
    @component
    def Reader(ctx):
        calls(f"reader {ctx.state.get('n', 0)}")
        return Text(f"n is {ctx.state.get('n', 0)}")

    @component
    def App(ctx):
        return [
            Phase("a", children=[Reader(), Task(nothing, id="a1")]),
            Phase("b", children=[Task(lambda ctx: ctx.state.set("n", 1))]),
            If(lambda: ctx.state.get("n"), children=[Reader()]),
        ]

    played = run(App)
    assert calls.names == ["reader 0", "reader 1"]
    assert ("Text", "n is 0") in played.shape()
    assert played.node("a1").unmounted_frame is None


def test_nothing_added_to_a_completed_phase_starts(run, calls):
    @component
    def App(ctx):
        late = ctx.state.get("late", False)
        return [
            Phase("a", children=[Task(nothing, id="a1"), *([Task(lambda: calls("late"), id="a2")] if late else [])]),
            Phase("b", children=[Task(lambda ctx: ctx.state.set("late", True))]),
        ]

    played = run(App)
    assert calls.names == []
    assert played.result.status == "completed"


def test_work_that_appears_in_a_running_phase_is_done_before_it_ends(run):
    order = []

    @component
    def More(ctx):
        return [
            Task(lambda: order.append(n), key=n, on_finished=lambda r, n=n: ctx.state.set("n", n + 1))
            for n in range(ctx.state.get("n", 0) + 1)
            if n < 4
        ]

    @component
    def App(ctx):
        return [Phase("a", children=[More()]), Phase("b", children=[Task(lambda: order.append("b"))])]

    run(App)
    assert order == [0, 1, 2, 3, "b"]


# -- Parallel --------------------------------------------------------------------------------------

STAMP = """
import sys, time, pathlib
start = time.time_ns(); time.sleep(0.15)
pathlib.Path(sys.argv[1]).write_text(f"{start} {time.time_ns()}")
"""


def stamped(name):
    return Command([sys.executable, "-c", STAMP, f"{name}.stamp"], key=name)


def overlap(folder):
    """The most programs that ran at one moment, by what they wrote themselves."""
    moments = []
    for path in folder.glob("*.stamp"):
        start, end = map(int, path.read_text().split())
        moments += [(start, 1), (end, -1)]
    most = now = 0
    for _, change in sorted(moments):
        now += change
        most = max(most, now)
    return most, len(moments) // 2


@pytest.mark.parametrize("shape", ["plain", "steps", "transparent"])
def test_parallel_never_runs_more_than_its_limit(run, tmp_path, shape):
    names = [f"c{n}" for n in range(5)]

    @component
    def Two(ctx, names):
        return [stamped(name) for name in names]

    @component
    def App(ctx):
        if shape == "plain":
            inner = [stamped(name) for name in names]
        elif shape == "steps":
            inner = [Step(name, children=[stamped(name)]) for name in names]
        else:
            inner = [Two(names[:2]), Fragment(children=[stamped(names[2])]), Two(names[3:])]
        return Phase("p", children=[Parallel(max_concurrency=2, children=inner)])

    played = run(App, workspace=tmp_path)
    assert played.result.status == "completed"
    assert overlap(tmp_path) == (2, 5)


def test_parallel_without_limit_runs_all_together(run, gate):
    @component
    def App(ctx):
        three = [Task(gate.meet("three", 3), id=n) for n in "abc"]
        return Phase("p", children=[Parallel(children=three), Task(nothing, id="after")])

    played = run(App)
    assert {played.node(n).mounted_frame for n in "abc"} == {0}
    assert played.task("after").started_at >= max(played.task(n).ended_at for n in "abc")


def test_parallel_inside_parallel_counts_its_own_items(run, gate):
    """The inner Parallel is one item of the outer; each keeps its own limit."""
    most = {"outer": 0, "inner": 0}
    now = {"outer": 0, "inner": 0}

    def work(group):
        async def body():
            now[group] += 1
            most[group] = max(most[group], now[group])
            for _ in range(5):
                await asyncio.sleep(0)
            now[group] -= 1

        return body

    @component
    def App(ctx):
        return Parallel(
            max_concurrency=2,
            children=[
                Parallel(max_concurrency=1, children=[Task(work("inner"), key=n) for n in range(3)]),
                *[Task(work("outer"), key=n) for n in range(4)],
            ],
        )

    played = run(App)
    assert most == {"outer": 2, "inner": 1} or most == {"outer": 1, "inner": 1}
    assert len(played.tasks) == 7
    assert {row.status for row in played.tasks} == {"succeeded"}


def test_a_loop_or_parallel_in_a_phase_is_one_step(run):
    order = []

    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                Ralph("r", max_iterations=2, children=lambda n: [Task(lambda: order.append(f"r{n}"))]),
                Parallel(children=[Task(lambda: order.append("p"), key=k) for k in range(2)]),
                Task(lambda: order.append("end")),
            ],
        )

    run(App)
    assert order == ["r0", "r1", "p", "p", "end"]
