"""What `graph` shows is what a run mounts, for plans that do not branch on results."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authoring_tools import Smithers, Write

ROOT = Path(__file__).parents[3]
WITH_PROVIDER = {"fix_tests_agent", "fix_tests_brain"}
"""A provider has to answer the one, the other is that provider's brain: tests/smithers/examples runs them."""
EXAMPLES = sorted(path for path in (ROOT / "examples").glob("*.py") if path.stem not in WITH_PROVIDER)
BRANCHING = {"fix_tests": "its loop's iterations and what they repair come from pytest's output"}
"""Examples whose plan follows results that state does not hold, and which."""

PHASES = """from smithers_py import *

@component
def Check(ctx, name):
    return Step(name, children=[Command(["echo", name], id="run"), Task(lambda: name, id="look")])

@plan
def App(ctx):
    ctx.state.init("names", ["a", "b"])
    with Phase("prepare"):
        Command("echo one", id="one")
        with Parallel(max_concurrency=2):
            Task(lambda: 1, id="two")
            Claude(prompt=["hello ", Text("you")], id="three", max_turns=1)
    with Phase("check"):
        for name in ctx.state.get("names", []):
            Check(name=name, key=name)
    with Phase("each", skip_if=lambda: False):
        Each(lambda: ctx.state.get("names", []), children=lambda name: Command(["echo", name], key=name))
        with Switch(lambda: ctx.state.get("names")[0]):
            Case("a", children=[Task(lambda: 1, id="case")])
            Default(children=[Task(lambda: 1, id="default")])
    Phase("left out", skip_if=True, children=[Command("false", id="never")])
    with Phase("loop"):
        with While("again", lambda: True, max_iterations=1):
            Task(lambda: 1, id="w").on_finished(lambda r: ctx.state.increment("n"))
    with Phase("end"):
        End("done")

app = App
"""
DECORATED = """from smithers_py import *

@phase("one")
def one(ctx):

    @command(["echo", "hi"], id="hi")
    def done(result):
        ctx.state.set("said", result.output)

@phase("two")
def two(ctx):

    @claude_task(prompt="x", id="c", max_turns=1)
    def answered(result):
        ctx.state.set("answer", result.output)

    @task
    async def last():
        return 3
"""


def last_plan(as_json: Callable[..., Any]) -> tuple[str, list[dict[str, Any]]]:
    frames = as_json("db", "frames", "latest")
    last = as_json("db", "frames", "latest", "--frame", frames[-1]["frame"])
    return frames[-1]["plan_hash"] or next(one["plan_hash"] for one in reversed(frames) if one["plan_hash"]), last[
        "plan"
    ]


@pytest.mark.requirement("C-1", "Z-4", "Z-6")
@pytest.mark.parametrize("text", [PHASES, DECORATED], ids=["blocks", "decorators"])
def test_the_plan_shown_is_the_plan_run(
    text: str, script: Write, smithers: Smithers, as_json: Callable[..., Any]
) -> None:
    file = script(text)
    shown = as_json("graph", file)
    assert smithers("run", file, "--model", "test", "--idle-timeout", "0")[0] == 0
    plan_hash, plan = last_plan(as_json)
    fields = ("node_id", "parent_id", "type", "name", "props")
    assert [[one.get(name) for name in fields] for one in shown["nodes"]] == [
        [one[name] for name in fields] for one in plan
    ]
    assert plan_hash == shown["plan_hash"]
    first = as_json("db", "frames", "latest", "--frame", 1)["plan"]
    mounted = {one["node_id"] for one in first}
    assert {one["node_id"] for one in shown["nodes"] if not one["preview"]} == mounted


@pytest.mark.requirement("C-1", "Z-4")
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_graph_of_an_example_is_its_run(
    example: Path, smithers: Smithers, as_json: Callable[..., Any], workspace: Path
) -> None:
    code, out, err = smithers("check", example, "--json")
    assert (code, json.loads(out)["errors"]) == (0, 0), out
    begins = {one["node_id"] for one in as_json("graph", example)["nodes"] if not one["preview"]}
    code, out, err = smithers("run", example, "--model", "test", "--idle-timeout", "0")
    assert code == 0, out + err
    first = as_json("db", "frames", "latest", "--frame", 1)["plan"]
    assert begins == {one["node_id"] for one in first}
    if example.stem in BRANCHING:
        return
    # What the run wrote decides how the plan goes on: given that, the plan without a run is the one that ran.
    state = as_json("db", "state", "latest")
    given = [part for key, value in state.items() for part in ("--state", f"{key}={json.dumps(value)}")]
    shown = as_json("graph", example, *given)
    plan_hash, plan = last_plan(as_json)
    assert [one["node_id"] for one in shown["nodes"]] == [one["node_id"] for one in plan]
    assert plan_hash == shown["plan_hash"]
