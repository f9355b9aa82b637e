"""What a worker may tell the engine while it works."""

from typing import Any, Protocol


class Control(Protocol):
    """The engine's end of one running task; the engine implements it, workers only call it."""

    task_id: str

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Record one stream event; `kind` is stdout, stderr, text, tool or usage.

        Must return at once and may be called from any thread.
        """
        ...

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        """Commit the identity of the task's process group; the program starts only after this returned (Z-10)."""
        ...
