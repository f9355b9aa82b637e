import copy
import gc
from datetime import date
from enum import Enum
from pathlib import Path
from types import SimpleNamespace

import pytest
from pydantic import BaseModel

from smithers_py.errors import (
    InvalidPropError,
    MissingPropError,
    PlanError,
    UnknownEventError,
    UnknownPropError,
)
from smithers_py.nodes import (
    Agent,
    Case,
    Claude,
    Command,
    Default,
    Each,
    Effect,
    End,
    Fragment,
    If,
    NodeKind,
    Parallel,
    Phase,
    Ralph,
    Smithers,
    Step,
    Stop,
    Switch,
    Task,
    Text,
    While,
)


def handler(*_):
    """Stands for a user's function."""


class Answer(BaseModel):
    text: str = "x"


class Colour(Enum):
    RED = "red"


EVERY = {
    "Fragment": lambda: Fragment(),
    "Text": lambda: Text("hello"),
    "If": lambda: If(True, fallback=Text("no")),
    "Switch": lambda: Switch("a", children=[Case("a"), Case(["b", "c"]), Default()]),
    "Each": lambda: Each([1, 2], children=lambda item, index: Step(str(item))),
    "Phase": lambda: Phase("build", skip_if=lambda: False, on_start=handler, on_complete=handler, on_error=handler),
    "Step": lambda: Step("one", snapshot_before=True, snapshot_after=True, commit_after=True, commit_message="m"),
    "Parallel": lambda: Parallel(max_concurrency=2),
    "While": lambda: While("w", lambda: True, max_iterations=3, on_iteration=handler, on_complete=handler),
    "Ralph": lambda: Ralph("r", children=lambda n: [Step(str(n))]),
    "Claude": lambda: Claude(prompt="p", tools=["read"], schema=Answer, system_prompt="s", resume="fail", timeout=3),
    "Agent": lambda: Agent(model="test", prompt=[Text("p")]),
    "Command": lambda: Command(["ls", "-l"], cwd=Path("x"), env={"A": "1"}, check=False, on_orphan="fail"),
    "Task": lambda: Task(handler, retries=2, retry_on=(ValueError,), timeout=1.5),
    "Smithers": lambda: Smithers("other.py", input={"a": 1}),
    "Effect": lambda: Effect("e", deps=[1], run=handler, cleanup=handler),
    "Stop": lambda: Stop("done"),
    "End": lambda: End({"ok": True}, exit_code=3),
}


@pytest.mark.requirement("N-1", "N-2", "N-3", "N-4", "N-5", "N-6", "N-8", "Z-4")
@pytest.mark.parametrize("name", EVERY)
def test_every_node_is_made_with_its_props_and_knows_its_line(name):
    node = EVERY[name]()
    assert node.type_name == name
    file, line = node.source
    assert file == __file__
    assert f'"{name}": lambda' in Path(file).read_text().splitlines()[line - 1]


@pytest.mark.requirement("N-2", "Z-5")
def test_kinds_group_the_nodes_for_the_engine():
    kinds = {name: make().kind for name, make in EVERY.items()}
    transparent = {name for name, kind in kinds.items() if kind is NodeKind.TRANSPARENT}
    assert transparent == {"Fragment", "If", "Switch", "Each"}
    assert {name for name, kind in kinds.items() if kind is NodeKind.RUNNABLE} == {
        "Claude",
        "Agent",
        "Command",
        "Task",
        "Smithers",
    }
    assert kinds["While"] is kinds["Ralph"] is NodeKind.LOOP
    assert kinds["Stop"] is kinds["End"] is NodeKind.STOP
    assert (kinds["Phase"], kinds["Step"], kinds["Parallel"]) == (NodeKind.PHASE, NodeKind.STEP, NodeKind.PARALLEL)
    assert (kinds["Text"], kinds["Effect"]) == (NodeKind.TEXT, NodeKind.EFFECT)


@pytest.mark.requirement("N-3", "N-4", "N-8")
def test_defaults_are_those_of_the_spec():
    claude, ralph = Claude(), Ralph("r")
    assert (claude.model, claude.max_turns, claude.retries, claude.timeout) == ("sonnet", 50, None, None)
    assert claude.resume == "continue"
    assert (ralph.condition, ralph.max_iterations) == (True, 10)
    assert (End().exit_code, End().summary, Stop().reason) == (0, None, None)
    assert (Command("ls").check, Command("ls").on_orphan) == (True, "retry")


