"""Why a turn is run (F-7, R-7): each frame row keeps its ordered list of these."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["start", "task", "flush", "progress", "file", "timer", "operator", "stop"]
THROTTLED = frozenset({"progress", "file"})
"""These wait up to 250 ms for company; all others open a frame at once."""
PROGRESS = frozenset({"start", "task", "file", "timer", "operator"})
"""What counts as progress for the storm guard (F-9): anything but the plan reacting to itself."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """One reason for a frame: its kind, and what of that kind (a node id, a path, keys)."""

    kind: Kind
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.detail}" if self.detail else self.kind
