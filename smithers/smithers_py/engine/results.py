"""What a handler gets: `on_finished(r)` and the events of containers (H-5)."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class TaskResult:
    """The result of a runnable. Fields that its kind does not have are None.

    `output`: a function's value, an agent's or command's text; `structured`: the schema's object; `usage`: tokens by
    kind; `cost`: USD; `duration_ms`: from claim to end of this attempt. Of a Human: `approved`, the person's `comment`,
    and `by` whom it was answered (user@host).
    """

    node_id: str
    output: Any = None
    structured: Any = None
    exit_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None
    usage: dict[str, Any] | None = None
    cost: float | None = None
    duration_ms: int = 0
    attempt: int = 1
    approved: bool | None = None
    comment: str | None = None
    by: str | None = None


@dataclass(frozen=True, slots=True)
class ContainerResult:
    """What `on_complete(r)` of a Phase, Step or loop gets. `reason` is "condition" or "max_iterations" for a loop."""

    node_id: str
    name: str | None = None
    reason: str | None = None
    iterations: int | None = None


@dataclass(frozen=True, slots=True)
class RunResult:
    """How an execution ended: what `smithers run --json` prints and `smithers_py.run` returns (Z-23)."""

    execution_id: str
    status: str
    exit_code: int
    frames: int
    duration_ms: int
    stop_reason: str | None = None
    summary: Any = None
    errors: list[dict[str, Any]] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The stable JSON shape; fields are added, never removed (Z-22)."""
        return {
            "execution_id": self.execution_id,
            "status": self.status,
            "exit_code": self.exit_code,
            "frames": self.frames,
            "duration_ms": self.duration_ms,
            "stop_reason": self.stop_reason,
            "summary": self.summary,
            "errors": self.errors,
        }