@pytest.mark.requirement("N-5")
def test_a_command_is_a_list_or_a_line_for_the_shell():
    line, argv = Command("pytest -q"), Command(["pytest", "-q"])
    assert (line.shell, line.argv) == ("pytest -q", None)
    assert (argv.shell, argv.argv) == (None, ["pytest", "-q"])
    assert Command(shell="ls").shell == "ls"
    assert Command(argv=("ls",)).argv == ("ls",)
    for wrong in (lambda: Command(), lambda: Command([]), lambda: Command(["ls"], shell="ls"), lambda: Command([1])):
        with pytest.raises(InvalidPropError, match="Command"):
            wrong()


@pytest.mark.requirement("Z-4")
def test_events_are_keywords_and_chaining_methods_and_never_props():
    by_keyword = Claude(prompt="p", on_finished=handler, onError=handler)
    chained = Claude(prompt="p").on_finished(handler).on_error(handler)
    assert by_keyword.handlers == chained.handlers == {"on_finished": handler, "on_error": handler}
    assert by_keyword.plan_props() == chained.plan_props() == {"prompt": "p"}
    assert Ralph("r").on_iteration(handler).on_complete(handler).handlers.keys() == {"on_iteration", "on_complete"}
    assert Phase("p").on_start(handler).on_complete(handler).on_error(handler).handlers.keys() == set(Phase.events)
    assert Task(handler).on_progress(handler).handlers == {"on_progress": handler}
    assert Claude(on_finished=None).handlers == {}


@pytest.mark.requirement("A-1")
def test_every_event_has_a_chaining_method_and_a_camel_case_name():
    for make in EVERY.values():
        node = make()
        for event in node.events:
            first, second = event.split("_")
            assert getattr(type(node), event).__doc__
            assert node._event_names[first + second.title()] == event


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize(
    ("make", "error", "says"),
    [
        (lambda: Phase("x", nmae=1), UnknownPropError, "Phase has no prop 'nmae'.*Did you mean 'name'?"),
        (lambda: Claude(promt="x"), UnknownPropError, "Did you mean 'prompt'?"),
        (lambda: Phase(), MissingPropError, "Phase needs the prop 'name'"),
        (lambda: Agent(prompt="x"), MissingPropError, "needs the prop 'model'"),
        (lambda: Each([1]), MissingPropError, "Each needs the prop 'children'"),
        (lambda: Ralph(), MissingPropError, "needs the prop 'id'"),
        (lambda: While("w"), MissingPropError, "needs the prop 'condition'"),
        (lambda: Effect("e", run=handler), MissingPropError, "needs the prop 'deps'"),
        (lambda: Phase("x", on_finished=handler), UnknownEventError, "no event 'on_finished'.*on_complete, on_error"),
        (lambda: Claude(on_finish=handler), UnknownEventError, "Did you mean 'on_finished'?"),
        (lambda: Claude(onFinish=handler), UnknownEventError, "no event 'onFinish'"),
        (lambda: Parallel(on_start=handler), UnknownEventError, "Parallel has no events"),
        (lambda: Claude("x"), InvalidPropError, "takes no positional arguments, but 1 was given"),
        (lambda: Phase("x", name="y"), InvalidPropError, "given 'name' twice"),
        (lambda: Phase(3), InvalidPropError, "'name' of Phase is 3 .int., it should be a valid string"),
        (lambda: Phase(""), InvalidPropError, "at least 1 character"),
        (lambda: Claude(max_turns="5"), InvalidPropError, "valid integer"),
        (lambda: Claude(max_turns=0), InvalidPropError, "greater than or equal to 1"),
        (lambda: Claude(max_turns=True), InvalidPropError, "valid integer"),
        (lambda: Claude(schema=5), InvalidPropError, "'schema' of Claude"),
        (lambda: Claude(timeout=-1), InvalidPropError, "greater than 0"),
        (lambda: Claude(resume="again"), InvalidPropError, "'continue', 'restart' or 'fail'"),
        (lambda: Claude(on_finished=3), InvalidPropError, "needs a function for on_finished, not an int"),
        (lambda: Claude(on_finished=handler).on_finished(handler), InvalidPropError, "given on_finished twice"),
        (lambda: Claude(on_finished=handler, onFinished=handler), InvalidPropError, "given on_finished twice"),
        (lambda: Task(3), InvalidPropError, "callable"),
        (lambda: End(exit_code=300), InvalidPropError, "less than or equal to 255"),
        (lambda: Phase("x", children={}), InvalidPropError, "child of type dict"),
        (lambda: Phase("x", children=[object()]), InvalidPropError, "child of type object"),
        (lambda: Phase("x", children=handler), InvalidPropError, "child of type function"),
        (lambda: Parallel(max_concurrency=0), InvalidPropError, "greater than or equal to 1"),
        (lambda: Step("s", key=1.5), InvalidPropError, "'key' of Step"),
    ],
)
def test_a_wrong_node_is_a_typed_error_that_names_node_and_line(make, error, says):
    with pytest.raises(error, match=says) as caught:
        make()
    where = caught.value.where
    assert where.file == __file__
    assert where.line == make.__code__.co_firstlineno
    assert where.node.split()[0] == type_of(makes=make)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    assert isinstance(caught.value, PlanError)


