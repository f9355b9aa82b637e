"""Runs tool calls as an agent does: a scripted model, the real toolsets, and a person who answers as told."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelRequest, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from smithers_py.agents.tools.build import build_tools
from smithers_py.agents.tools.spec import ToolSpec
from smithers_py.nodes.tools import ToolPolicy, check_tools
from smithers_py.workers.control import Answer, AskRequest
from smithers_py.workers.pool import DaemonPool


class Person:
    """The engine's end, as tools see it: notes what it is told, answers every question the same way."""

    def __init__(self, *, approves: bool = True, comment: str | None = None, by: str | None = "ann@desk") -> None:
        self.task_id = "run/agent/0"
        self.answer = Answer(approved=approves, comment=comment, by=by)
        self.asked: list[AskRequest] = []
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.processes: list[int] = []

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        self.events.append((kind, payload))

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        self.processes.append(pid)

    async def ask(self, request: AskRequest) -> Answer:
        self.asked.append(request)
        return self.answer

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        raise AssertionError("only asking blocks, and that is the engine's business")

    def refusals(self) -> list[dict[str, Any]]:
        return [payload for kind, payload in self.events if kind == "tool" and payload["phase"] == "refused"]

    def lines(self, kind: str = "stdout") -> list[str]:
        return [payload["line"] for at, payload in self.events if at == kind]


Call = tuple[str, dict[str, Any]]


def use(
    root: Path, calls: Sequence[Call], *, person: Person | None = None, tools: Any = ("all",), **spec: Any
) -> list[ToolReturnPart]:
    """What a model gets that makes these calls one after the other."""
    return asyncio.run(use_async(root, calls, person=person, tools=tools, **spec))


async def use_async(
    root: Path,
    calls: Sequence[Call],
    *,
    person: Person | None = None,
    tools: Any = ("all",),
    call_id: str = "call-{}",
    **spec: Any,
) -> list[ToolReturnPart]:
    """The same on a running loop."""
    pool = DaemonPool(8)
    full = ToolSpec(tools=check_tools(tools), workspace=root, **{"grace_seconds": 0.3, **spec})
    toolsets = build_tools(full, person or Person(), pool)
    try:
        agent = Agent(FunctionModel(_script(calls, call_id)), toolsets=toolsets)
        async with agent:
            result = await agent.run("go")
    finally:
        pool.close()
    returned = [
        part
        for message in result.all_messages()
        if isinstance(message, ModelRequest)
        for part in message.parts
        if not isinstance(part, str) and getattr(part, "tool_name", None)
    ]
    return returned  # pyright: ignore[reportReturnType]


def one(root: Path, tool: str, **args: Any) -> str:
    """The text that one call of a built-in tool gives, everything allowed."""
    return said(root, tool, args)


def said(root: Path, tool: str, args: dict[str, Any], **more: Any) -> str:
    """The text that a call gives."""
    allow = ToolPolicy(default="allow")
    return str(use(root, [(tool, args)], **{"policy": allow, **more})[0].content)


def _script(calls: Sequence[Call], call_id: str) -> Any:
    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        if turn == len(calls):
            return ModelResponse(parts=[TextPart("done")])
        name, args = calls[turn]
        return ModelResponse(parts=[ToolCallPart(name, args, tool_call_id=call_id.format(turn))])

    return answer
