"""Following a tailed table: a cursor is the last number seen, rows are the truth, wake-ups are empty (DESIGN §5)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from operator import attrgetter
from types import TracebackType
from typing import Generic, TypeVar

from smithers_persistence import reads
from smithers_persistence.database import Database
from smithers_persistence.records import EventRecord, StreamRecord
from smithers_persistence.sql import Q

POLL_SECONDS = 0.05


R = TypeVar("R")
Fetch = Callable[[sqlite3.Connection, int, int], list[R]]


class Tail(Generic[R]):
    """Rows as they are committed, by this process (at once) or another (within POLL_SECONDS): none lost, none twice.

    Use it as a context manager, or call `close`.
    """

    def __init__(self, db: Database, fetch: Fetch[R], number: Callable[[R], int], after: int = 0) -> None:
        self.cursor = after
        self._number = number
        self._db = db
        self._fetch = fetch
        self._wake = asyncio.Event()
        self._version: int | None = None
        self._unsubscribe: Callable[[], None] | None = db.on_commit(self._wake.set)

    async def next(self, limit: int = 1000) -> list[R]:
        """The next rows, at least one, in order; waits for them. Safe to cancel: the cursor moves with the answer.

        Raises the errors of `Database.read`.
        """
        while True:
            self._wake.clear()
            rows = await self.poll(limit)
            if rows:
                return rows
            await self._committed()

    async def poll(self, limit: int = 1000) -> list[R]:
        """The next rows that are there already."""
        after = self.cursor
        self._version, rows = await self._db.read(lambda conn: (data_version(conn), self._fetch(conn, after, limit)))
        if rows:
            self.cursor = self._number(rows[-1])
        return rows

    async def _committed(self) -> None:
        """Until this process commits, or another process did since the last look."""
        while True:
            try:
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
            except TimeoutError:
                if await self._db.read(data_version) == self._version:
                    continue
            return

    def close(self) -> None:
        """Stop listening. Idempotent."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def __enter__(self) -> Tail[R]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def tail_events(db: Database, execution_id: str, after: int = 0) -> Tail[EventRecord]:
    """Follow an execution's events, from the one numbered `after` on."""
    return Tail(db, lambda conn, last, limit: reads.events(conn, execution_id, last, limit), attrgetter("seq"), after)


def tail_stream(db: Database, execution_id: str, after: int = 0) -> Tail[StreamRecord]:
    """Follow what an execution's tasks stream, from the row with the id `after` on."""
    return Tail(
        db, lambda conn, last, limit: reads.stream_events(conn, execution_id, last, limit), attrgetter("id"), after
    )


def data_version(conn: sqlite3.Connection) -> int:
    """Changes whenever another connection committed, in this process or another."""
    return conn.execute(Q["data_version"]).fetchone()[0]