def type_of(makes):
    return next(name for name in makes.__code__.co_names if name[0].isupper())


@pytest.mark.requirement("N-1")
def test_children_may_be_one_thing_a_list_or_nothing():
    child = Step("a")
    assert Phase("x").children == []
    assert Phase("x", children=None).children == Phase("x", children=False).children == []
    assert Phase("x", children=child).children == [child]
    assert Phase("x", children="text").children == ["text"]
    assert Phase("x", children=(child, None, False, "t", 3, [child])).children == [child, None, False, "t", 3, [child]]
    assert [node.name for node in Phase("x", children=(Step(c) for c in "ab")).children] == ["a", "b"]


def test_a_list_given_as_children_is_not_shared():
    mine = [Step("a")]
    node = Phase("x", children=mine)
    mine.append(Step("b"))
    assert len(node.children) == 1


@pytest.mark.requirement("F-4", "Z-2")
def test_identity_is_the_id_else_the_key_else_the_name():
    assert Phase("n").identity == "n"
    assert Phase("n", key="k").identity == "k"
    assert Phase("n", key="k", id="i").identity == "i"
    assert Claude(key=7).identity == "7"
    assert Claude().identity is None
    assert Fragment(id="f").identity == "f"
    assert Ralph("r").identity == "r"
    assert (Phase("n").label, Claude().label) == ("Phase 'n'", "Claude")


@pytest.mark.requirement("Z-2")
def test_the_site_tells_two_calls_on_one_line_apart_and_loops_together():
    one, other = Claude(), Claude()
    again = [Claude() for _ in range(2)]
    assert one.site != other.site
    assert again[0].site == again[1].site


@pytest.mark.requirement("Z-4")
def test_plan_props_are_json_and_only_what_differs_from_the_defaults():
    assert Claude().plan_props() == {}
    assert Claude(model="sonnet", max_turns=50, id="i", key="k", children=["x"], on_finished=handler).plan_props() == {}
    assert Claude(schema=Answer, prompt=[Text("hi"), "there"]).plan_props() == {
        "schema": f"{__name__}:Answer",
        "prompt": ["hi", "there"],
    }
    assert Command(["a"], cwd=Path("x"), check=False).plan_props() == {"argv": ["a"], "cwd": "x", "check": False}
    assert Phase("n", skip_if=lambda: True).plan_props() == {"name": "n"}
    assert If(lambda: True).plan_props() == {}
    assert If(True, fallback=Text("x")).plan_props() == {"condition": True}
    assert Each(["data"], children=handler).plan_props() == {}
    assert Task(handler, retry_on=(ValueError,)).plan_props() == {"retry_on": ["builtins:ValueError"]}
    assert Ralph("r", condition=1).plan_props() == {"condition": 1}, "1 is not the default True"
    assert Agent(model=SimpleNamespace()).plan_props() == {"model": "types:SimpleNamespace"}


def test_plan_props_of_odd_values_are_still_json():
    values = [Colour.RED, date(2026, 1, 2), float("nan"), {1: (2, 3)}, {"b", "a"}, Answer(), handler, 10**30]
    assert Effect("e", deps=values, run=handler).plan_props()["deps"] == [
        "red",
        "2026-01-02",
        "nan",
        {"1": [2, 3]},
        ["a", "b"],
        {"text": "x"},
        f"{__name__}:handler",
        str(10**30),  # the store's JSON holds 64 bits
    ]


def test_copies_keep_handlers_and_site_apart_from_the_original():
    node = Claude(prompt="p", on_finished=handler)
    other = node.model_copy(update={"model": "test"})
    assert (other.model, node.model) == ("test", "sonnet")
    assert (other.handlers, other.site, other.source) == (node.handlers, node.site, node.source)
    copy.copy(node).on_error(handler)
    assert "on_error" not in node.handlers


def test_a_deep_plan_is_made_printed_and_freed_without_recursion():
    node = Fragment()
    for _ in range(20_000):
        node = Fragment(children=[node])
    assert repr(node) == str(node) == "<Fragment, children: 1>"
    del node
    gc.collect()
