"""Agents that are cancelled while they stream, while a tool works, and while a tool holds on ("must show" 7)."""

import asyncio
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conversations import Scripted, converse
from fake_provider import Recorder

from smithers_py.agents.run import AgentSpec, run_agent
from smithers_py.errors import TaskTimeout
from smithers_py.loopback import Loopback, say
from smithers_py.nodes.tools import ToolPolicy
from smithers_py.workers.control import Answer, AskRequest


@pytest.fixture
def loopback_is_allowed() -> Iterator[None]:
    from pydantic_ai.models import override_allow_model_requests

    with override_allow_model_requests(True):
        yield


class Telling(Recorder):
    """Lets a test wait for an event of a kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind
        self.came = asyncio.Event()

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        super().emit(kind, payload)
        if kind == self.kind:
            self.came.set()


async def cancelled(running: "asyncio.Task[Any]") -> float:
    """Cancel it; seconds until it had ended."""
    began = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    return time.monotonic() - began


@pytest.mark.requirement("T-7", "G-3")
@pytest.mark.usefixtures("loopback_is_allowed")
def test_a_streaming_agent_ends_at_once_and_what_it_used_is_recorded() -> None:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    async def scenario() -> None:
        with Loopback(lambda _: say("word " * 5_000, pace=0.01)) as server:
            provider = AnthropicProvider(api_key="k", base_url=server.url)
            spec = AgentSpec(
                task_id="t", model=AnthropicModel("claude-sonnet-5-5", provider=provider), prompt="x" * 400
            )
            recorder = Telling("text")
            running = asyncio.ensure_future(run_agent(spec, recorder))
            await recorder.came.wait()
            assert await cancelled(running) < 1
            end = recorder.rows[-1]
            assert end.status == "cancelled"
            usage = json.loads(end.usage_json or "")
            assert usage["requests"] == 1
            assert usage["input_tokens"] >= 100
            assert end.model == "claude-sonnet-5-5"
            assert end.messages == [], "half an answer is no part of the conversation"
            assert "word" in recorder.text
            server.wait_for(1, ended=True)

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_the_children_of_a_cancelled_agent_are_gone(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Scripted(("shell", {"command": "echo $$ > pid; exec sleep 600"}))
        recorder = Telling("tool")
        recorder.record_process = _nothing  # type: ignore[method-assign] - this agent starts one
        policy = ToolPolicy(allow=("shell",))
        running = asyncio.ensure_future(converse(recorder, script, tmp_path, ["shell"], policy=policy))
        await recorder.came.wait()
        pid = await _first_line(tmp_path / "pid")
        assert await cancelled(running) < 5
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)
        assert recorder.rows[-1].status == "cancelled"

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_a_tool_that_ignores_it_is_left_behind_after_the_grace(tmp_path: Path) -> None:
    release, began, over = threading.Event(), threading.Event(), threading.Event()

    async def stubborn() -> str:
        """Never listens."""
        began.set()
        while not release.is_set():
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                if release.is_set():
                    over.set()
                    raise
        return "late"

    async def scenario() -> None:
        recorder = Telling("tool")
        running = asyncio.ensure_future(
            converse(recorder, Scripted(("stubborn", {})), tmp_path, [stubborn], grace_seconds=0.3)
        )
        await recorder.came.wait()
        took = await cancelled(running)
        assert 0.2 < took < 2
        assert recorder.rows[-1].status == "cancelled"
        written = len(recorder.rows)
        release.set()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0)
        assert len(recorder.rows) == written, "what is left behind stores nothing"

    asyncio.run(scenario())


async def _nothing(*_: Any) -> None:
    pass


async def _first_line(path: Path) -> str:
    while not (text := _text(path)):  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    return text


def _text(path: Path) -> str:
    return path.read_text().strip() if path.exists() else ""


@pytest.mark.requirement("P-2", "N-4")
def test_the_time_that_a_person_takes_is_not_the_agents(tmp_path: Path) -> None:
    class Slow(Recorder):
        async def ask(self, request: AskRequest) -> Answer:
            await asyncio.sleep(0.7)
            return await super().ask(request)

    async def look() -> str:
        """Look."""
        return "seen"

    async def hang() -> str:
        """Never ends."""
        await asyncio.Event().wait()
        return ""

    async def scenario() -> None:
        recorder, policy = Slow(), ToolPolicy(ask=("look",))
        script = Scripted(("look", {}), "done")
        output = await converse(recorder, script, tmp_path, [look], timeout=0.5, policy=policy)
        assert (output.text, len(recorder.asked)) == ("done", 1)

        script = Scripted(("look", {}), ("hang", {}))
        with pytest.raises(TaskTimeout):
            await converse(recorder, script, tmp_path, [look, hang], timeout=0.5, policy=policy)
        assert recorder.rows[-1].status == "failed"

    asyncio.run(scenario())
