import time

import pytest

from smithers_py.errors import InvalidPropError, UnknownPropError
from smithers_py.nodes import Claude, Command, Each, If, Phase, Ralph, Step, Text
from smithers_py.nodes.builder import at_path, building, call_plain, current_builder, current_path


def names(items):
    return [(item.label, names(item.children)) if item.children else item.label for item in items]


def build(fn):
    output = []
    with building("App", output):
        fn()
    return names(output)


@pytest.mark.requirement("A-1", "Z-12")
def test_a_node_belongs_to_the_innermost_open_with():
    def body():
        with Phase("a"):
            Step("1")
            with Step("2"):
                Command("x")
                Command("y")
            Step("3")
        Phase("b")

    inner = ("Step '2'", ["Command", "Command"])
    assert build(body) == [("Phase 'a'", ["Step '1'", inner, "Step '3'"]), "Phase 'b'"]


@pytest.mark.requirement("Z-12")
def test_a_node_given_to_another_one_does_not_attach():
    def body():
        with Phase("a"):
            Step("1", children=[Command("x"), [Command("y")], None])
        If(False, children=Text("yes"), fallback=[Text("no")])
        Claude(prompt=[Text("do it")])

    step = ("Step '1'", ["Command", ["Command"], None])
    output = []
    with building("App", output):
        body()
    phase, branch, claude = output
    assert phase.children[0].label == step[0]
    assert [type(x).__name__ for x in phase.children[0].children] == ["Command", "list", "NoneType"]
    assert (branch.children[0].value, branch.fallback[0].value) == ("yes", "no")
    assert claude.prompt[0].value == "do it"


@pytest.mark.requirement("Z-12")
def test_a_node_given_away_later_leaves_its_place_and_the_others_keep_theirs():
    def body():
        first, second, third = Step("1"), Step("2"), Step("3")
        Phase("middle", children=[second])
        Phase("first", children=first)
        with Phase("open"):
            kept, given = Step("4"), Step("5")
            Step("6")
        Phase("from with", children=[given])
        Phase("again", children=[kept])
        assert third.label == "Step '3'"

    assert build(body) == [
        "Step '3'",
        ("Phase 'middle'", ["Step '2'"]),
        ("Phase 'first'", ["Step '1'"]),
        ("Phase 'open'", ["Step '6'"]),
        ("Phase 'from with'", ["Step '5'"]),
        ("Phase 'again'", ["Step '4'"]),
    ]


@pytest.mark.requirement("Z-12")
def test_the_same_node_may_be_given_twice():
    def body():
        shared = Step("s")
        Phase("a", children=[shared])
        Phase("b", children=[shared])

    assert build(body) == [("Phase 'a'", ["Step 's'"]), ("Phase 'b'", ["Step 's'"])]


@pytest.mark.requirement("Z-12")
def test_callables_run_with_no_builder_open():
    output = []
    with building("App", output):
        made = call_plain(lambda: [Step("1"), Step("2")])
    assert output == []
    assert names(made) == ["Step '1'", "Step '2'"]


def test_with_works_outside_plans_too():
    with Phase("a") as phase:
        Step("1")
        with Step("2"):
            Command("x")
    assert names([phase]) == [("Phase 'a'", ["Step '1'", ("Step '2'", ["Command"])])]
    assert current_builder() is None
    loose = Step("after")
    assert loose not in phase.children


def test_an_exception_inside_with_closes_it():
    with pytest.raises(ZeroDivisionError), Phase("a"):
        raise ZeroDivisionError
    assert current_builder() is None
    output = []
    with building("App", output):
        with pytest.raises(ZeroDivisionError), Phase("a"):
            raise ZeroDivisionError
        Step("b")
    assert names(output) == ["Phase 'a'", "Step 'b'"]


@pytest.mark.requirement("N-1", "N-3")
def test_a_function_as_children_and_with_exclude_each_other():
    for node in (Ralph("r", children=lambda n: None), Each([], children=lambda item, index: None)):
        with pytest.raises(InvalidPropError, match="has a function as children"), node:
            pass


@pytest.mark.requirement("A-4")
def test_errors_name_the_path_to_the_node():
    with building("App", []), Phase("build"), Step("compile"), pytest.raises(UnknownPropError) as caught:
        Command("make", nope=1)
    assert caught.value.where.node == "App > Phase 'build' > Step 'compile' > Command"


def test_the_renderer_names_the_place_and_is_asked_only_on_error():
    asked = []

    def path():
        asked.append(1)
        return "Main > List"

    with at_path(path):
        Step("fine")
        assert asked == []
        assert current_path() == "Main > List"
    assert current_path() == ""


@pytest.mark.requirement("Z-12")
@pytest.mark.parametrize("in_between", [False, True])
def test_giving_away_many_nodes_is_linear(in_between):
    def body(count):
        steps = [Step("s", key=n) for n in range(count)]
        if in_between:
            Step("in between")
        Phase("all", children=steps)

    def cost(count):
        best = float("inf")
        for _ in range(3):
            start = time.process_time()
            with building("App", []):
                body(count)
            best = min(best, time.process_time() - start)
        return best

    small = cost(2_000)
    assert cost(32_000) < 16 * small * 4, "quadratic would be 16 times this"


def test_the_user_may_edit_a_list_that_nodes_attached_to():
    output = []
    with building("App", output):
        with Phase("a") as phase:
            step = Step("1")
            phase.children.clear()
        Phase("b", children=[step])
    assert names(output) == ["Phase 'a'", ("Phase 'b'", ["Step '1'"])]


def test_a_node_given_away_after_its_with_outside_plans_leaves_no_gap():
    with Phase("a") as phase:
        first = Step("1")
        second = Step("2")
    other = Phase("b", children=[first])
    assert (phase.children, other.children) == ([second], [first])
