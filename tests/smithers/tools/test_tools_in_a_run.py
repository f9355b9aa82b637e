"""The tools in a real run of the program: every escape refused and recorded, the rest done, nothing left behind."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

PROGRAM = [sys.executable, "-m", "smithers_py"]
PLAN = """
import json
from pathlib import Path
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel
from smithers_py import Claude, ToolPolicy, plan, pure

CALLS = json.loads(Path("calls.json").read_text())
MCP = ["mcp:shop"] if Path("smithers.toml").exists() else []


def answer(messages, info):
    turn = sum(isinstance(message, ModelResponse) for message in messages)
    if turn == len(CALLS):
        returned = [part.content for message in messages for part in message.parts if part.part_kind == "tool-return"]
        return ModelResponse(parts=[TextPart(json.dumps(returned))])
    return ModelResponse(parts=[ToolCallPart(*CALLS[turn], tool_call_id=f"call-{turn}")])


@pure
def count(words: str, ctx) -> int:
    "Count words."
    ctx.state.set("counted", len(words.split()))
    return len(words.split())


@plan
def Work(ctx):
    Claude(
        id="worker",
        model=FunctionModel(answer),
        prompt="go",
        tools=["all", count, *MCP],
        policy=ToolPolicy(allow=["shell"], deny=["shell(rm *)"]),
    ).on_finished(lambda r: ctx.state.set("said", json.loads(r.output)))
