"""`smithers_py.run`: a plan run from one's own program."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authoring_tools import Smithers, Write
from pydantic import BaseModel

import smithers_py
from smithers_py import Claude, Command, End, Phase, RunResult, component, phase, plan
from smithers_py.errors import ScriptNotFoundError, UsageError


class Wish(BaseModel):
    name: str
    times: int = 2


@plan(input=Wish)
def Greet(ctx):
    ctx.state.init("said", [])
    with Phase("say"):
        for n in range(ctx.input.times):
            Command(["echo", ctx.input.name], id=f"say {n}").on_finished(
                lambda r: ctx.state.append("said", r.stdout.strip())
            )
    with Phase("end"):
        End({"said": ctx.state.get("said"), "extra": ctx.state.get("extra")})


@component
def Fails(ctx, code):
    return Command(f"exit {code}", id="fails")


def run(app: Any, **options: Any) -> RunResult:
    return asyncio.run(smithers_py.run(app, idle_timeout=0, **options))


@pytest.mark.requirement("Z-23", "Z-14")
def test_it_returns_what_run_prints(workspace: Path, as_json: Callable[..., Any]) -> None:
    result = run(Greet, input={"name": "Ada"}, state={"extra": {"n": 1}}, name="greeting", tags=["a", "b"])
    assert isinstance(result, RunResult)
    assert (result.status, result.exit_code) == ("completed", 0)
    assert result.summary == {"said": ["Ada", "Ada"], "extra": {"n": 1}}
    (listed,) = as_json("list")
    assert (listed["execution_id"], listed["name"], listed["tags"]) == (result.execution_id, "greeting", ["a", "b"])


@pytest.mark.requirement("Z-23", "Z-22")
def test_the_object_and_the_printed_line_have_the_same_fields(script: Write, smithers: Smithers) -> None:
    file = script("from smithers_py import *\n@plan\ndef App(ctx):\n    End('bye', exit_code=5)\n")
    code, out, _ = smithers("run", file, "--json", "--idle-timeout", "0")
    printed = json.loads(out)
    result = run(file, db="other.sqlite")
    given = result.to_json()
    assert given.keys() == printed.keys()
    same = {"status", "exit_code", "summary", "frames", "stop_reason", "errors"}
    assert {name: given[name] for name in same} == {name: printed[name] for name in same}
    assert (code, result.summary, result.exit_code) == (5, "bye", 5)


@pytest.mark.requirement("Z-23")
def test_a_failing_plan_is_a_result(workspace: Path) -> None:
    result = run(Fails(code=3), db=workspace / "here.sqlite")
    assert (result.status, result.exit_code) == ("failed", 1)
    assert [error["code"] for error in result.errors] == ["E501"]
    assert (workspace / "here.sqlite").exists()
    assert not (workspace / ".smithers" / "db.sqlite").exists()


@pytest.mark.requirement("Z-23", "G-1")
def test_the_model_replaces_every_agents(workspace: Path) -> None:
    @phase("ask")
    def ask(ctx):
        Claude(prompt="x", id="a", max_turns=1).on_finished(lambda r: ctx.state.set("a", r.output))

    assert run(ask, model="test").status == "completed"


@pytest.mark.requirement("Z-23", "C-2")
def test_a_script_may_be_named_as_text(script: Write, workspace: Path) -> None:
    script("from smithers_py import *\n@plan\ndef One(ctx):\n    End(1)\n@plan\ndef Two(ctx):\n    End(2)\n")
    assert run("a_script.py", entry="Two").summary == 2


@pytest.mark.requirement("Z-23")
def test_the_workspace_is_where_commands_run(workspace: Path) -> None:
    (workspace / "inside").mkdir()

    @plan
    def Where(ctx):
        Command("pwd", id="pwd").on_finished(lambda r: ctx.state.set("at", r.stdout.strip()))
        if ctx.state.get("at"):
            End(ctx.state.get("at"))

    assert run(Where, workspace=workspace / "inside").summary == str(workspace / "inside")


@pytest.mark.requirement("Z-23", "Z-22")
@pytest.mark.parametrize(
    ("app", "options", "error"),
    [
        ("gone.py", {}, ScriptNotFoundError),
        (Greet, {"input": {"nme": 1}}, UsageError),
        (Greet, {"entry": "Greet", "input": {"name": "x"}}, UsageError),
        (lambda ctx: None, {}, UsageError),
        (Fails, {}, smithers_py.SmithersError),
    ],
)
def test_wrong_input_raises_and_leaves_nothing(app: Any, options: Any, error: type, workspace: Path) -> None:
    with pytest.raises(error):
        run(app, **options)
    assert list(workspace.iterdir()) == []


@pytest.mark.requirement("Z-23")
def test_several_plans_run_at_once(workspace: Path) -> None:
    async def both() -> list[RunResult]:
        return await asyncio.gather(
            *(smithers_py.run(Greet, input={"name": name}, idle_timeout=0) for name in ("a", "b", "c"))
        )

    results = asyncio.run(both())
    assert [one.summary["said"] for one in results] == [["a", "a"], ["b", "b"], ["c", "c"]]
    assert len({one.execution_id for one in results}) == 3


@pytest.mark.requirement("A-5", "Z-23")
def test_the_name_costs_no_import() -> None:
    code = "import sys; from smithers_py import run, task, RunResult; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"aiosqlite", "pydantic_ai", "typer", "smithers_py.engine.launch"} & set(done.stdout.split())
