"""Models that follow a script, and what a store would give back of a recorded conversation."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fake_provider import Recorder

from smithers_persistence.records import AgentRecord, AgentSession, ToolCallRecord
from smithers_persistence.rows import AgentRow, ToolCallRow
from smithers_py.agents.run import AgentOutput, AgentSpec, run_agent
from smithers_py.agents.tools.spec import ToolSpec
from smithers_py.nodes.tools import ToolPolicy, check_tools
from smithers_py.workers.pool import DaemonPool

Step = str | tuple[str, dict[str, Any]] | list[tuple[str, dict[str, Any]]] | BaseException


class Scripted:
    """A model that answers by the number of its answers in the conversation, so that it can be gone on with."""

    def __init__(self, *steps: Step) -> None:
        from pydantic_ai.models.function import FunctionModel

        self.steps = list(steps)
        self.asked: list[int] = []
        """The number of each step that was asked for."""
        self.heard: list[list[Any]] = []
        self.model = FunctionModel(self._answer)

    def _answer(self, messages: list[Any], info: Any) -> Any:
        from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart

        number = sum(message.kind == "response" for message in messages)
        self.asked.append(number)
        self.heard.append(list(messages))
        step = self.steps[min(number, len(self.steps) - 1)]
        if isinstance(step, BaseException):
            raise step
        if isinstance(step, str):
            return ModelResponse(parts=[TextPart(step)])
        calls = [step] if isinstance(step, tuple) else step
        return ModelResponse(
            parts=[ToolCallPart(name, args, tool_call_id=f"call-{at}") for at, (name, args) in enumerate(calls)]
        )


async def converse(
    recorder: Recorder,
    script: Scripted,
    folder: Path,
    tools: Sequence[Callable[..., Any] | str] = (),
    *,
    policy: ToolPolicy | None = None,
    **more: Any,
) -> AgentOutput:
    """Run the agent with these tools in `folder`."""
    pool = DaemonPool(4)
    spec = ToolSpec(tools=check_tools(list(tools)), workspace=folder, policy=policy) if tools else None
    try:
        return await run_agent(
            AgentSpec(**{"task_id": "t", "model": script.model, "prompt": "go", "tools": spec, "pool": pool, **more}),
            recorder,
        )
    finally:
        pool.close()


def stored(rows: Sequence[AgentRow], *, status: str | None = None, attempt: int = 1) -> AgentSession:
    """What the store holds after these checkpoints; `status` overrides how the run stands."""
    messages: dict[int, str] = {}
    tools: dict[tuple[int, str], ToolCallRow] = {}
    for row in rows:
        messages.update({one.seq: one.message_json for one in row.messages})
        tools.update({(one.turn, one.call_id): one for one in row.tools})
    last = rows[-1]
    run = AgentRecord(
        "e", "n", 0, attempt, last.run_id, last.model, status or last.status, last.started_at, last.ended_at,
        last.cost_usd, last.usage_json, last.error_json, last.output_text, None, None,
    )  # fmt: skip
    calls = [
        ToolCallRecord(
            "e", "n", 0, one.turn, one.call_id, one.tool, one.status, one.safe, one.started_at, one.ended_at,
            one.args_json, one.result_json, one.journal_json,
        )
        for one in tools.values()
    ]  # fmt: skip
    return AgentSession([messages[seq] for seq in sorted(messages)], calls, [run])
