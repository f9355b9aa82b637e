"""Who a node is: what keeps its task, what moves, what is mounted anew (F-4, F-5, Z-2, Z-3)."""

from itertools import pairwise

import pytest
from sem_play import nothing

from smithers_py import Each, Fragment, If, Phase, Ralph, Step, Task, Text, component
from smithers_py.errors import DuplicateIdError, DuplicateKeyError

pytestmark = pytest.mark.requirement("F-4", "F-5", "Z-2", "Z-3")


def states(*values, key="s", idle=False):
    """An operator that sets `key` to each value in turn, one per frame; `idle`: only when no task runs or starts."""
    left = list(values)

    def on_frame(watch, report):
        starting = any(status == "running" for _, status, _ in report.statuses)
        if left and not watch.run.inbox and not (idle and (starting or watch.run.tasks.busy)):
            watch.write(**{key: left.pop(0)})

    return on_frame


def incarnations(played, *ids):
    return {name: [row.mounted_frame for row in played.nodes if row.node_id == name] for name in ids}


def task_rows(played):
    return sorted((row.node_id, row.mounted_frame, row.attempt, row.status) for row in played.tasks)


@pytest.mark.parametrize(
    ("order", "moves"), [("dabc", 1), ("bcda", 1), ("abdc", 1), ("dcba", 3), ("badc", 2), ("abcd", 0)]
)
def test_an_each_reordered_by_key_restarts_nothing(run, calls, order, moves):
    @component
    def Row(ctx, name):
        calls(f"row {name}")
        return Task(lambda: calls(f"work {name}"))

    @component
    def App(ctx):
        return Each(lambda: list(ctx.state.get("s", "abcd")), children=lambda name: Row(name, key=name))

    played = run(App, on_frame=states(order))
    assert sorted(calls.names) == sorted([f"row {n}" for n in "abcd"] + [f"work {n}" for n in "abcd"])
    assert len(played.tasks) == 4
    assert {row.attempt for row in played.tasks} == {1}
    assert all(row.unmounted_frame is None and row.mounted_frame == 0 for row in played.nodes)
    patches = [patch for frame, delta in played.deltas.items() if frame for patch in delta]
    assert [patch[0] for patch in patches] == [">"] * moves
    rows = [row[4]["name"] for row in played.plan() if row[2] == "Row"]
    assert rows == list(order)


def test_running_tasks_survive_a_reorder(run, gate, calls):
    @component
    def App(ctx):
        order = ctx.state.get("s", "abc")
        return [Task(gate.wait(n), key=n, on_finished=lambda r, n=n: calls(n)) for n in order]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s="cab")
        elif report.patches:
            gate.open("a", "b", "c")

    played = run(App, on_frame=on_frame)
    assert gate.entered == ["a", "b", "c"]
    assert gate.cancelled == []
    assert sorted(calls.names) == ["a", "b", "c"]
    assert len(played.tasks) == 3


@pytest.mark.parametrize("to_first", [False, True])
def test_an_explicit_id_moves_between_parents_with_its_task(run, gate, calls, to_first):
    @component
    def App(ctx):
        first = ctx.state.get("s", False) == to_first
        work = Task(gate.wait("w"), id="w", on_finished=lambda r: calls("done"))
        return [
            Fragment(key="one", children=[Text("x"), work if first else None]),
            Fragment(key="two", children=[None if first else work, Text("y")]),
        ]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)
        elif report.patches:
            gate.open("w")

    played = run(App, on_frame=on_frame)
    assert gate.entered == ["w"]
    assert gate.cancelled == []
    assert calls.names == ["done"]
    assert incarnations(played, "w") == {"w": [0]}
    moved = [delta for frame, delta in played.deltas.items() if frame]
    assert [[patch[0] for patch in delta] for delta in moved] == [[">"]]


def test_a_move_out_of_a_parent_that_leaves(run, gate):
    @component
    def Box(ctx, full):
        return Fragment(children=[Text("before"), Task(gate.wait("w"), id="w") if full else None])

    @component
    def App(ctx):
        moved = ctx.state.get("s", False)
        work = Task(gate.wait("w"), id="w")
        if moved:
            return [Fragment(key="new", children=[Text("a"), Fragment(children=[work])])]
        return [Fragment(key="old", children=[Fragment(children=[Text("b"), work])])]

    def on_frame(watch, report):
        if report.index == 0:
            watch.write(s=True)
        elif report.patches:
            gate.open("w")

    played = run(App, on_frame=on_frame)
    assert gate.entered == ["w"]
    assert incarnations(played, "w") == {"w": [0]}


def test_an_explicit_id_may_move_within_its_parent(run, calls):
    """Other siblings come and go, and the list it is in is nested: the id is what counts."""

    @component
    def App(ctx):
        work = Task(lambda: calls("w"), id="w")
        shape = ctx.state.get("s", 0)
        return [[[work], "x"], ["x", [work]], [work, "x"], [[["x"]], work]][shape]

    played = run(App, on_frame=states(1, 2, 3, 0))
    assert calls.names == ["w"]
    assert incarnations(played, "w") == {"w": [0]}


def test_without_an_id_another_parent_is_another_node(run, calls):
    @component
    def App(ctx):
        moved = ctx.state.get("s", False)
        work = Task(lambda: calls("w"), key="w")
        return [
            Fragment(key="a", children=[None if moved else work]),
            Fragment(key="b", children=[work if moved else None]),
        ]

    run(App, on_frame=states(True))
    assert calls.names == ["w", "w"]


