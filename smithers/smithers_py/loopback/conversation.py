"""What a brain is asked: one conversation, in the same form whichever protocol it came by."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Protocol = Literal["anthropic", "openai-chat", "openai-responses"]
Role = Literal["user", "assistant"]

OUTPUT_TOOL = "final_result"
"""What PydanticAI calls the tool through which a model gives its answer in a schema."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call a model makes. An empty `id` is filled by the server, the same for the same place in a conversation."""

    name: str
    args: Mapping[str, Any]
    id: str = ""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave, with the call's name and arguments."""

    id: str
    name: str
    args: Mapping[str, Any]
    text: str
    is_error: bool = False
    """Whether the client marked it so; only the Anthropic protocol can."""

    def json(self) -> Any:
        """The text read as JSON. Raises ValueError."""
        return json.loads(self.text)


@dataclass(frozen=True, slots=True)
class Message:
    """One turn. A user's may carry tool results beside text, an assistant's tool calls."""

    role: Role
    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool the model may call; `parameters` is its JSON schema."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request of a client: the whole conversation so far."""

    protocol: Protocol
    model: str
    system: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...]
    schema: Mapping[str, Any] | None
    """The JSON schema the answer has to fit: the provider's own structured output, or the output tool's parameters."""
    output_tool: str | None
    """The tool that takes the answer, None when it is given as text."""
    stream: bool
    raw: Mapping[str, Any]
    """The body as it came."""
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def prompt(self) -> str:
        """What the user said first."""
        return next((message.text for message in self.messages if message.role == "user" and message.text), "")

    @property
    def turn(self) -> int:
        """How often the model has answered in this conversation."""
        return sum(message.role == "assistant" for message in self.messages)

    @property
    def last(self) -> Message:
        """The turn to be answered."""
        return self.messages[-1]

    def results(self, *names: str) -> tuple[ToolResult, ...]:
        """The results of these tools (none: of all) in this conversation, the oldest first."""
        found = (result for message in self.messages for result in message.tool_results)
        return tuple(result for result in found if not names or result.name in names)

    def has_tool(self, name: str) -> bool:
        """Whether the model may call it."""
        return any(tool.name == name for tool in self.tools)


class Turns:
    """Collects a conversation: joins what one side says in a row, and gives each result its call's name."""

    def __init__(self) -> None:
        self._done: list[Message] = []
        self._calls: dict[str, ToolCall] = {}

    def add(self, role: Role, text: str = "", calls: tuple[ToolCall, ...] = ()) -> None:
        """Something said, or called."""
        self._calls.update((call.id, call) for call in calls)
        self._join(Message(role, text, calls))

    def result(self, call_id: str, text: str, *, is_error: bool = False) -> None:
        """What a call gave; the client says only its id."""
        call = self._calls.get(call_id, ToolCall("", {}, call_id))
        self._join(Message("user", "", (), (ToolResult(call_id, call.name, call.args, text, is_error),)))

    def messages(self) -> tuple[Message, ...]:
        """All of it so far."""
        return tuple(self._done)

    def _join(self, new: Message) -> None:
        last = self._done[-1] if self._done else None
        if last is None or last.role != new.role:
            self._done.append(new)
            return
        text = "\n".join(filter(None, (last.text, new.text)))
        calls, results = last.tool_calls + new.tool_calls, last.tool_results + new.tool_results
        self._done[-1] = Message(last.role, text, calls, results)


def text_of(content: Any) -> str:
    """The words in a `content`: a string, or a list of parts of which those with a `text` count."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        parts: list[Any] = content  # pyright: ignore[reportUnknownVariableType]
        return "\n".join(filter(None, (text_of(part) for part in parts)))
    return str(content.get("text") or "")


def arguments(text: str | None) -> Mapping[str, Any]:
    """A call's arguments as an object; what is no object is kept under "", for a client may send back what was bad."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {"": text}
    return found if isinstance(found, dict) else {"": found}


def answer_place(
    tools: tuple[Tool, ...], schema: Mapping[str, Any] | None
) -> tuple[Mapping[str, Any] | None, str | None]:
    """The schema of the answer, and the output tool's name if there is one."""
    for tool in tools:
        if tool.name.startswith(OUTPUT_TOOL):
            return tool.parameters, tool.name
    return schema, None
