"""Deep and wide plans: nothing recurses per level, and cost follows the change (depth 2,000; 100,000 siblings)."""

import time
from itertools import pairwise

import pytest
from sem_play import Calls, nothing

from smithers_py import Each, Fragment, If, Phase, Step, Task, Text, component

pytestmark = pytest.mark.requirement("F-3")

DEPTH = 2_000


def test_two_thousand_nested_nodes(run):
    @component
    def App(ctx):
        node = Task(nothing, id="deep", on_finished=lambda r: ctx.state.set("done", True))
        for _ in range(DEPTH):
            node = Fragment(children=[node])
        return [node, If(lambda: ctx.state.get("done"), children=[Text("done")])]

    played = run(App, check=False)
    assert played.result.status == "completed", played.result.errors
    assert len(played.plan()) == DEPTH + 3
    assert played.state == {"done": True}


def test_two_thousand_nested_components_change_at_the_bottom(run, calls):
    @component
    def Level(ctx, n):
        if n == 0:
            calls("bottom")
            return Text(str(ctx.state.get("s")))
        calls("level")
        return Level(n - 1)

    @component
    def App(ctx):
        return Level(DEPTH)

    left = [1]
    played = run(App, check=False, on_frame=lambda watch, report: watch.write(s=left.pop()) if left else None)
    assert played.result.status == "completed", played.result.errors
    assert calls.count("level") == DEPTH
    assert calls.count("bottom") == 2
    assert len(played.plan()) == DEPTH + 2
    assert played.frames[-1].scopes == 1


def test_deep_nesting_in_one_expression_and_unmounting_it(run):
    @component
    def App(ctx):
        node = Text("bottom")
        for n in range(DEPTH):
            node = Step(f"s{n}", children=[node]) if n % 2 else Fragment(children=[[node]])
        return [Text("top"), None if ctx.state.get("s") else node]

    left = [True]
    played = run(App, check=False, on_frame=lambda watch, report: watch.write(s=left.pop()) if left else None)
    assert played.result.status == "completed", played.result.errors
    assert played.shape() == [("Text", "top")]


def test_nested_phases_to_a_depth(run, calls):
    @component
    def App(ctx):
        node = Task(lambda: calls("work"))
        for n in range(150):
            node = Phase(f"p{n}", children=[node])
        return node

    played = run(App, check=False)
    assert calls.names == ["work"]
    assert {row.status for row in played.nodes} == {"succeeded"}


def mount_seconds(run, count):
    @component
    def App(ctx):
        return [
            Each(range(count), children=lambda n: Text(str(n), key=n)),
            If(lambda: ctx.state.get("s"), children=["changed"]),
        ]

    left = [True]
    begin = time.perf_counter()
    played = run(
        App, check=False, on_frame=lambda watch, report: watch.write(s=left.pop()) if left else None, healthy=False
    )
    took = time.perf_counter() - begin
    assert played.result.status == "completed"
    assert played.frames[0].mounted == count + 2
    last = played.frames[-1]
    assert (last.mounted, last.scopes) == (1, 1)
    assert last.bytes < 2_000
    return took, sum(last.phase_ms.values())


def test_a_hundred_thousand_siblings(run):
    """Linear: ten times the siblings cost at most about ten times the time, and a change elsewhere costs the same."""
    small, _ = mount_seconds(run, 10_000)
    large, change_ms = mount_seconds(run, 100_000)
    assert large < 25 * small
    assert large < 60
    assert change_ms < 250


def test_a_change_runs_one_component_of_a_thousand(run):
    calls = Calls()

    @component
    def Row(ctx, n):
        calls(n)
        return [Text(f"{n} {ctx.state.get(f'k{n}')}"), Text("a"), Text("b")]

    @component
    def App(ctx):
        calls("app")
        return Each(range(1_000), children=lambda n: Row(n, key=n))

    left = [7, 8]

    def on_frame(watch, report):
        if left:
            watch.write(**{f"k{left.pop()}": "x"})

    played = run(App, check=False, on_frame=on_frame)
    assert calls.names[1001:] == [8, 7]
    for frame in played.frames[-2:]:
        assert (frame.scopes, frame.updated, frame.mounted) == (1, 1, 0)
        assert frame.bytes <= 2_000


def test_two_hundred_tasks_at_once_and_in_a_chain(run):
    @component
    def App(ctx):
        return [
            *[Task(nothing, key=n) for n in range(200)],
            Phase("chain", children=[Task(nothing, key=n) for n in range(200)]),
        ]

    played = run(App, check=False)
    assert len(played.tasks) == 400
    assert {row.status for row in played.tasks} == {"succeeded"}
    chain = [row for row in played.nodes if row.parent_id == played.node("chain").node_id]
    order = {row.node_id: row for row in played.tasks}
    times = [order[row[0]] for row in played.plan() if row[1] == played.node("chain").node_id]
    assert len(chain) == len(times) == 200
    assert all(before.ended_at <= after.started_at for before, after in pairwise(times))


def test_a_plan_that_nests_itself_is_refused_not_overflowed(run):
    @component
    def Again(ctx, n):
        return Again(n + 1)

    @component
    def App(ctx):
        return Again(0)

    result = run(App, check=False).result
    assert result.status == "failed"
    assert "Again" in str(result.errors[0])
