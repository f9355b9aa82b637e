"""What node classes are: no Pydantic models, but checked by Pydantic, from the first node on."""

from __future__ import annotations  # so that the annotations below are texts, which a shape has to look up

import copy
import pickle
from pathlib import Path
from typing import Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from smithers_py.errors import InvalidPropError, UnknownPropError
from smithers_py.nodes import Agent, BaseNode, Claude, Command, Fragment, Phase, Ralph, Task, Text
from smithers_py.nodes.builder import building
from smithers_py.nodes.shape import Before, Ge, Le


def work():
    """The work of a Task."""


def halved(value):
    if value == 13:
        raise ValueError("it should bring luck")
    return value // 2


class Mine(Claude):
    note: ClassVar[str] = "no prop"

    model = "haiku"
    times: Annotated[int, Ge(1), Le(9), Before(halved)] = 3
    where: Path | None = None

    @staticmethod
    def _prepare(props: dict[str, Any]) -> dict[str, Any]:
        if props.get("prompt") == "nothing":
            raise ValueError("was asked nothing. Ask something.")
        return props


def test_a_node_inherits_no_name_of_pydantics_models():
    theirs = {name for name in dir(BaseModel) if not name.startswith("_")}
    assert theirs & set(dir(Fragment)) == {"model_copy", "model_fields", "model_fields_set"}
    assert not issubclass(BaseNode, BaseModel)
    assert Claude(schema=Mine).schema is Mine
    assert not hasattr(Phase("p"), "schema")


@pytest.mark.requirement("A-5")
def test_the_shape_of_a_class_is_made_once_with_its_first_node():
    class Other(Task):
        pass

    assert Other._shape is None
    Other(work)
    shape = Other._shape
    assert shape is not None
    Other(work)
    assert Other._shape is shape
    assert Task(work)._shape is not shape


def test_a_class_of_ones_own_is_checked_by_what_its_annotations_say():
    node = Mine(prompt="p", times=8)
    assert (node.times, node.model, node.where, Mine.type_name) == (4, "haiku", None, "Mine")
    assert node.plan_props() == {"prompt": "p", "times": 4}
    assert list(Mine.model_fields)[-2:] == ["times", "where"]
    for wrong, says in (
        ({"times": 0}, "greater than or equal to 1"),
        ({"times": 20}, "less than or equal to 9"),
        ({"times": 13}, "'times' of Mine is 13 .int., it should bring luck"),
        ({"where": 3}, "'where' of Mine"),
        ({"prompt": "nothing"}, "Mine was asked nothing .*Ask something"),
    ):
        with pytest.raises(InvalidPropError, match=says):
            Mine(**wrong)
    with pytest.raises(UnknownPropError, match="Did you mean 'times'"):
        Mine(time=3)
    with pytest.raises(UnknownPropError):
        Mine(note="x")


def test_model_fields_are_pydantics_descriptions_of_the_props():
    fields = Claude.model_fields
    assert (fields["max_turns"].default, fields["max_turns"].annotation) == (50, int)
    assert [type(one) for one in fields["max_turns"].metadata] == [Ge]
    assert (Agent.model_fields["model"].is_required(), Agent.model_fields["model"].default) == (True, PydanticUndefined)
    assert list(Ralph.model_fields) == ["id", "key", "children", "max_iterations", "condition"]
    assert Ralph.model_fields["id"].is_required()
    assert not Phase.model_fields["id"].is_required()


def test_what_was_passed_or_assigned_is_known():
    node = Claude(prompt="p")
    assert node.model_fields_set == {"prompt", "children"}
    node.max_turns = 3
    assert (node.max_turns, node.model_fields_set) == (3, {"prompt", "children", "max_turns"})
    assert node.model_copy(update={"model": "test"}).model_fields_set == {"prompt", "children", "max_turns", "model"}
    with pytest.raises(ValueError, match='"Claude" object has no field "promt"'):
        node.promt = "x"
    with pytest.raises(AttributeError, match="'Claude' object has no attribute 'promt'"):
        _ = node.promt


def test_nodes_are_equal_by_type_and_props_and_have_no_hash():
    assert Claude(prompt="p") == Claude(prompt="p").on_error(work)
    assert Claude(prompt="p") != Claude(prompt="q")
    assert Claude() != Agent(model="sonnet")
    assert Claude() != "sonnet"
    assert Phase("p", children=[Text("a")]) == Phase("p", children=[Text("a")])
    with pytest.raises(TypeError, match="unhashable"):
        hash(Claude())


@pytest.mark.parametrize("again", [copy.deepcopy, lambda node: pickle.loads(pickle.dumps(node))])
def test_a_deep_copy_keeps_props_and_handlers_and_stands_nowhere(again):
    with building("App", []), Phase("p"):
        node = Command(["a", "b"], id="c", on_finished=work)
    other = again(node)
    assert other == node
    assert other.argv is not node.argv
    assert (other.handlers, other.model_fields_set) == (node.handlers, node.model_fields_set)
    assert (other.place, other.source) == (None, None)
    assert node.place is not None
