"""If, Switch, Each: what is not chosen never runs, and only what reads a change renders again (N-1, F-3)."""

import pytest
from sem_play import nothing

from smithers_py import Case, Default, Each, Fragment, If, Phase, Step, Switch, Task, Text, component
from smithers_py.errors import DuplicateKeyError, MissingKeyError

pytestmark = pytest.mark.requirement("N-1")


def test_children_of_a_false_if_never_run(run, calls):
    @component
    def Child(ctx):
        calls("component")
        return Task(lambda: calls("task"), id="no")

    @component
    def App(ctx):
        return [If(False, children=[Child(), Task(lambda: calls("task"))]), Task(nothing, id="yes")]

    played = run(App)
    assert calls.names == []
    assert [row.node_id for row in played.tasks] == ["yes"]
    assert "Child" not in [row.node_type for row in played.nodes]


@pytest.mark.parametrize("value", [False, 0, "", None, []])
def test_a_false_if_shows_its_fallback(run, value):
    @component
    def App(ctx):
        return If(value, children=[Text("then")], fallback=[Text("else"), "more"])

    assert run(App).shape() == [("If", None), ("Text", "else"), ("Text", "more")]


def test_fallback_of_a_true_if_never_runs(run, calls):
    @component
    def App(ctx):
        return If(lambda: True, children=Text("then"), fallback=Task(lambda: calls("no")))

    played = run(App)
    assert played.shape() == [("If", None), ("Text", "then")]
    assert calls.names == []


def test_branches_of_an_if_are_different_nodes(run, calls):
    """The same type in both branches is not the same node: changing over unmounts one and mounts the other."""

    @component
    def App(ctx):
        fine = ctx.state.get("fine", False)
        return [
            If(fine, children=[Task(lambda: calls("then"))], fallback=[Task(lambda: calls("else"))]),
            Task(lambda ctx: ctx.state.set("fine", True), id="turn"),
        ]

    played = run(App)
    assert sorted(calls.names) == ["else", "then"]
    assert len([row for row in played.nodes if row.node_type == "Task"]) == 3


def test_a_callable_condition_renders_alone(run, calls):
    @component
    def App(ctx):
        calls("app")

        def open_():
            calls("condition")
            return ctx.state.get("open", False)

        return [
            If(open_, children=[Text("open")], fallback=[Text("closed")]),
            Task(lambda ctx: ctx.state.set("open", True), id="t"),
        ]

    played = run(App)
    assert calls.names == ["app", "condition", "condition"]
    assert played.shape()[1] == ("Text", "open")
    changed = [frame for frame in played.frames if frame.mounted and frame.frame_index]
    assert [(frame.scopes, frame.keys_read, frame.mounted, frame.unmounted) for frame in changed] == [
        (1, ["open"], 1, 1)
    ]


def test_a_condition_that_comes_out_equal_changes_nothing(run, calls):
    @component
    def App(ctx):
        return [
            If(lambda: ctx.state.get("n", 0) >= 0, children=[Text("x")]),
            Task(lambda ctx: ctx.state.set("n", 5), id="t"),
        ]

    played = run(App)
    assert list(played.deltas) == [0]


def test_a_condition_may_become_callable_later(run):
    """The same If given a value first and a function afterwards follows the function's reads from then on."""

    @component
    def App(ctx):
        live = ctx.state.get("live", False)
        return [
            If((lambda: ctx.state.get("open", False)) if live else False, id="gate", children=[Text("open")]),
            Phase("live", children=[Task(lambda ctx: ctx.state.set("live", True))]),
            Phase("open", children=[Task(lambda ctx: ctx.state.set("open", True))]),
        ]

    assert ("Text", "open") in run(App).shape()


def test_switch_takes_the_first_case_that_matches(run):
    @component
    def App(ctx):
        return Switch(
            ctx.state.get("v"),
            children=[
                Case(1, children="one"),
                Case(["a", "b"], children="letter"),
                Case("b", children="never"),
                Default(children="default"),
            ],
        )

    def chosen(value):
        return run(App, state={"v": value}).shape()[2][1]

    assert [chosen(value) for value in (1, "a", "b", "c", None, True, 1.0)] == [
        "one",
        "letter",
        "letter",
        "default",
        "default",
        "default",
        "default",
    ]


def test_switch_without_match_or_default_shows_nothing(run):
    @component
    def App(ctx):
        return Switch("x", children=[Case("y", children=Task(nothing))])

    assert run(App).shape() == [("Switch", None)]


def test_a_callable_switch_renders_alone_and_runs_only_its_choice(run, calls):
    @component
    def Branch(ctx, name):
        calls(name)
        return Task(nothing)

    @component
    def App(ctx):
        calls("app")
        return [
            Switch(
                lambda: ctx.state.get("v", "a"),
                children=[Case("a", children=Branch("a")), Case("b", children=Branch("b"))],
            ),
            Task(lambda ctx: ctx.state.set("v", "b"), id="t"),
        ]

    run(App)
    assert calls.names == ["app", "a", "b"]


def test_each_passes_item_and_index(run):
    @component
    def App(ctx):
        return [
            Each(["x", "y"], children=lambda item, index: Text(f"{index}{item}", key=item)),
            Each(["z"], children=lambda item: Text(item, key=item)),
            Each((), children=lambda item: Text(item)),
        ]

    assert [shape[1] for shape in run(App).shape() if shape[0] == "Text"] == ["0x", "1y", "z"]


def test_each_with_a_callable_renders_alone_and_keeps_its_rows(run, calls):
    @component
    def Row(ctx, name):
        calls(name)
        return Text(name)

    @component
    def App(ctx):
        calls("app")
        return [
            Each(lambda: ctx.state.get("rows", ["a", "b"]), children=lambda name: Row(name, key=name)),
            Task(lambda ctx: ctx.state.set("rows", ["b", "c"]), id="t"),
        ]

    played = run(App)
    assert calls.names == ["app", "a", "b", "c"]
    frame = next(frame for frame in played.frames if frame.frame_index and frame.mounted)
    assert (frame.scopes, frame.mounted, frame.unmounted, frame.updated) == (2, 2, 2, 0)


def test_each_item_without_key_names_the_place(run):
    @component
    def App(ctx):
        return Phase("p", children=Each([1], children=lambda n: Step(name="s") if n else Task(nothing)))

    @component
    def Bad(ctx):
        return Phase("p", children=Each([1], children=lambda n: Task(nothing)))

    assert run(App).result.exit_code == 0
    played = run(Bad)
    assert (played.result.status, played.result.exit_code) == ("failed", 1)
    error = played.result.errors[0]
    assert error["code"] == MissingKeyError.code
    assert "Each" in error["where"]["node"]
    assert error["where"]["file"] == __file__


def test_duplicate_keys_are_refused(run):
    @component
    def App(ctx):
        return [Text("a", key="k"), Fragment(children=[Text("fine", key="k")]), Text("b", key="k")]

    played = run(App)
    assert played.result.errors[0]["code"] == DuplicateKeyError.code
    assert played.nodes == []
    assert played.frames == []


def test_each_of_duplicate_items_is_refused(run):
    @component
    def App(ctx):
        return Each(["a", "a"], children=lambda name: Text(name, key=name))

    assert run(App).result.errors[0]["code"] == DuplicateKeyError.code
