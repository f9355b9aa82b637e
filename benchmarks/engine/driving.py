"""A run that a benchmark keeps alive and drives: change a key from outside, wait for the frame that renders it."""

import asyncio
import re
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smithers_persistence import connection
from smithers_py.engine.launch import StopRequest
from smithers_py.engine.observer import FrameReport, NullObserver
from smithers_py.engine.run import Limits, Run
from smithers_py.engine.triggers import Trigger
from smithers_py.state.actions import Batch, Set
from smithers_py.state.codec import encode
from smithers_py.testing import run_plan

_VALUE = re.compile(r"x'((?:[0-9a-fA-F]{2})*)'|'((?:[^']|'')*)'|(?<![\w.$/-])(-?\d+(?:\.\d+)?)")


class Driven(StopRequest, NullObserver):
    """One execution: `async with Driven(app, folder) as run: await run.change("key", 1)`."""

    def __init__(self, app: Any, folder: Path) -> None:
        super().__init__()
        self.engine: Run | None = None
        self.reports: list[FrameReport] = []
        self.statements: list[str] | None = None
        """What SQLite executes, values filled in, while it is a list."""
        self._app = app
        self._db_path = folder / "db.sqlite"
        self._news = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None

    def attach(self, run: Run) -> None:
        """Called by the engine before its first frame."""
        self.engine = run
        writer = run.store.db._writer
        assert writer is not None
        connection.submit(writer, lambda conn: conn.set_trace_callback(self._trace))
        super().attach(run)

    def frame(self, report: FrameReport) -> None:
        """Called by the engine for each frame."""
        self.reports.append(report)
        self._news.set()

    def _trace(self, statement: str) -> None:
        if self.statements is not None:
            self.statements.append(statement)

    async def __aenter__(self) -> Self:
        limits = Limits(idle_timeout_ms=3_600_000)
        running = run_plan(self._app, db_path=self._db_path, limits=limits, observer=self, stop=self)
        self._task = asyncio.ensure_future(running)
        await self._rendered()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self.request(now=True)
        await self._task

    async def change(self, key: str, value: Any) -> dict[str, float]:
        """Set a key as an operator would; the phase times in ms of the frame that rendered what reads it."""
        assert self.engine is not None
        run = self.engine
        action = Set(key, *encode(key, value))
        run.operator.append(Batch(None, None, "set", [action], run.next_frame, "operator"))
        run.post(Trigger("operator", key))
        await self._rendered()
        assert run.times is not None
        return run.times.ms

    async def _rendered(self) -> None:
        """Wait for a frame that changed the plan, and for its write."""
        assert self._task is not None
        while not (self.reports and self.reports[-1].patches):
            self._news.clear()
            waiting = asyncio.ensure_future(self._news.wait())
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if self._task.done():
                raise RuntimeError(f"the run ended: {self._task.result()}")
        self.reports.clear()
        # Frames share a transaction with the next one, if that is due; here none is.
        while self.engine is not None and (self.engine.held or not self.engine.idle):  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0)


def value_bytes(statement: str) -> int:
    """Bytes of the values in one traced statement: texts as UTF-8, blobs, numbers as their digits."""
    total = 0
    for blob, text, number in _VALUE.findall(statement):
        total += len(blob) // 2 + len(text.encode()) + len(number)
    return total


def file_bytes(path: Path) -> int:
    """Size of a closed database, in bytes."""
    leftover = path.with_name(path.name + "-wal")
    assert not leftover.exists() or leftover.stat().st_size == 0
    return path.stat().st_size


def table_bytes(path: Path) -> dict[str, int]:
    """Bytes of the pages of each table and index, largest first; SQLite's own dbstat."""
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as conn:
        rows = conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC").fetchall()
    conn.close()
    return dict(rows)
