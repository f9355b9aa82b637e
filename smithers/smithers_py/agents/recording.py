"""The join between PydanticAI and a Session: hooks around each model request and each tool call (G-3).

Order around a tool: this hook, the policy (which may ask a person), `RecordedTools`, the tool. What an earlier attempt
has finished is answered from the record, before the policy; a call is open in the record only from the moment that
the policy has let it through.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_ai import RunContext, ToolDefinition
from pydantic_ai.capabilities import AbstractCapability
from pydantic_ai.capabilities.abstract import WrapToolExecuteHandler
from pydantic_ai.exceptions import ModelRetry, ToolFailedError, ToolRetryError
from pydantic_ai.messages import ModelResponse, ToolCallPart, ToolReturn, ToolReturnPart
from pydantic_ai.models import ModelRequestContext
from pydantic_ai.output import OutputContext
from pydantic_ai.toolsets import ToolsetTool, WrapperToolset

from smithers_persistence.records import ToolCallRecord
from smithers_py.agents.failures import faults
from smithers_py.agents.session import Session
from smithers_py.agents.stream import AgentStream
from smithers_py.agents.tools.spec import ToolSpec, is_safe
from smithers_py.workers.control import AskRequest

_PART: TypeAdapter[ToolReturnPart] = TypeAdapter(ToolReturnPart)
T = TypeVar("T")

_UNWINDING_SECONDS = 0.2
"""What even a run that is terminated at once gets to close its connections."""
_NOT_AGAIN = "This call was interrupted by a crash; whether it did anything is unknown. It was not run again"


@dataclass
class Recording(AbstractCapability[Any]):
    """The hooks."""

    session: Session
    stream: AgentStream
    streams: bool
    """Whether the model's words have come to `stream` by themselves."""
    spec: ToolSpec

    async def before_model_request(
        self,
        ctx: RunContext[Any],  # noqa: ARG002 - the hook's signature
        request_context: ModelRequestContext,
    ) -> ModelRequestContext:
        """Store what led here."""
        await self.session.asking()
        return request_context

    async def after_model_request(
        self,
        ctx: RunContext[Any],
        *,
        request_context: ModelRequestContext,  # noqa: ARG002 - the hook's signature
        response: ModelResponse,
    ) -> ModelResponse:
        """Keep the answer, to be stored before anything acts on it."""
        if not self.streams:
            self.stream.take(response)
        self.stream.flush()
        self.session.emit("usage", self.session.answered(ctx.messages, response))
        return response

    async def wrap_tool_execute(
        self,
        ctx: RunContext[Any],  # noqa: ARG002 - the hook's signature
        *,
        call: ToolCallPart,
        tool_def: ToolDefinition,  # noqa: ARG002 - the hook's signature
        args: dict[str, Any],
        handler: WrapToolExecuteHandler,
    ) -> Any:
        """Answer from the record, or run the call and record how it ended."""
        session, tool, call_id = self.session, self.spec.public_name(call.tool_name), call.tool_call_id
        known = session.known(call_id)
        if known is not None and known.result_json is not None:
            return _replayed(known)
        if known is not None and known.status == "open" and not known.safe:
            told = await self._may_run_again(known, args)
            if told is not None:
                await session.tool_ended(call_id, tool, _stored(call, told))
                return told
        try:
            result = await handler(args)
        except (ToolRetryError, ToolFailedError) as error:
            part = error.tool_retry if isinstance(error, ToolRetryError) else error.tool_failed
            text = _PART.dump_json(part).decode() if isinstance(part, ToolReturnPart) else None
            await session.tool_ended(call_id, tool, text, status="failed", error=str(error)[:500])
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"[:500]
            await session.tool_ended(call_id, tool, None, status="failed", error=said)
            raise
        await session.tool_ended(call_id, tool, _stored(call, result), actions=self.spec.journal.take(call_id))
        return result

    async def on_output_validate_error(
        self,
        ctx: RunContext[Any],  # noqa: ARG002 - the hook's signature
        *,
        output_context: OutputContext,  # noqa: ARG002 - the hook's signature
        output: str | dict[str, Any],
        error: ValidationError | ModelRetry,
    ) -> Any:
        """Tell of an answer that does not fit the schema; the model is told by PydanticAI (G-4)."""
        self.session.emit("answer", {"answer": output, "refused": faults(error)})
        raise error

    async def _may_run_again(self, known: ToolCallRecord, args: dict[str, Any]) -> str | None:
        """Ask a person about a call that died with its engine; None: run it, else what the model is told."""
        payload: dict[str, Any] = {"tool": known.tool, "args": args, "interrupted_at": known.started_at}
        if isinstance(args.get("command"), str):
            payload["command"] = args["command"]
        answer = await self.session.ask(
            AskRequest(
                # The start tells it from a second interruption of the same call.
                key=f"again/{known.call_id}/{known.started_at}",
                kind="command_exec",
                title=f"Run {known.tool} again? It was interrupted, and may have done its work",
                payload=payload,
            )
        )
        if answer.approved:
            return None
        return f"{_NOT_AGAIN}{f' ({answer.comment})' if answer.comment else ''}."


@dataclass
class RecordedTools(WrapperToolset[Any]):
    """Around the tools themselves: a call is recorded as open before it starts."""

    session: Session = field(kw_only=True)
    spec: ToolSpec = field(kw_only=True)

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        """Run one call."""
        shown, safe = self.spec.public_name(name), is_safe(name, self.spec)
        await self.session.tool_started(ctx.tool_call_id or "", shown, tool_args, safe=safe)
        return await self.wrapped.call_tool(name, tool_args, ctx, tool)


def _stored(call: ToolCallPart, result: Any) -> str:
    value = result.return_value if isinstance(result, ToolReturn) else result
    return _PART.dump_json(ToolReturnPart(call.tool_name, value, tool_call_id=call.tool_call_id)).decode()


def _replayed(known: ToolCallRecord) -> Any:
    part = _PART.validate_json(known.result_json or "")
    if part.outcome == "retried":
        raise ToolRetryError(part)
    if part.outcome == "failed":
        raise ToolFailedError(part)
    return part.content


async def bounded(work: "asyncio.Task[T]", grace_seconds: float) -> T:
    """Await a task; when cancelled, give it that long to end, then leave it to itself (T-7)."""
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        work.cancel()
        try:
            await asyncio.wait([work], timeout=max(grace_seconds, _UNWINDING_SECONDS))
        finally:
            work.add_done_callback(_forget)
        raise


def _forget(work: "asyncio.Task[Any]") -> None:
    """What an abandoned task raises later is nobody's."""
    if not work.cancelled():
        work.exception()
