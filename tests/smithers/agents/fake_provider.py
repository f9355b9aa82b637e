"""What the tests of agents share: a model on a loopback server, and the engine's end of a task, recorded."""

from collections.abc import Sequence
from typing import Any

from smithers_persistence.records import AgentSession
from smithers_persistence.rows import AgentRow, ToolCallRow
from smithers_py.loopback import Loopback
from smithers_py.state.actions import Action
from smithers_py.workers.control import Answer, AskRequest


def model_on(server: Loopback, name: str = "claude-sonnet-5-5") -> Any:
    """An Anthropic model object whose client talks to the server."""
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    return AnthropicModel(name, provider=AnthropicProvider(api_key="a test's key", base_url=server.url))


class Recorder:
    """A Control that keeps what was emitted."""

    task_id = "t"
    attempt = 1

    def __init__(self, stored: AgentSession | None = None) -> None:
        self.stored = stored
        self.rows: list[AgentRow] = []
        """Every checkpoint, the end last."""
        self.asked: list[AskRequest] = []
        self.answer = Answer(approved=True)
        self.events: list[tuple[str, dict[str, Any]]] = []

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        self.events.append((kind, payload))

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        raise AssertionError("an agent starts no process")

    async def ask(self, request: AskRequest) -> Answer:
        self.asked.append(request)
        return self.answer

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        self.events.append(("blocked", {"reason": reason, "until": until_ms}))

    async def load_session(self) -> AgentSession | None:
        return self.stored

    async def forget_session(self) -> None:
        self.stored = None

    async def checkpoint(self, row: AgentRow, wrote: ToolCallRow | None = None, actions: Sequence[Action] = ()) -> None:
        self.rows.append(row)

    def ends_with(self, row: AgentRow) -> None:
        self.rows.append(row)

    @property
    def messages(self) -> list[str]:
        """What was stored of the conversation."""
        return [message.message_json for row in self.rows for message in row.messages]

    def payloads(self, kind: str) -> list[dict[str, Any]]:
        return [payload for emitted, payload in self.events if emitted == kind]

    @property
    def text(self) -> str:
        return "".join(payload["text"] for payload in self.payloads("text"))
