"""Agents as nodes of a plan: what their tools write, what is stored of them, and what commands show."""

import asyncio
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conversations import Scripted

from smithers_py import Agent, component
from smithers_py.engine.observer import NullObserver
from smithers_py.testing import run_plan

PROGRAM = [sys.executable, "-m", "smithers_py"]


def rows(path: Path, query: str) -> list[Any]:
    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return conn.execute(query).fetchall()
    finally:
        conn.close()


@pytest.mark.requirement("Z-0", "G-3")
def test_what_a_tool_writes_is_seen_before_the_agent_has_ended(tmp_path: Path) -> None:
    seen: list[int] = []

    def count(number: int, ctx: Any) -> str:
        """Count."""
        ctx.state.append("counted", number)
        return "counted"

    script = Scripted(("count", {"number": 1}), ("count", {"number": 2}), "done")

    @component
    def app(ctx: Any) -> Any:
        seen.append(len(ctx.state.get("counted", [])))
        return Agent(id="a", model="x", prompt="go", tools=[count])

    result = asyncio.run(run_plan(app, db_path=tmp_path / "db.sqlite", model=script.model))
    assert result.status == "completed"
    assert seen == [0, 1, 2], "each tool call's writes make a frame of their own"
    changed = rows(tmp_path / "db.sqlite", "SELECT node_id, handler FROM transitions WHERE key = 'counted'")
    assert changed == [("a", "tool"), ("a", "tool")]
    journals = rows(tmp_path / "db.sqlite", "SELECT status, journal_json FROM tool_calls")
    assert journals == [("done", None), ("done", None)], "what was applied is owed no more"


@pytest.mark.requirement("G-2", "G-7")
def test_an_observer_hears_text_tools_and_tokens(tmp_path: Path) -> None:
    heard: list[tuple[str, str]] = []

    class Listening(NullObserver):
        def output(self, node_id: str, stream: str, line: str) -> None:
            heard.append((stream, line))

    def look(place: str) -> str:
        """Look."""
        return place

    @component
    def app(ctx: Any) -> Any:
        return Agent(id="a", model="x", prompt="go", tools=[look])

    model = Scripted(("look", {"place": "under the bed"}), "nothing there").model
    asyncio.run(run_plan(app, db_path=tmp_path / "db.sqlite", model=model, observer=Listening()))
    assert [stream for stream, _ in heard] == ["usage", "tool", "tool", "text", "usage"]
    assert heard[1:4] == [("tool", "look under the bed"), ("tool", ""), ("text", "nothing there")]
    assert 0 < int(heard[0][1]) < int(heard[-1][1])


@pytest.mark.requirement("G-3")
def test_a_failed_agent_has_its_row_too(tmp_path: Path) -> None:
    @component
    def app(ctx: Any) -> Any:
        return Agent(id="a", model="x", prompt="go", retries=0)

    model = Scripted(ConnectionError("gone")).model
    result = asyncio.run(run_plan(app, db_path=tmp_path / "db.sqlite", model=model))
    assert result.status == "failed"
    ((status, error, usage),) = rows(tmp_path / "db.sqlite", "SELECT status, error_json, usage_json FROM agents")
    assert status == "failed"
    assert "gone" in json.loads(error)["message"]
    assert json.loads(usage)["requests"] == 0


@pytest.mark.requirement("G-3", "E-1")
def test_a_retried_agent_goes_on_and_its_writes_land_once(tmp_path: Path) -> None:
    calls: list[int] = []

    def deliver(number: int, ctx: Any) -> str:
        """Deliver."""
        calls.append(number)
        ctx.state.increment("delivered")
        return "delivered"

    script = Scripted(("deliver", {"number": 1}), ConnectionError("gone"))

    def mend(_: Any) -> bool:
        script.steps[1] = "all delivered"
        return True

    @component
    def app(ctx: Any) -> Any:
        return Agent(id="a", model="x", prompt="go", tools=[deliver], retries=1, retry_on=mend).on_finished(
            lambda r: ctx.state.set("end", [r.output, r.usage["requests"], r.attempt])
        )

    path = tmp_path / "db.sqlite"
    assert asyncio.run(run_plan(app, db_path=path, model=script.model)).status == "completed"
    assert calls == [1]
    assert script.asked == [0, 1, 1]
    state = dict(rows(path, "SELECT key, value_json FROM state_kv WHERE key NOT LIKE '$%'"))
    assert json.loads(state["end"]) == ["all delivered", 2, 2]
    assert json.loads(state["delivered"]) == 1
    assert rows(path, "SELECT attempt, status FROM agents") == [(1, "failed"), (2, "succeeded")]


PLAN = """
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from smithers_py import Claude, plan


def answer(messages, info):
    if len(messages) == 1:
        return ModelResponse(parts=[TextPart("I look first.\\nThen I tell."), ToolCallPart("read", {"path": "a.txt"})])
    return ModelResponse(parts=[TextPart("It says " + messages[-1].parts[0].content)])


@plan
def app(ctx):
    Claude(id="reader", model=FunctionModel(answer), prompt="Read a.txt", tools=["read"])
"""


@pytest.mark.requirement("G-2", "G-3", "C-3")
def test_logs_and_inspect_show_what_an_agent_said_and_did(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(PLAN)
    (tmp_path / "a.txt").write_text("hello")

    def smithers(*words: str) -> str:
        done = subprocess.run(
            [*PROGRAM, *words],
            cwd=tmp_path,
            env={**os.environ, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    smithers("run", "plan.py")
    log = [line.partition("Claude reader | ")[2] for line in smithers("logs").splitlines() if " | " in line]
    assert log[:2] == ["I look first.", "Then I tell."], "each line of the text by itself"
    assert log[2].startswith('read {"path": "a.txt"')
    assert log[3].startswith("read ended (")
    assert "It says" in log[4]
    assert '"ms"' in smithers("logs", "--level", "debug")
    shown = smithers("inspect")
    assert ": succeeded, 2 requests, " in shown
    assert "tool calls: 1" in shown
    (call,) = json.loads(smithers("inspect", "--json"))["tool_calls"]
    assert (call["tool"], call["status"], call["args"]["path"], call["turn"]) == ("read", "done", "a.txt", 1)
    assert "hello" in call["result"]
