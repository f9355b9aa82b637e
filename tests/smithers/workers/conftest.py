"""The engine's end of a running task, for tests."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest


class Recorder:
    """A Control that keeps what it is told, and lets a test wait for a line."""

    task_id = "t"

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.processes: list[tuple[int, int, str, str]] = []
        self.on_record: Callable[[int], Any] = lambda pid: None
        self._came: dict[str, asyncio.Event] = {}

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        self.events.append((kind, payload))
        if payload["line"] in self._came:
            self._came[payload["line"]].set()

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        self.processes.append((pid, pgid, start_time, boot_id))
        outcome = self.on_record(pid)
        if asyncio.iscoroutine(outcome):
            await outcome

    def lines(self, kind: str) -> list[str]:
        return [payload["line"] for emitted, payload in self.events if emitted == kind]

    async def line(self, text: str) -> None:
        if not any(payload["line"] == text for _, payload in self.events):
            await self._came.setdefault(text, asyncio.Event()).wait()


@pytest.fixture
def control() -> Recorder:
    return Recorder()