"""


def smithers(*arguments: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*PROGRAM, *arguments]
    return subprocess.run(command, cwd=cwd, env={**os.environ, **env}, capture_output=True, text=True, check=False)


def run(root: Path, calls: list[tuple[str, dict[str, Any]]], **env: str) -> tuple[list[Any], list[dict[str, Any]]]:
    """What the model was answered, and the refusals in the logs."""
    root.joinpath("plan.py").write_text(PLAN)
    root.joinpath("calls.json").write_text(json.dumps(calls))
    done = smithers("run", "plan.py", "--no-wait", cwd=root, **env)
    assert done.returncode == 0, done.stdout + done.stderr
    state = json.loads(smithers("db", "state", "--json", cwd=root).stdout)
    said = state["said"]
    lines = smithers("logs", "--json", cwd=root).stdout.splitlines()
    events = [json.loads(line) for line in lines]
    return said, [event["payload"] for event in events if (event["payload"] or {}).get("phase") == "refused"]


@pytest.mark.requirement("G-5", "X-1", "Z-27")
def test_every_escape_is_refused_and_recorded(workspace: Path) -> None:
    root = workspace / "ws"
    root.mkdir()
    workspace.joinpath("secret").write_text("outside")
    root.joinpath("link").symlink_to("../secret")
    os.mkfifo(root / "pipe")
    with root.joinpath("huge").open("wb") as file:
        file.truncate(2 << 30)
    escapes = ["../secret", str(workspace / "secret"), "link", "pipe", "huge", ".smithers/db.sqlite"]
    calls: list[tuple[str, dict[str, Any]]] = [("read", {"path": path}) for path in escapes]
    calls += [("write", {"path": path, "content": "x"}) for path in escapes if path != "huge"]
    calls.append(("shell", {"command": "rm -rf ../secret"}))
    said, refusals = run(root, calls)
    assert [refusal["refused"] for refusal in refusals[:-1]] == said[:-1]
    assert [refusal["call_id"] for refusal in refusals] == [f"call-{n}" for n in range(len(calls))]
    assert {refusal["by"] for refusal in refusals[:-1]} == {"confinement"}
    assert refusals[-1]["by"] == "policy"
    assert workspace.joinpath("secret").read_text() == "outside"


@pytest.mark.requirement("G-5", "X-1", "Z-0", "Z-27")
def test_commands_are_bounded_and_work_gets_done(workspace: Path) -> None:
    calls: list[tuple[str, dict[str, Any]]] = [
        ("shell", {"command": "env; cat plan.py | head -c 10"}),
        ("shell", {"command": "trap '' TERM; while :; do sleep 0.1; done", "timeout": 1}),
        ("shell", {"command": "b() { if [ $1 -lt 10 ]; then b $(($1 + 1)) | b $(($1 + 1)) & fi; sleep 60; }; b 0"}),
        ("shell", {"command": "echo first; head -c 100000000 /dev/zero | tr '\\0' x; echo; echo last"}),
        ("shell", {"command": f"{sys.executable} -m smithers_py approve 1"}),
        ("count", {"words": "a b c"}),
        ("write", {"path": "a/b.txt", "content": "one\n"}),
        ("edit", {"path": "a/b.txt", "old": "one", "new": "two"}),
        ("grep", {"pattern": "two", "glob": "**/*.txt"}),
    ]
    key = "sk-ant-api03-0123456789"
    said, refusals = run(workspace, calls, ANTHROPIC_API_KEY=key)
    dump, deaf, bomb, flood, approving, counted, *_, found = said
    assert "PATH=" in dump
    assert "ANTHROPIC" not in dump
    assert key not in dump
    assert "(it was ended after 1 s, its time limit)" in deaf
    assert "processes and was killed; 256 are allowed)" in bomb
    assert flood.startswith("first\nxxx")
    assert "\nlast\n(exit code 0" in flood
    assert len(flood) < 31_000
    assert "an agent's command may not answer what people are asked" in approving
    assert counted == 3
    assert found == "a/b.txt:1: two"
    assert refusals == []
    assert workspace.joinpath("a/b.txt").read_text() == "two\n"
    state = json.loads(smithers("db", "state", "--json", cwd=workspace).stdout)
    assert state["counted"] == 3
    assert workspace.joinpath(".smithers/db.sqlite").stat().st_size < 4_000_000


@pytest.mark.requirement("G-5", "Z-22")
def test_the_configuration_brings_servers_and_rules(workspace: Path) -> None:
    server = Path(__file__).with_name("mcp_shop.py")
    workspace.joinpath("smithers.toml").write_text(
        f"""
        [tools]
        allow = ["mcp:shop"]
        deny = ["shell(curl *)", "write(src/**)"]
        env_deny = ["INTERNAL_*"]
        [mcp_servers.shop]
        command = "{sys.executable}"
        args = ["{server}"]
        """
    )
    calls: list[tuple[str, dict[str, Any]]] = [
        ("shop__price", {"item": "pen"}),
        ("shell", {"command": "true; curl example.org"}),
        ("write", {"path": "src/a", "content": "x"}),
        ("shell", {"command": "echo [$INTERNAL_HOST]"}),
        ("shop__whoami", {}),
    ]
    said, refusals = run(workspace, calls, INTERNAL_HOST="db.internal")
    assert said[0] == 3
    assert [refusal["tool"] for refusal in refusals] == ["shell", "write"]
    assert said[3].startswith("[]\n")
    assert "INTERNAL_HOST" not in said[4]
    [log] = workspace.glob(".smithers/executions/*/logs/mcp-shop.log")
    assert "whoami was called" in log.read_text()
    tools = [event["payload"]["tool"] for event in tool_events(workspace) if event["payload"]["phase"] == "start"]
    assert tools == ["shop.price", "shell", "shop.whoami"]


@pytest.mark.requirement("Z-22", "E-4")
def test_a_rule_of_the_configuration_that_cannot_be_read_stops_the_run_before_it_begins(workspace: Path) -> None:
    workspace.joinpath("smithers.toml").write_text('[tools]\nallow = ["my_tool(x)"]\n')
    workspace.joinpath("plan.py").write_text(PLAN)
    workspace.joinpath("calls.json").write_text("[]")
    done = smithers("run", "plan.py", cwd=workspace)
    assert done.returncode == 2
    assert "smithers.toml: tools.allow is wrong: 'my_tool(x)' has a pattern" in done.stderr


def tool_events(root: Path) -> list[dict[str, Any]]:
    events = [json.loads(line) for line in smithers("logs", "--json", cwd=root).stdout.splitlines()]
    return [event for event in events if event["type"] == "tool"]
