"""Runs one agent on PydanticAI (N-4, G-1): `run_agent` is the only seam between it and the engine."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithers_py.agents.coordinator import CallRules
from smithers_py.agents.deadline import Deadline
from smithers_py.agents.failures import agent_error
from smithers_py.agents.models import resolve_model
from smithers_py.agents.session import ResumeMode, Session, open_session
from smithers_py.agents.stream import AgentStream, usage_json
from smithers_py.agents.tools.spec import ToolSpec
from smithers_py.errors import SmithersError, TaskTimeout
from smithers_py.workers.control import AgentControl
from smithers_py.workers.pool import DaemonPool

if TYPE_CHECKING:
    from pydantic_ai import Agent
    from pydantic_ai.models import Model
    from pydantic_ai.run import AgentRunResult
    from pydantic_ai.toolsets import AbstractToolset

OUTPUT_RETRIES = 2
"""How often a model may mend an answer that does not fit the schema, within its turns."""


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSpec:
    """What to ask which model."""

    task_id: str
    model: Any
    """A name (see `resolve_model`) or a PydanticAI model."""
    prompt: str
    system_prompt: str | None = None
    schema: Any = None
    """The type of the answer, None for text."""
    max_turns: int = 50
    """Model requests at most, in this attempt."""
    timeout: float | None = None
    """Seconds for the whole run, waiting for people and rate limits apart; None for no limit."""
    aliases: Mapping[str, Any] = field(default_factory=dict)
    """The user's short names, before our own."""
    resume: ResumeMode = "continue"
    """What becomes of a conversation that an earlier attempt began."""
    grace_seconds: float = 5.0
    """What a tool gets to end by itself when the agent is cancelled."""
    tools: ToolSpec | None = None
    pool: DaemonPool | None = None
    """Threads for tools; needed with tools."""
    clock: Callable[[], int] = wall_ms
    calls: CallRules | None = None
    """When its model may be asked, how often again, and on whose budget; None asks at once and once."""


@dataclass(frozen=True, slots=True)
class AgentOutput:
    """An agent's answer and what it took, earlier attempts of its conversation included."""

    text: str
    """The answer; with a schema, its JSON."""
    structured: Any
    """The schema's object, None without a schema."""
    structured_json: Any
    """The same as JSON-able data."""
    usage: dict[str, int]
    """See `usage_json`."""
    cost_usd: float | None
    """None when the model has no known price."""
    model: str
    """The model that answered, as the provider names it."""
    duration_ms: int


async def run_agent(spec: AgentSpec, control: AgentControl) -> AgentOutput:
    """Ask the model, or go on with the conversation that an earlier attempt began, and return its answer.

    Its words go to `control.emit` while they come, every step of it to `control.checkpoint`, and how it ended, in
    whatever way, to `control.ends_with`. Nothing is retried here (E-1: that is the coordinator's business) except
    answers that do not fit the schema. Raises AgentError, ModelUnavailableError, TaskTimeout. Cancellation passes
    through within `grace_seconds`, at once unless a tool holds on.
    """
    model = await _model_of(spec)
    stream = AgentStream(control)
    session = await open_session(control, model.model_name, spec.resume, spec.clock)
    model = _with_rules(model, spec, session)
    started = time.monotonic()
    try:
        result = await _ask(model, spec, session, stream)
        output = _output(result, spec, round((time.monotonic() - started) * 1000))
    except SmithersError as error:
        _fail(session, error)
        raise  # ours already: a full disk met while emitting is not the model's failure
    except Exception as error:
        failure = agent_error(error, model.model_name)
        _fail(session, failure)
        raise failure from error
    except asyncio.CancelledError:
        session.end("cancelled")
        raise
    finally:
        stream.flush()
    session.end("succeeded", output_text=output.text)
    return output