def test_a_type_change_under_one_id_mounts_anew(run, calls):
    @component
    def Other(ctx):
        return Task(lambda: calls("other"))

    @component
    def App(ctx):
        kind = ctx.state.get("s", "task")
        if kind == "task":
            return Task(lambda: calls("task"), id="n")
        return Step("n", id="n", children=[Task(lambda: calls("step"))]) if kind == "step" else Other(id="n")

    played = run(App, on_frame=states("step", "other"))
    assert calls.names == ["task", "step", "other"]
    rows = [row for row in played.nodes if row.node_id == "n"]
    assert [row.node_type for row in rows] == ["Task", "Step", "Other"]
    for before, after in pairwise(rows):
        assert before.unmounted_frame == after.mounted_frame
    for delta in played.deltas.values():
        kinds = [patch[0] for patch in delta if patch[1] == "n"]
        assert kinds in (["+"], ["-", "+"])


def test_two_call_sites_under_one_id_run_both_in_turn(run, calls):
    @component
    def App(ctx):
        if not ctx.state.get("s"):
            return Task(lambda: calls("a"))
        return Task(lambda: calls("b"))

    played = run(App, on_frame=states(True, False))
    assert calls.names == ["a", "b", "a"]
    ids = {row.node_id for row in played.nodes}
    assert len(ids) == 1
    assert [row.mounted_frame for row in played.nodes] == sorted(row.mounted_frame for row in played.tasks)


def test_two_call_sites_with_one_id_or_key_are_one_node(run, calls):
    @component
    def App(ctx):
        if not ctx.state.get("s"):
            return [Task(lambda: calls("a"), id="x"), Task(lambda: calls("a2"), key="y")]
        return [Task(lambda: calls("b"), id="x"), Task(lambda: calls("b2"), key="y")]

    run(App, on_frame=states(True))
    assert sorted(calls.names) == ["a", "a2"]


def test_a_runnable_that_returns_is_a_new_incarnation(run, calls):
    @component
    def App(ctx):
        return If(lambda: ctx.state.get("s", True), children=[Task(lambda: calls("w"), id="w")])

    played = run(App, on_frame=states(False, True, idle=True))
    assert calls.names == ["w", "w"]
    assert len(incarnations(played, "w")["w"]) == 2
    assert [row.status for row in played.tasks] == ["succeeded", "succeeded"]


@pytest.mark.parametrize(
    "children",
    [
        lambda: [Text("a", id="x"), Text("b", id="x")],
        lambda: [Text("a", id="x"), Fragment(children=[Text("b", id="x")])],
        lambda: [Fragment(children=[Text("b", id="x")]), Task(nothing, id="x")],
    ],
)
def test_an_id_used_twice_in_a_scope_is_an_error_on_first_mount(run, children):
    @component
    def App(ctx):
        return children()

    played = run(App)
    assert played.result.status == "failed"
    assert played.result.errors[0]["code"] in (DuplicateIdError.code, DuplicateKeyError.code)
    assert "'x'" in played.result.errors[0]["message"]
    assert played.frames == []


def test_an_id_used_twice_later_is_an_error_that_keeps_the_first(run, gate):
    @component
    def Inner(ctx):
        return Text("second", id="x") if ctx.state.get("s") else None

    @component
    def App(ctx):
        return [Text("first", id="x"), Inner(), Task(gate.wait("t"), id="t")]

    played = run(App, on_frame=states(True))
    assert played.result.errors[0]["code"] == DuplicateIdError.code
    assert ("Text", "first") in played.shape()
    assert gate.cancelled == ["t"]
    assert played.task("t").status == "cancelled"


def test_a_move_that_leaves_the_old_place_filled_is_an_error(run):
    @component
    def Static(ctx):
        return Text("here", id="x")

    @component
    def Mover(ctx):
        return Fragment(children=[Text("there", id="x")]) if ctx.state.get("s") else None

    @component
    def App(ctx):
        return [Static(), Mover()]

    assert run(App, on_frame=states(True)).result.errors[0]["code"] == DuplicateIdError.code


def test_ids_are_local_to_keyed_components_items_and_iterations(run):
    @component
    def Row(ctx, name):
        return Task(nothing, id="w")

    @component
    def App(ctx):
        return [
            Row("a", key="a"),
            Row("b", key="b"),
            Each(["c"], children=lambda name: Fragment(key=name, children=[Text("t", id="w")])),
            Ralph("loop", max_iterations=2, children=[Task(nothing, id="w")]),
        ]

    played = run(App)
    found = [row.node_id for row in played.nodes if row.node_id.endswith("/w")]
    assert len(found) == len(set(found)) == 5
    assert {"loop/0/w", "loop/1/w"} <= set(found)


def test_two_phases_of_one_name_are_a_duplicate(run):
    @component
    def App(ctx):
        return [Phase("p"), Phase("p")]

    assert run(App).result.errors[0]["code"] == DuplicateKeyError.code


def test_ids_follow_the_formula(run):
    """F-4 word for word: sha256("{parent or 'root'}/{key or index}:{type}"), 16 hex digits."""
    from hashlib import sha256

    def made(parent, segment, name):
        return sha256(f"{parent or 'root'}/{segment}:{name}".encode()).hexdigest()[:16]

    @component
    def Part(ctx):
        return ["t", [None, Text("deep", key="k")]]

    @component
    def App(ctx):
        return [None, Part(), Phase("ph", children=[Task(nothing)])]

    part = made(None, "i:1", "Part")
    phase = made(None, "k:ph", "Phase")
    assert {row.node_id for row in run(App).nodes} == {
        part,
        made(part, "i:0", "Text"),
        made(part, "k:1.k", "Text"),
        phase,
        made(phase, "i:0", "Task"),
    }
