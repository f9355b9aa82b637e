"""What a worker may tell the engine while it works."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from smithers_persistence.records import AgentSession
from smithers_persistence.rows import AgentRow, ToolCallRow
from smithers_py.state.actions import Action

AskKind = Literal["file_edit", "command_exec", "external_api", "human_review"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskRequest:
    """A question to a person (P-1). The same `key` asked again, after a restart too, is the same question."""

    key: str
    """Which question of this task: a tool call's id, "" for a Human node."""
    kind: AskKind
    title: str
    """One line: what will happen if the answer is yes."""
    payload: dict[str, Any]
    """JSON: `diff`, `command`, `tool` and `args`, or a Human's `message` and `schema`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the person said. `output` is the typed answer of a Human with a schema, as JSON data."""

    approved: bool
    comment: str | None = None
    output: Any = None
    by: str | None = None


class ProcessControl(Protocol):
    """Who is told of a program that runs."""

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Record one stream event; `kind` is stdout, stderr, text, tool, retry or usage.

        Must return at once and may be called from any thread.
        """
        ...

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        """Commit the identity of the task's process group; the program starts only after this returned (Z-10)."""
        ...


class Control(ProcessControl, Protocol):
    """The engine's end of one running task; the engine implements it, workers only call it."""

    task_id: str

    async def ask(self, request: AskRequest) -> Answer:
        """Ask a person and wait for the answer, however long; only this node is blocked meanwhile (P-2).

        The question is durable: an answer given while no engine ran is found when it is asked again.
        """
        ...

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        """Show the node as blocked(reason), until a wall clock time in ms if one is known; None: it goes on (E-3).

        A blocked task holds none of the slots that bound how many run at once. Must be called on the engine's thread.
        """
        ...


class AgentControl(Control, Protocol):
    """What an agent needs besides: its durable conversation (G-3), found by the incarnation of its node."""

    attempt: int
    """This attempt's number, from 1."""

    async def load_session(self) -> AgentSession | None:
        """What earlier attempts said and did; None when there was none."""
        ...

    async def forget_session(self) -> None:
        """Drop the messages and tool calls of earlier attempts."""
        ...

    async def checkpoint(self, row: AgentRow, wrote: ToolCallRow | None = None, actions: Sequence[Action] = ()) -> None:
        """Store the run as it stands, in one durable transaction. `actions` are the state writes of the call `wrote`:
        journaled with it, applied by the next flush (Z-0).
        """
        ...

    def ends_with(self, row: AgentRow) -> None:
        """The run is over: the record of the attempt's end takes this along."""
        ...
