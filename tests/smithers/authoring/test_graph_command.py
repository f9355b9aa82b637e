"""`smithers graph`: the plan without a run, in every form."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from authoring_tools import Smithers, Write

from smithers_py.dsl.forms import PlanForm
from smithers_py.errors import PlanError

PLAN = """from smithers_py import *

@component
def Row(ctx, n):
    return Phase("inner", children=[Task(lambda: n, id="t")])

@plan
def App(ctx):
    ctx.state.init("who", "me")
    with Phase("first", on_complete=print):
        Command("echo 'a < b'")
        If(ctx.state.get("who") == "me", children=[Claude(prompt="x", children=["say <hi> & \\x00 go"])])
    with Phase("second"):
        with Step("s"):
            Row(n=3, key="r")
    with Phase("third", skip_if=lambda: 1 / 0):
        with While("loop", lambda: ctx.state.get("later")["x"], max_iterations=2):
            Task(print, id="w")
    Phase("never", skip_if=True, children=[Command("true", id="unseen")])

app = App
"""


@pytest.fixture
def plan(script: Write) -> Path:
    return script(PLAN)


@pytest.mark.requirement("C-1", "Z-6")
def test_the_tree_shows_later_phases_as_previews(plan: Path, smithers: Smithers, workspace: Path) -> None:
    code, out, err = smithers("graph", plan)
    row = json.loads(smithers("graph", plan, "--json")[1])["nodes"][5]["node_id"]
    assert code == 0
    lines = [line.replace(row, "ROW") for line in out.splitlines()]
    assert lines == [
        "App",
        "  Phase first",
        "    Command echo 'a < b'",
        "    If",
        "      Claude",
        "  Phase second  (preview)",
        "    Step s",
        lines[7],
        "        Phase inner",
        lines[9],
        "  Phase third  (preview)",
        "    While  id=loop",
        "      Task print  id=loop/0/w",
        "  Phase never",
    ]
    assert lines[7] == "      Row  key=r"
    assert lines[9].startswith("          Task <lambda>  id=") or lines[9].startswith("          Task  id=")
    assert lines[9].endswith("/t")
    assert "(preview): its turn comes later" in err
    assert not (workspace / ".smithers").exists()


@pytest.mark.requirement("A-6", "Z-4")
def test_json_comes_back_as_the_same_plan(plan: Path, smithers: Smithers) -> None:
    _, out, _ = smithers("graph", plan, "--format", "json")
    assert len(out.splitlines()) == 1
    form = PlanForm.from_json(out)
    data = json.loads(out)
    assert form.plan_hash == data["plan_hash"]
    assert form.data() == data
    assert {node["type"] for node in data["nodes"] if node["preview"]} == {"Step", "Row", "Phase", "Task", "While"}
    assert data["nodes"][0]["source"].endswith(f"{plan.name}:10")
    # Text that the engine made of a string stands where its parent does, not in some library.
    assert [node["source"] for node in data["nodes"] if node["type"] == "Text"] == [f"{plan}:12"]


@pytest.mark.requirement("A-6")
def test_a_changed_or_foreign_text_is_refused(plan: Path, smithers: Smithers) -> None:
    _, out, _ = smithers("graph", plan, "--json")
    with pytest.raises(PlanError, match="was changed"):
        PlanForm.from_json(out.replace('"first"', '"fist"'))
    for text in ("{", "[]", "null", '{"name": 3}'):
        with pytest.raises(PlanError, match="not a plan in JSON form"):
            PlanForm.from_json(text)


@pytest.mark.requirement("A-6")
def test_xml_is_xml(plan: Path, smithers: Smithers) -> None:
    _, out, _ = smithers("graph", plan, "--format", "xml")
    root = ET.fromstring(out)
    assert (root.tag, root.attrib) == ("plan", {"name": "App"})
    assert [(one.tag, one.get("name")) for one in root] == [
        ("Phase", "first"),
        ("Phase", "second"),
        ("Phase", "third"),
        ("Phase", "never"),
    ]
    assert root.find("Phase/Command").attrib == {"shell": "echo 'a < b'"}
    assert root.find(".//Claude").text.strip() == "say <hi> & \N{REPLACEMENT CHARACTER} go"
    assert root.find(".//Row").attrib == {"key": "r", "n": "3"}
    assert root.find(".//Row/Phase/Task").get("id") == "t"


@pytest.mark.requirement("A-6")
def test_xml_of_names_that_xml_lacks() -> None:
    nodes: list[Any] = [
        {"node_id": "a", "type": "<lambda>", "props": {"n": [1, {"x": None}]}},
        {"node_id": "b", "parent_id": "a", "type": "Größe"},
        {"node_id": "c", "type": "Text", "props": {"value": "\ud800<>\x1b[0m"}},
    ]
    root = ET.fromstring(PlanForm(name='a "quoted" <name>', nodes=nodes).to_xml())
    assert root.get("name") == 'a "quoted" <name>'
    assert (root[0].tag, root[0].attrib) == ("component", {"type": "<lambda>", "n": '[1,{"x":null}]'})
    assert root[0][0].tag == "Größe"


@pytest.mark.requirement("C-1")
def test_mermaid_has_every_node_and_edge(plan: Path, smithers: Smithers) -> None:
    _, out, _ = smithers("graph", plan, "--format", "mermaid")
    lines = [line.strip() for line in out.splitlines()]
    assert lines[0] == "flowchart TD"
    assert "n0[\"Phase 'first'\"]" in lines
    assert "n0 --> n1" in lines
    assert any("say #lt;hi#gt; #35;" in line or "say #lt;hi#gt;" in line for line in lines)
    assert sum("-->" in line for line in lines) == sum('["' in line for line in lines) - 4
    assert lines[-1].startswith("class n")


@pytest.mark.requirement("C-1", "Z-14")
def test_state_and_input_are_those_of_the_run(script: Write, as_json: Callable[..., Any]) -> None:
    file = script(
        "from pydantic import BaseModel\nfrom smithers_py import *\n"
        "class Wish(BaseModel):\n    names: list[str]\n"
        "@plan(input=Wish)\ndef App(ctx):\n"
        "    for name in ctx.input.names:\n        Phase(name + ctx.state.get('end', ''))\n"
    )
    shown = as_json("graph", file, "--input", '{"names": ["a", "b"]}', "--state", 'end="!"')
    assert [node["name"] for node in shown["nodes"]] == ["a!", "b!"]


@pytest.mark.requirement("C-1", "A-8")
def test_the_entry_is_chosen_as_in_a_run(script: Write, smithers: Smithers) -> None:
    one = "@component\ndef {0}(ctx):\n    return Phase('{0}')\n"
    file = script("from smithers_py import *\n" + one.format("One") + one.format("Two"))
    assert smithers("graph", file, "--entry", "Two")[1] == "Two\n  Phase Two\n"
    code, out, err = smithers("graph", file)
    assert (code, out) == (2, "")
    assert "--entry NAME" in err


@pytest.mark.requirement("C-1", "C-4")
def test_a_plan_that_cannot_be_shown_is_said_to_be(script: Write, smithers: Smithers) -> None:
    file = script("from smithers_py import *\n@plan\ndef App(ctx):\n    Phase('a', nmae=3)\n")
    code, out, err = smithers("graph", file)
    assert (code, out) == (2, "")
    assert "E101" in err
    assert "Did you mean 'name'?" in err
    assert smithers("graph", file, "--format", "png")[0] == 2


def test_an_empty_plan_says_so(script: Write, smithers: Smithers) -> None:
    file = script("from smithers_py import *\n@plan\ndef App(ctx):\n    pass\n")
    assert smithers("graph", file)[1] == "App\n  (nothing: the plan is empty)\n"
