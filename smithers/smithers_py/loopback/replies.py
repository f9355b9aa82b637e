"""What a brain may answer: words and tool calls, or one of the ways in which a provider fails."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from smithers_py.loopback.conversation import Request, ToolCall


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request, as the provider counts them. `input` includes neither of the cache's."""

    input: int
    output: int
    cache_read: int = 0
    cache_write: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What the model says. Without `usage` it is counted from the texts, four characters to a token."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: str = ""
    structured: Any = None
    """The answer in the request's schema: sent through its output tool, or as JSON text when it has none."""
    usage: Usage | None = None
    delay: float = 0.0
    """Seconds before the first byte."""
    pace: float = 0.0
    """Seconds between the pieces of a stream."""
    break_after: int | None = None
    """Pieces of the stream after which the connection breaks (a whole answer breaks in the middle of its body)."""
    break_with: str = ""
    """An error type to send in the stream before it ends, such as "overloaded_error"; else it just breaks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An answer that is none: an HTTP error, or with status 0 a connection that is dropped or never answered."""

    status: int
    type: str = "api_error"
    message: str = "no"
    retry_after: float | None = None
    """Seconds, as the `retry-after` header."""
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    """Seconds before it."""
    silent: bool = False
    """With status 0: say nothing until the client goes away."""


Brain = Callable[[Request], "Reply | Failure | str"]
"""Answers a request; a string is said. It is called from a thread of its own for each request, so it may block."""


def say(text: str, **how: Any) -> Reply:
    """Words. `how` is any field of Reply."""
    return Reply(text=text, **how)


def call(name: str, /, **args: Any) -> Reply:
    """One tool call; for several, or words beside it, make a Reply."""
    return Reply(tool_calls=(ToolCall(name, args),))


def answer(value: Any, **how: Any) -> Reply:
    """The answer in the request's schema, as JSON data. `how` is any field of Reply."""
    return Reply(structured=value, **how)


def rate_limited(retry_after: float | None = 1.0) -> Failure:
    """429 with Retry-After in seconds, None for without."""
    return Failure(status=429, type="rate_limit_error", message="too many requests", retry_after=retry_after)


def out_of_quota(status: Literal[402, 429] = 402) -> Failure:
    """The money is spent: 402, or OpenAI's 429 with code insufficient_quota."""
    kind = "billing_error" if status == 402 else "insufficient_quota"
    return Failure(status=status, type=kind, message="your credit balance is too low")


def server_error(status: int = 500) -> Failure:
    """A 5xx."""
    return Failure(status=status, type="api_error", message="internal server error")


def overloaded() -> Failure:
    """Anthropic's 529."""
    return Failure(status=529, type="overloaded_error", message="overloaded")


def drop() -> Failure:
    """The connection is closed without an answer."""
    return Failure(status=0)


def hang() -> Failure:
    """No answer until the client goes away: the way to a timeout, or to a request in flight when it is cancelled."""
    return Failure(status=0, silent=True)


def settled(said: "Reply | Failure | str", request: Request) -> Reply | Failure:
    """The brain's answer with everything filled in: `structured` in its place, each call with its id, usage counted.

    Raises TypeError when it is none.
    """
    if isinstance(said, str):
        said = Reply(text=said)
    if isinstance(said, Failure):
        return said
    if not isinstance(said, Reply):  # pyright: ignore[reportUnnecessaryIsInstance] - the brain is the user's code
        kind = type(said).__name__
        raise TypeError(f"a brain returns a Reply, a Failure or a string, not {kind}")
    text, calls = said.text, said.tool_calls
    if said.structured is not None:
        if request.output_tool:
            value = said.structured if isinstance(said.structured, Mapping) else {"response": said.structured}
            calls = (*calls, ToolCall(request.output_tool, value))
        else:
            text = json.dumps(said.structured)
    # The same in a conversation that is told again after a crash; unlike those of other turns.
    named = tuple(
        one if one.id else ToolCall(one.name, one.args, f"call_{request.turn}_{index}")
        for index, one in enumerate(calls)
    )
    usage = said.usage or _counted(request, text, said.thinking, named)
    return Reply(
        text=text,
        tool_calls=named,
        thinking=said.thinking,
        usage=usage,
        delay=said.delay,
        pace=said.pace,
        break_after=said.break_after,
        break_with=said.break_with,
    )


def _counted(request: Request, text: str, thinking: str, calls: tuple[ToolCall, ...]) -> Usage:
    told = sum(
        len(message.text) + sum(len(result.text) for result in message.tool_results) + _length(message.tool_calls)
        for message in request.messages
    )
    listed = sum(len(tool.name) + len(tool.description) + len(json.dumps(tool.parameters)) for tool in request.tools)
    return Usage(
        _tokens(told + len(request.system) + listed),
        _tokens(len(text) + len(thinking) + _length(calls)),
    )


def _length(calls: tuple[ToolCall, ...]) -> int:
    return sum(len(one.name) + len(json.dumps(one.args)) for one in calls)


def _tokens(characters: int) -> int:
    return max(1, -(-characters // 4))
