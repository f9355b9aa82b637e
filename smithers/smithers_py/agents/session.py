"""One attempt's hold on a durable conversation (G-3): what was said before, and what is to be stored of it now.

A checkpoint is one fenced transaction: the messages since the last one (never the whole history), the tool calls as
they stand, and the run's row with its usage. What a model answered is stored with whatever comes of it first: the first
tool call that it makes, the question that this call asks a person, the next request, or the end of the attempt. Only
then does anything act on it, so a crash before repeats one request and nothing else. A tool call's result is stored
before the model hears of it.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import orjson

from smithers_persistence.records import AgentRecord, AgentSession, ToolCallRecord
from smithers_persistence.rows import AgentRow, MessageRow, ToolCallRow
from smithers_py.agents.deadline import Deadline
from smithers_py.agents.stream import call_json, usage_json
from smithers_py.errors import AgentError
from smithers_py.state.actions import Action
from smithers_py.workers.control import AgentControl, Answer, AskRequest

if TYPE_CHECKING:
    from pydantic_ai.messages import ModelMessage, ModelResponse
    from pydantic_ai.usage import RunUsage

ResumeMode = Literal["continue", "restart", "fail"]
_LONGEST_ARGS = 2_000


@dataclass(slots=True)
class _OpenCall:
    """A tool call under way in this attempt."""

    row: ToolCallRow
    started: float


class Session:
    """See the module. Made by `open_session`; everything runs on the engine's thread.

    For tools and models it is the Control of their task: what they ask a person about is stored first.
    """

    def __init__(self, control: AgentControl, model: str, stored: AgentSession, clock: Callable[[], int]) -> None:
        from pydantic_ai.messages import ModelMessagesTypeAdapter

        self.task_id = control.task_id
        self.emit = control.emit
        self.record_process = control.record_process
        self.model = model
        self._control = control
        self.history: list[ModelMessage] = ModelMessagesTypeAdapter.validate_json(f"[{','.join(stored.messages)}]")
        """What was said in earlier attempts; ends with an answer of the model."""
        self.usage, self._before = _usage_so_far(stored.attempts, control.attempt)
        """Counts of the whole conversation; PydanticAI counts on in it. A row holds those of its attempt alone."""
        self._stored = len(self.history)
        self._known = {call.call_id: call for call in stored.tools if call.turn == self._stored - 1}
        self._messages: list[MessageRow] = []
        self._tools: dict[str, ToolCallRow] = {}
        self._open: dict[str, _OpenCall] = {}
        self._clock = clock
        self._started = clock()
        self._asked = time.monotonic()
        self._answers = 0
        self.turns_before = self._before.requests
        """Requests that do not count against this attempt's turns."""
        self.closed = False
        self.deadline = Deadline(None)
        """Of the run; it stands still while this waits."""

    # -- the model --------------------------------------------------------------------------------------------------

    async def asking(self) -> None:
        """A request is about to be sent: everything before it is stored first."""
        await self.settle()
        self._asked = time.monotonic()

    def answered(self, messages: "Sequence[ModelMessage]", response: "ModelResponse") -> dict[str, Any]:
        """The model answered `messages`; returns what a `usage` event says of it (G-7)."""
        self.model = response.model_name or self.model
        self._answers += 1
        new = [*messages[self._stored :], response]
        for message in new:
            self._messages.append(MessageRow(self._stored, message_text(message)))
            self._stored += 1
        self._known = {}
        took = round((time.monotonic() - self._asked) * 1000)
        return {**usage_json(self._total()), "call": call_json(response, took)}

    def cut_short(self, response: "ModelResponse") -> None:
        """An answer that ended in the middle: it is no part of the conversation, but it has cost its tokens."""
        self.model = response.model_name or self.model
        self.usage.incr(response.usage)
        self._answers += 1

    # -- tools ------------------------------------------------------------------------------------------------------

    def known(self, call_id: str) -> ToolCallRecord | None:
        """A call of the last answer that an earlier attempt has begun, or refused."""
        return self._known.get(call_id)

    async def tool_started(self, call_id: str, tool: str, args: dict[str, Any], *, safe: bool) -> None:
        """The call is about to run: stored as open, with what the model had answered."""
        text = _short_json(args)
        if self.closed:
            raise asyncio.CancelledError
        row = ToolCallRow(self._stored - 1, call_id, tool, "open", self._clock(), safe, args_json=text)
        self._tools[call_id] = row
        self._open[call_id] = _OpenCall(row, time.monotonic())
        await self.settle()
        self._control.emit("tool", {"phase": "start", "tool": tool, "call_id": call_id, "args": text})

    async def tool_ended(
        self,
        call_id: str,
        tool: str,
        result_json: str | None,
        *,
        status: Literal["done", "failed"] = "done",
        error: str | None = None,
        actions: Sequence[Action] = (),
    ) -> None:
        """Store the result, and what the tool wrote, before the model hears of it. A call that never ran was denied."""
        if self.closed:
            return
        begun = self._open.pop(call_id, None)
        now = self._clock()
        if begun is None:
            row = ToolCallRow(self._stored - 1, call_id, tool, "denied", now, ended_at=now, result_json=result_json)
        else:
            row = replace(begun.row, status=status, ended_at=now, result_json=result_json)
            took = round((time.monotonic() - begun.started) * 1000)
            ended: dict[str, Any] = {"phase": "end", "tool": tool, "call_id": call_id, "ms": took}
            self._control.emit("tool", ended | ({"error": error} if error else {}))
        self._tools[call_id] = row
        await self.settle(row if actions else None, actions)

    async def ask(self, request: AskRequest) -> Answer:
        """Ask a person, after storing what the question is about."""
        await self.settle()
        # A provider may use an id again in a later turn; the yes to one command is no yes to another.
        key = f"{self._stored - 1}/{request.key}"
        self.deadline.hold(key)
        try:
            return await self._control.ask(replace(request, key=key))
        finally:
            self.deadline.go_on(key)

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        """The request waits for its turn, or (None) goes on."""
        (self.deadline.go_on if reason is None else self.deadline.hold)("blocked")
        self._control.blocked(reason, until_ms)

    # -- storing ----------------------------------------------------------------------------------------------------

    async def settle(self, wrote: ToolCallRow | None = None, actions: Sequence[Action] = ()) -> None:
        """Store what is pending; nothing to do when nothing is."""
        if self.closed or not (self._messages or self._tools):
            return
        await self._control.checkpoint(self.row("running"), wrote, actions)

    def row(self, status: str, **more: Any) -> AgentRow:
        """The run's row as it stands, which takes along what is pending."""
        messages, self._messages = self._messages, []
        tools, self._tools = list(self._tools.values()), {}
        own = self._total() - self._before
        cost = own.cost
        return AgentRow(
            run_id=f"{self._control.task_id}/{self._control.attempt}",
            model=self.model,
            status=status,
            usage_json=json.dumps(usage_json(own)),
            cost_usd=None if cost is None else float(cost),
            started_at=self._started,
            messages=messages,
            tools=tools,
            **more,
        )

    def end(self, status: str, **more: Any) -> None:
        """The attempt is over: its end record takes along what is pending. A tool that goes on stores nothing more."""
        if not self.closed:
            self.closed = True
            self._control.ends_with(self.row(status, ended_at=self._clock(), **more))

    def _total(self) -> "RunUsage":
        """PydanticAI counts a request when it has looked at its answer, which is after we did."""
        requests = max(self.usage.requests, self._before.requests + self._answers)
        return self.usage if requests == self.usage.requests else replace(self.usage, requests=requests)


