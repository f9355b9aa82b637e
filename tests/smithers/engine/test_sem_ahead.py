"""A task end that nobody looks at lets its successor begin in the same frame; one that matters does not (Z-1)."""

import pytest
from sem_play import nothing

from smithers_py import If, Parallel, Phase, Ralph, Step, Stop, Task, component

pytestmark = pytest.mark.requirement("Z-1", "Z-5", "Z-14")


def gap(played, before, after):
    """Frames from the one that records the end of a task to the one in which another begins."""
    return played.task(after).scheduled_frame - played.task(before).handled_frame


def chain(*children):
    return component(lambda ctx: Phase("p", children=list(children)))


def test_an_unread_end_and_the_next_start_are_one_frame(run):
    played = run(chain(Task(nothing, id="a"), Task(nothing, id="b"), Task(nothing, id="c")))
    assert gap(played, "a", "b") == gap(played, "b", "c") == 0
    # One frame mounts and starts, one for each end, one in which the phase has ended.
    assert [frame.reason for frame in played.frames] == ["start", "task", "task", "task", "flush"]
    ended, began = (played.transitions(f"$node/{one}")[-1 if one == "a" else 0] for one in ("a", "b"))
    assert (ended.frame_index, ended.id + 1) == (began.frame_index, began.id)
    assert played.history("b") == ["running", "succeeded"]
    # The status is what the next frame sees, not this one (Z-14).
    assert played.state_at(1)["$node/a"] == "running"
    assert played.state_at(2)["$node/a"] == "succeeded"


def test_what_reads_the_status_runs_before_anybody_begins(run):
    """The node that the reader brings stands before the next one in the plan, and so it runs before it."""

    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                Task(nothing, id="a"),
                If(lambda: ctx.node("a").status == "succeeded", children=[Task(nothing, id="between")]),
                Task(nothing, id="b"),
            ],
        )

    played = run(App)
    assert gap(played, "a", "between") == 1
    assert gap(played, "between", "b") == 0
    assert played.task("between").ended_at <= played.task("b").started_at


def test_a_handler_runs_before_the_next_one_begins(run):
    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                Task(nothing, id="a").on_finished(lambda r: ctx.state.set("go", False)),
                If(lambda: ctx.state.get("go", True), children=[Task(nothing, id="b")]),
                Task(nothing, id="c"),
            ],
        )

    played = run(App)
    assert played.task("c").scheduled_frame > played.task("a").handled_frame
    assert not [row for row in played.tasks if row.node_id == "b"]


def test_what_a_task_wrote_is_true_before_the_next_one_begins(run):
    @component
    def App(ctx):
        def write():
            ctx.state.set("go", False)

        return Phase(
            "p",
            children=[
                Task(write, id="a"),
                If(lambda: ctx.state.get("go", True), children=[Task(nothing, id="b")]),
                Task(nothing, id="c"),
            ],
        )

    played = run(App)
    assert gap(played, "a", "c") == 1
    assert not [row for row in played.tasks if row.node_id == "b"]


def test_a_condition_that_is_asked_when_its_turn_comes_sees_the_end(run):
    """`skip_if` and the condition of a loop are read once, when the turn comes: by then the end is flushed."""
    seen = []

    @component
    def App(ctx):
        def skip():
            seen.append(ctx.node("a").status)
            return True

        return Phase("p", children=[Task(nothing, id="a"), Phase("q", skip_if=skip, children=[Task(nothing)])])

    run(App)
    assert seen == ["succeeded"]


def test_the_next_task_sees_the_end_and_what_came_of_it(run):
    seen = []

    @component
    def App(ctx):
        def look():
            seen.append((ctx.node("a").status, ctx.node("a").output))

        return Phase("p", children=[Task(lambda: 7, id="a"), Task(look, id="b")])

    played = run(App)
    assert seen == [("succeeded", 7)]
    assert gap(played, "a", "b") == 0


def test_a_place_in_a_parallel_is_taken_at_once(run):
    played = run(
        component(lambda ctx: Parallel(max_concurrency=1, children=[Task(nothing, id="a"), Task(nothing, id="b")]))
    )
    assert gap(played, "a", "b") == 0
    assert played.task("a").ended_at <= played.task("b").started_at


def test_a_failed_task_lets_nobody_begin(run):
    def fail():
        raise ValueError("no")

    played = run(chain(Task(fail, id="a"), Task(nothing, id="b")))
    assert played.result.status == "failed"
    assert [row.node_id for row in played.tasks] == ["a"]


@pytest.mark.parametrize("following", ["step", "stop", "phase", "loop"])
def test_containers_and_stops_take_their_own_frame(run, following):
    node = {
        "step": lambda: Step("s", children=[Task(nothing, id="b")]),
        "phase": lambda: Phase("q", children=[Task(nothing, id="b")]),
        "loop": lambda: Ralph(id="r", max_iterations=1, children=[Task(nothing, id="b")]),
        "stop": lambda: Stop("enough"),
    }[following]
    played = run(component(lambda ctx: Phase("p", children=[Task(nothing, id="a"), node()])))
    if following == "stop":
        assert played.result.status == "stopped"
        assert played.status("a") == "succeeded"
    else:
        begun = [row for row in played.tasks if row.node_id.endswith("b")]
        assert begun[0].scheduled_frame > played.task("a").handled_frame
