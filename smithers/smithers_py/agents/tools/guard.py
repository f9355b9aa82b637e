"""The policy in front of every tool (G-5, P-1): asks a person where it says so, tells the model what was refused."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

import orjson
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.messages import BinaryContent, ModelResponse, ToolReturn
from pydantic_ai.tools import RunContext
from pydantic_ai.toolsets import AbstractToolset, ToolsetTool, WrapperToolset
from pydantic_core import PydanticSerializationError, to_jsonable_python

from smithers_py.agents.tools.confine import Refused
from smithers_py.agents.tools.grant import granted
from smithers_py.agents.tools.review import Review, Reviewer
from smithers_py.workers.capture import HeadTail
from smithers_py.workers.control import AskRequest, Control

RESULT_CHARS = 60_000
"""What the model gets of a tool's result, half from its beginning and half from its end."""
_SHOWN_CHARS = 300


@dataclass
class PolicyToolset(WrapperToolset[Any]):
    """Decides on every call, asks, records, and bounds what comes back."""

    reviewer: Reviewer
    control: Control
    public_name: Callable[[str], str]
    redact: Callable[[str], str]

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> Any:
        record = _Record(self.control, self.public_name(name), ctx.tool_call_id or name, tool_args)
        try:
            review = await self.reviewer.review(record.tool, tool_args)
            review = await self._agreed(review, record, _turn(ctx))
        except Refused as refusal:
            record.refused(str(refusal), by="confinement")
            raise ToolFailed(str(refusal)) from refusal
        token = granted.set(review.grant)
        try:
            return self._told(record.tool, await self.wrapped.call_tool(name, tool_args, ctx, tool))
        except Refused as refusal:
            record.refused(str(refusal), by="confinement")
            raise ToolFailed(str(refusal)) from refusal
        finally:
            granted.reset(token)

    async def _agreed(self, review: Review, record: "_Record", turn: int) -> Review:
        """The review as it stands after a person was asked, if one has to be; raises ToolFailed when it is a no."""
        if review.decision == "deny":
            record.refused("denied by the policy", by="policy")
            raise ToolFailed(f"denied by the policy: {record.tool} may not be called so")
        if review.decision == "allow":
            return review
        # Ids are the provider's, and some give the same again: a yes must not be found by another call.
        key = f"{turn}/{record.call_id}/{_digest(review.payload)}"
        request = AskRequest(key=key, kind=review.kind, title=review.title, payload=review.payload)
        answer = await self.control.ask(request)
        if not answer.approved:
            message = f"denied by {answer.by or 'a person'}" + (f": {answer.comment}" if answer.comment else "")
            record.refused(message, by=answer.by or "person")
            raise ToolFailed(message)
        if review.grant is None:
            return review
        return replace(review, grant=replace(review.grant, approved=True))

    def _told(self, tool: str, result: Any) -> Any:
        """The result as JSON data of a bounded size, without secrets of the environment; what JSON cannot hold fails
        the call, not the whole run.
        """
        if isinstance(result, ToolReturn | BinaryContent) or _holds_binary(result):
            return result
        try:
            value = result if isinstance(result, str) else to_jsonable_python(result)
            text = value if isinstance(value, str) else orjson.dumps(value).decode()
        except (PydanticSerializationError, TypeError, ValueError) as error:
            raise ToolFailed(f"{tool} returned something that cannot be written as JSON: {error}") from error
        safe = self.redact(text)
        if len(safe) > RESULT_CHARS:
            kept = HeadTail(RESULT_CHARS)
            kept.add(safe)
            return kept.text()
        if safe == text:
            return value
        return safe if isinstance(value, str) else orjson.loads(safe)


class _Record:
    """The `tool` events that tell of a refusal; start and end of a call are told by whoever records it."""

    def __init__(self, control: Control, tool: str, call_id: str, args: dict[str, Any]) -> None:
        self.tool = tool
        self.call_id = call_id
        self._control = control
        self._args = args

    def refused(self, reason: str, *, by: str) -> None:
        """`reason` is what the model is told, `by` who refused: a person, `policy`, or `confinement`."""
        args = {name: shortened(value) for name, value in self._args.items()}
        about = {"tool": self.tool, "call_id": self.call_id, "args": args}
        self._control.emit("tool", {"phase": "refused", **about, "refused": reason, "by": by})


def policy_toolset(
    inner: AbstractToolset[Any],
    reviewer: Reviewer,
    control: Control,
    public_name: Callable[[str], str],
    redact: Callable[[str], str],
) -> AbstractToolset[Any]:
    """`inner` with the policy in front; `redact` takes secrets out of what tools return."""
    return PolicyToolset(inner, reviewer, control, public_name, redact)


def _turn(ctx: RunContext[Any]) -> int:
    """Which answer of the conversation makes the call; the same when the conversation is gone on with."""
    return sum(isinstance(message, ModelResponse) for message in ctx.messages)


def _digest(payload: dict[str, Any]) -> str:
    return sha256(orjson.dumps(payload, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def shortened(value: Any) -> Any:
    """A tool's argument as events show it."""
    if isinstance(value, bool | int | float) or value is None:
        return value
    text = value if isinstance(value, str) else orjson.dumps(value, default=str).decode()
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}… ({len(text) - _SHOWN_CHARS} more characters)"


def _holds_binary(result: Any) -> bool:
    return isinstance(result, list) and any(isinstance(one, BinaryContent) for one in result)
