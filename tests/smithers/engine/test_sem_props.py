"""Which components run again, and which nodes take new props (A-2, F-3, Z-3)."""

import pytest
from sem_play import nothing

from smithers_py import Fragment, Parallel, Task, Text, component

pytestmark = pytest.mark.requirement("A-2", "F-3", "Z-3")


def states(*values, key="s", idle=False):
    """An operator that sets `key` to each value in turn, one per frame; `idle`: only when no task runs or starts."""
    left = list(values)

    def on_frame(watch, report):
        starting = any(status == "running" for _, status, _ in report.statuses)
        if left and not watch.run.inbox and not (idle and (starting or watch.run.tasks.busy)):
            watch.write(**{key: left.pop(0)})

    return on_frame


def test_children_with_equal_props_are_not_run_again(run, calls):
    @component
    def Child(ctx, data, n=0):
        calls(f"child {n}")
        return Text(str(data))

    @component
    def App(ctx):
        calls("app")
        n = ctx.state.get("s", 0)
        return [Child({"a": [1, 2]}), Child([1], n=n), Child((1,), n=7, key="k"), Text(str(n))]

    played = run(App, on_frame=states(1))
    assert calls.names == ["app", "child 0", "child 0", "child 7", "app", "child 1"]
    assert played.frames[-1].scopes == 2


def test_one_true_and_one_point_zero_are_different_props(run, calls):
    @component
    def Child(ctx, value):
        calls(repr(value))

    @component
    def App(ctx):
        return Child([1, True, 1.0][ctx.state.get("s", 0)])

    run(App, on_frame=states(1, 2))
    assert calls.names == ["1", "True", "1.0"]


def test_a_child_that_is_stale_and_updated_runs_once(run, calls):
    @component
    def Child(ctx, n):
        calls(f"child {n}")
        return Text(f"{n} {ctx.state.get('s', 0)}")

    @component
    def App(ctx):
        return Child(ctx.state.get("s", 0))

    run(App, on_frame=states(1))
    assert calls.names == ["child 0", "child 1"]


def test_a_stale_child_that_its_parent_drops_does_not_run(run, calls):
    @component
    def Child(ctx):
        calls("child")
        assert not ctx.state.get("s")

    @component
    def App(ctx):
        return None if ctx.state.get("s") else Fragment(children=[Child()])

    assert run(App, on_frame=states(True)).result.status == "completed"
    assert calls.names == ["child"]


def test_a_started_runnable_keeps_its_props_and_a_waiting_one_takes_new_ones(run, gate):
    @component
    def App(ctx):
        n = ctx.state.get("s", 1)
        return Parallel(
            max_concurrency=1,
            children=[Task(gate.wait("a"), id="a", timeout=10.0 + n), Task(nothing, id="b", timeout=10.0 + n)],
        )

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=5)
        elif report.patches:
            gate.open("a")

    played = run(App, on_frame=on_frame)
    props = {row[0]: row[4]["timeout"] for row in played.plan() if row[2] == "Task"}
    assert (props["a"], props["b"]) == (11.0, 15.0)


def test_handlers_are_swapped_without_a_patch(run, gate, calls):
    @component
    def App(ctx):
        n = ctx.state.get("s", 1)
        return Task(gate.wait("a"), id="a", on_finished=lambda r: calls(f"handler {n}"))

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=2)
        gate.open(*(["a"] if report.index else []))

    # The frame after the write renders but changes no plan row, so it is no frame: end the task from a third write.
    @component
    def Both(ctx):
        return [App(), Text(str(ctx.state.get("s", 1)))]

    played = run(Both, on_frame=lambda watch, report: on_frame(watch, report) if report.index < 2 else None)
    assert calls.names == ["handler 2"]
    assert not [patch for delta in played.deltas.values() for patch in delta if patch[0] == "~" and patch[1] == "a"]