async def open_session(control: AgentControl, model: str, mode: ResumeMode, clock: Callable[[], int]) -> Session:
    """The conversation of this node's incarnation, as `mode` wants it.

    Raises AgentError: the mode is "fail" and the conversation was interrupted.
    """
    stored = await control.load_session()
    if stored is None or not stored.messages:
        return Session(control, model, AgentSession([], [], stored.attempts if stored else []), clock)
    if mode == "fail" and any(run.status == "interrupted" for run in stored.attempts):
        raise AgentError(
            f"the conversation with model {model!r} was interrupted after {len(stored.messages)} messages",
            retryable=False,
            hint='resume="continue" goes on where it was, resume="restart" begins again.',
        )
    if mode == "restart":
        await control.forget_session()
        session = Session(control, model, AgentSession([], [], stored.attempts), clock)
        session.turns_before = session.usage.requests
        return session
    return Session(control, model, _answerable(stored), clock)


def message_text(message: "ModelMessage") -> str:
    """A message as stored: PydanticAI's JSON without the fields that say nothing, which are half of a short one."""
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    (data,) = orjson.loads(ModelMessagesTypeAdapter.dump_json([message]))
    data["parts"] = [_told(part) for part in data["parts"]]
    if "usage" in data:
        data["usage"] = {name: count for name, count in data["usage"].items() if count}
    return orjson.dumps(_told(data)).decode()


def _told(data: dict[str, Any]) -> dict[str, Any]:
    # A tool may have returned None, and the field has no default.
    return {name: value for name, value in data.items() if value is not None or name == "content"}


def _answerable(stored: AgentSession) -> AgentSession:
    """The history up to the last answer that calls tools: PydanticAI goes on from nothing else without a new prompt.

    Another last answer (not what the schema wants, or nothing at all) was about to be sent back for mending; it is
    asked for once more.
    """
    if '"part_kind":"tool-call"' in stored.messages[-1]:
        return stored
    return replace(stored, messages=stored.messages[:-1])


def _usage_so_far(attempts: Sequence[AgentRecord], attempt: int) -> "tuple[RunUsage, RunUsage]":
    """What all attempts used until now, and of this what attempts before this one did."""
    from decimal import Decimal

    from pydantic_ai.usage import RunUsage

    total, before = RunUsage(), RunUsage()
    for run in attempts:
        counts: dict[str, Any] = json.loads(run.usage_json or "{}")
        used = RunUsage(**counts, cost=None if run.cost_usd is None else Decimal(str(run.cost_usd)))
        total.incr(used)
        if run.attempt < attempt:
            before.incr(used)
    return total, before


def _short_json(args: dict[str, Any]) -> str:
    """The arguments as a person reads them; long texts are cut, for the message holds them whole."""
    text = json.dumps(args, ensure_ascii=False, default=str)
    if len(text) <= _LONGEST_ARGS:
        return text
    most = max(20, _LONGEST_ARGS // max(1, len(args)) - 40)
    cut = {
        name: f"{value[:most]}… ({len(value):,} characters)" if isinstance(value, str) and len(value) > most else value
        for name, value in args.items()
    }
    text = json.dumps(cut, ensure_ascii=False, default=str)
    return (
        text if len(text) <= 2 * _LONGEST_ARGS else json.dumps({"…": f"{len(text):,} characters"}, ensure_ascii=False)
    )