def _with_rules(model: "Model", spec: AgentSpec, session: Session) -> "Model":
    if spec.calls is None:
        return model
    from smithers_py.agents.calls import coordinated

    return coordinated(model, spec.calls, session)


def _fail(session: Session, error: SmithersError) -> None:
    session.end("failed", error_json=json.dumps(error.to_json(), default=str))


async def _model_of(spec: AgentSpec) -> "Model":
    if isinstance(spec.model, str):
        # The first import of PydanticAI and an SDK takes seconds: not on the loop.
        return await asyncio.to_thread(resolve_model, spec.model, spec.aliases)
    return resolve_model(spec.model, spec.aliases)


async def _ask(model: "Model", spec: AgentSpec, session: Session, stream: AgentStream) -> "AgentRunResult[Any]":
    from pydantic_ai import ModelSettings, UsageLimits

    from smithers_py.agents.recording import bounded

    agent = _agent(model, spec, session, stream)

    async def run() -> "AgentRunResult[Any]":
        async with model:  # closes the HTTP client when this was its last user
            return await agent.run(
                None if session.history else spec.prompt,
                message_history=session.history or None,
                usage=session.usage,
                model_settings=ModelSettings(max_retries=0),
                usage_limits=UsageLimits(request_limit=session.turns_before + spec.max_turns),
                infer_name=False,
            )

    session.deadline = Deadline(spec.timeout)
    try:
        async with session.deadline:
            return await bounded(asyncio.create_task(run()), spec.grace_seconds)
    except TimeoutError as error:
        if session.deadline.passed:
            raise TaskTimeout(spec.timeout or 0, what=f"model {model.model_name!r}") from error
        raise


def _agent(model: "Model", spec: AgentSpec, session: Session, stream: AgentStream) -> "Agent[Any, Any]":
    from pydantic_ai import Agent

    from smithers_py.agents.recording import Recording
    from smithers_py.agents.streaming import StreamingModel

    streams = _can_stream(model)
    tools = spec.tools or ToolSpec(tools=None, workspace=Path())
    return Agent(
        StreamingModel(model, session, stream) if streams else model,
        output_type=spec.schema or str,
        instructions=spec.system_prompt,
        retries=OUTPUT_RETRIES,
        toolsets=_toolsets(tools, spec.pool, session),
        capabilities=[Recording(session, stream, streams, tools)],
    )


def _toolsets(tools: ToolSpec, pool: DaemonPool | None, session: Session) -> "list[AbstractToolset[Any]]":
    if not tools.tools or pool is None:
        return []
    from smithers_py.agents.recording import RecordedTools
    from smithers_py.agents.tools.build import build_tools

    return build_tools(tools, session, pool, lambda inner: RecordedTools(inner, session=session, spec=tools))


def _can_stream(model: "Model") -> bool:
    """A FunctionModel with only a plain function, and models that never wrote `request_stream`, answer whole."""
    from pydantic_ai.models import Model
    from pydantic_ai.models.function import FunctionModel
    from pydantic_ai.models.wrapper import WrapperModel

    while isinstance(model, WrapperModel):
        model = model.wrapped
    if isinstance(model, FunctionModel):
        return model.stream_function is not None
    return type(model).request_stream is not Model.request_stream


def _output(result: "AgentRunResult[Any]", spec: AgentSpec, duration_ms: int) -> AgentOutput:
    from pydantic import TypeAdapter

    structured = structured_json = None
    if spec.schema is None:
        text = str(result.output)
    else:
        adapter: TypeAdapter[Any] = TypeAdapter(spec.schema)
        structured = result.output
        structured_json = adapter.dump_python(structured, mode="json")
        text = adapter.dump_json(structured).decode()
    cost = result.usage.cost
    return AgentOutput(
        text=text,
        structured=structured,
        structured_json=structured_json,
        usage=usage_json(result.usage),
        cost_usd=None if cost is None else float(cost),
        model=result.response.model_name or "",
        duration_ms=duration_ms,
    )
