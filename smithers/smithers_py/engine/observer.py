"""How a front watches an execution that runs in its own process.

A front gets exactly what the frame store gets: the patches of each frame and the statuses that changed, so a live tree
and a stored one are built from the same deltas.
"""

from dataclasses import dataclass, field
from typing import Any, Protocol

from smithers_py.engine.results import RunResult


@dataclass(frozen=True, slots=True)
class FrameReport:
    """One committed frame: `patches` as stored, `statuses` as (node_id, status, detail)."""

    index: int
    patches: list[list[Any]] = field(default_factory=list)
    statuses: list[tuple[str, str, str | None]] = field(default_factory=list)


class Observer(Protocol):
    """Called on the engine's thread; an implementation must return at once (mark dirty, draw elsewhere)."""

    def started(self, execution_id: str, name: str) -> None:
        """The execution was created."""
        ...

    def frame(self, report: FrameReport) -> None:
        """A frame was committed."""
        ...

    def output(self, node_id: str, stream: str, line: str) -> None:
        """What a task does, by `stream`: a line of stdout or stderr; a piece of an agent's text; the tool it calls, ""
        when that has ended; under "usage" its tokens so far, in and out.
        """
        ...

    def log(self, level: str, message: str) -> None:
        """Something a person should know: a result was ignored; for level "error" the error's own `render()`."""
        ...

    def ended(self, result: RunResult) -> None:
        """The execution ended; nothing follows."""
        ...


class NullObserver:
    """Watches nothing."""

    def started(self, execution_id: str, name: str) -> None:
        """Ignored."""

    def frame(self, report: FrameReport) -> None:
        """Ignored."""

    def output(self, node_id: str, stream: str, line: str) -> None:
        """Ignored."""

    def log(self, level: str, message: str) -> None:
        """Ignored."""

    def ended(self, result: RunResult) -> None:
        """Ignored."""
