"""Runs one agent on PydanticAI (N-4, G-1): `run_agent` is the only seam between it and the engine."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from smithers_py.agents.failures import agent_error
from smithers_py.agents.models import resolve_model
from smithers_py.agents.stream import AgentStream, usage_json
from smithers_py.errors import SmithersError, TaskTimeout
from smithers_py.workers.control import Control

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.run import AgentRunResult

OUTPUT_RETRIES = 2
"""How often a model may mend an answer that does not fit the schema, within its turns."""


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
    """Model requests at most."""
    timeout: float | None = None
    """Seconds for the whole run, None for no limit."""
    aliases: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The user's short names, before our own."""


@dataclass(frozen=True, slots=True)
class AgentOutput:
    """An agent's answer and what it took."""

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
    messages_json: bytes
    """The whole history, as PydanticAI's ModelMessagesTypeAdapter reads it."""
    model: str
    """The model that answered, as the provider names it."""
    duration_ms: int


async def run_agent(spec: AgentSpec, control: Control) -> AgentOutput:
    """Ask the model and return its answer; its words go to `control.emit` while they come.

    Nothing is retried here (E-1: that is the coordinator's business) except answers that do not fit the schema.
    Raises AgentError, ModelUnavailableError, TaskTimeout. Cancellation passes through at once.
    """
    model = await _model_of(spec)
    stream = AgentStream(control)
    started = time.monotonic()
    from pydantic_ai.exceptions import RunTimedOut

    try:
        result = await _ask(model, spec, stream)
        return _output(result, spec, stream, round((time.monotonic() - started) * 1000))
    except RunTimedOut as error:
        raise TaskTimeout(spec.timeout or 0, what=f"model {model.model_name!r}") from error
    except SmithersError:
        raise  # ours already: a full disk met while emitting is not the model's failure
    except Exception as error:
        raise agent_error(error, model.model_name) from error
    finally:
        stream.flush()


async def _model_of(spec: AgentSpec) -> "Model":
    if isinstance(spec.model, str):
        # The first import of PydanticAI and an SDK takes seconds: not on the loop.
        return await asyncio.to_thread(resolve_model, spec.model, spec.aliases)
    return resolve_model(spec.model, spec.aliases)


async def _ask(model: "Model", spec: AgentSpec, stream: AgentStream) -> "AgentRunResult[Any]":
    from pydantic_ai import Agent, ModelSettings, UsageLimits

    agent: Agent[None, Any] = Agent(
        model, output_type=spec.schema or str, instructions=spec.system_prompt, retries=OUTPUT_RETRIES
    )
    async with model:  # closes the HTTP client when this was its last user
        return await agent.run(
            spec.prompt,
            model_settings=ModelSettings(max_retries=0),
            usage_limits=UsageLimits(request_limit=spec.max_turns),
            event_stream_handler=stream.handle if _can_stream(model) else None,
            timeout=spec.timeout,
            infer_name=False,
        )


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


def _output(result: "AgentRunResult[Any]", spec: AgentSpec, stream: AgentStream, duration_ms: int) -> AgentOutput:
    from pydantic import TypeAdapter

    structured = structured_json = None
    if spec.schema is None:
        text = str(result.output)
        if not stream.wrote:
            stream.add(text)
    else:
        adapter: TypeAdapter[Any] = TypeAdapter(spec.schema)
        structured = result.output
        structured_json = adapter.dump_python(structured, mode="json")
        text = adapter.dump_json(structured).decode()
    stream.flush()
    stream.usage(result.usage)
    cost = result.usage.cost
    return AgentOutput(
        text=text,
        structured=structured,
        structured_json=structured_json,
        usage=usage_json(result.usage),
        cost_usd=None if cost is None else float(cost),
        messages_json=result.all_messages_json(),
        model=result.response.model_name or "",
        duration_ms=duration_ms,
    )
