"""One SQLite file, written by one connection and read by another: one await is one transaction (DESIGN §5).

A write is a function `fn(connection)` that runs whole on the database thread. Writers that arrive in the same turn of
the event loop, or while a batch is running, share the next transaction: a savepoint each, one commit. A cancelled
writer first waits for its outcome, so nothing is ever "maybe committed".

No asyncio task does the pumping, only callbacks: the end of `asyncio.run` cancels every task, and writers would wait
for a dead pump for ever.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

import aiosqlite
import orjson
import zstandard

from smithers_persistence import connection
from smithers_persistence.crash import crash_point, crash_points
from smithers_persistence.errors import DatabaseCorrupt, PersistenceError, StoreFailed
from smithers_persistence.file_guard import FileGuard

T = TypeVar("T")

MAX_BATCH = 256
IDLE_CHECKPOINT_SECONDS = 0.020
CHECKPOINT_EVERY = 32
"""Transactions, where the database is never idle for so long: what is in the file need not stay in the log, and a log
that is written over again is on the disk twice as soon as one that grows. SQLite's own checkpoint, every 1,000 pages,
is made within a COMMIT; ours while the engine works.
"""


@dataclass(slots=True)
class _Job(Generic[T]):
    """A write on its way. Writes land in the order in which they were sent."""

    fn: Callable[[sqlite3.Connection], T]
    durable: bool
    landed: Callable[[T], None] | None
    what: tuple[str, ...]
    """The crash points it passes."""
    underway: Callable[[], None] | None = None
    failed: Callable[[BaseException], None] | None = None
    """Set where nobody waits for the result."""
    outcome: connection.Outcome | None = None
    waiter: asyncio.Future[None] | None = None

    async def result(self) -> T:
        """What `fn` returned, once that is committed; waited for even when cancelled, which is raised afterwards.

        The waiter is awaited itself, not through `asyncio.wait`: that would be one more turn of the loop for every
        write. Raises as `Database.write`.
        """
        cancelled: asyncio.CancelledError | None = None
        while self.outcome is None:
            self.waiter = asyncio.get_running_loop().create_future()
            try:
                await self.waiter
            except asyncio.CancelledError as error:
                cancelled = error
        if cancelled is not None:
            raise cancelled
        if self.outcome.error is not None:
            raise self.outcome.error
        crash_points(self.what, "after")
        return self.outcome.value

    def run(self, conn: sqlite3.Connection) -> T:
        """What the database thread calls."""
        value = self.fn(conn)
        crash_points(self.what, "inside")
        return value


class Database:
    """An open database, bound to the event loop that opened it.

    Raises on open: DatabasePathError, DatabaseCorrupt, DatabaseTooNew, DatabaseBusy.
    """

    def __init__(self, path: Path, writer: aiosqlite.Connection | None, reader: aiosqlite.Connection) -> None:
        self.path = path
        self._guard = FileGuard(path)
        self._loop = asyncio.get_running_loop()
        self.failed: StoreFailed | None = None
        self.transactions = 0
        self._writer = writer
        self._reader = reader
        self._queue: list[_Job[Any]] = []
        self._running = False
        self._quiet: asyncio.Future[None] | None = None
        self._synchronous: str | None = None
        self._kick_scheduled = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._landed_at = 0.0
        self._unchecked = 0
        """Transactions since the last checkpoint of ours."""
        self._on_commit: list[Callable[[], None]] = []
        self._closing: asyncio.Future[None] | None = None

    @classmethod
    async def open(cls, path: Path, *, create: bool = True, read_only: bool = False) -> Database:
        """Open `path`, making it (0600) and its folder (0700) and migrating it unless read only.

        Raises DatabasePathError (no file, a folder or a file in the way, no permission, another program's database),
        DatabaseCorrupt, DatabaseTooNew, DatabaseBusy.
        """
        path = connection.checked_path(path, create=create and not read_only)
        writer = None
        try:
            if not read_only:
                writer = await connection.connect(path, partial(connection.prepare_writer, path=path))
            reader = await connection.connect(path, partial(connection.prepare_reader, path=path), read_only=True)
        except BaseException:
            if writer is not None:
                await writer.close()
            raise
        return cls(path, writer, reader)

    async def write(
        self,
        fn: Callable[[sqlite3.Connection], T],
        durable: bool = False,
        landed: Callable[[T], None] | None = None,
        what: tuple[str, ...] = ("write",),
        *,
        at_once: bool = False,
    ) -> T:
        """Run `fn(conn)` inside the next transaction and return its result once that is committed.

        `durable` waits for the disk (synchronous=FULL). `landed(result)` runs on the loop right after the commit, also
        when the caller was cancelled meanwhile. `what` says what it carries: the names of its crash points. `at_once`:
        do not wait for others who write in this turn of the loop. An exception of `fn` undoes only its own statements
        and is raised here.

        Raises StoreFailed once the database failed, DatabaseBusy when another process holds the lock for 5 s.
        """
        job = _Job(fn, durable, landed, what)
        self._send(job, at_once)
        return await job.result()

    def send(
        self,
        fn: Callable[[sqlite3.Connection], T],
        durable: bool,
        landed: Callable[[T], None],
        what: tuple[str, ...],
        *,
        underway: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """As `write(at_once=True)`, for who does not wait: either `landed(result)` or `failed(error)` is called on the
        loop. `underway()` is called there before that, once nothing but the COMMIT is left: time for what can be made
        ready meanwhile. It is not called when the transaction is shared.

        Raises StoreFailed and PersistenceError for a database that takes no writes (any more).
        """
        self._send(_Job(fn, durable, landed, what, underway, failed), True)

    def _send(self, job: _Job[Any], at_once: bool) -> None:
        if self.failed is not None:
            raise type(self.failed)(self.path, self.failed.reason) from self.failed
        if self._writer is None or self._closing is not None:
            raise PersistenceError(f"the database {self.path} is {'closed' if self._closing else 'opened read only'}")
        crash_points(job.what, "before")
        self._queue.append(job)
        if not self._running:
            if at_once:
                self._kick()
            elif not self._kick_scheduled:
                # Whoever writes in this same turn shares the transaction.
                self._kick_scheduled = True
                self._loop.call_soon(self._kick)

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run `fn(conn)` on one snapshot of the read-only connection. Keep it short: it pins the WAL.

        Raises DatabaseCorrupt, StoreFailed (I/O error), DatabaseBusy.
        """
        if self._closing is not None:
            raise PersistenceError(f"the database {self.path} is closed")
        try:
            return await connection.submit(self._reader, partial(connection.run_read, fn))
        except sqlite3.Error as error:
            raise connection.translate_read(error, self.path) from error
        except (orjson.JSONDecodeError, zstandard.ZstdError) as error:
            raise DatabaseCorrupt(self.path, f"a stored value cannot be decoded ({error})") from error

    def write_beside(
        self, fn: Callable[[sqlite3.Connection], None], done: Callable[[BaseException | None], None], what: str
    ) -> None:
        """For threads beside the loop, which may be held up: run `fn(conn)` in a transaction of its own, after the
        batch that is running; `done(error)` is called on the loop. `what` names its crash points.

        The caller stops before the database is closed.
        """
        writer = self._writer
        if writer is None or self._closing is not None:
            return
        if self.failed is not None:
            # A checkpoint may have found that out, and nobody waits for those.
            failed = type(self.failed)(self.path, self.failed.reason)
            self._loop.call_soon_threadsafe(done, failed)
            return

        def work() -> None:
            error = None
            job = _Job(fn, False, None, (what,))
            crash_point(f"{what}.before")
            try:
                self._guard.check()
                error = connection.run_batch([job.run], None, None, writer._conn)[0].error
                crash_point(f"{what}.after")
            except Exception as caught:  # noqa: BLE001  handed to the loop
                error = connection.translate(caught, self.path) if isinstance(caught, sqlite3.Error) else caught
            self._loop.call_soon_threadsafe(landed, error)

        def landed(error: BaseException | None) -> None:
            if isinstance(error, StoreFailed):
                self._fail(error)
            done(error)

        connection.call_beside(writer, work)

    def on_commit(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback()` on the loop after each of this process's commits; returns the function that ends that."""
        self._on_commit.append(callback)
        return partial(self._on_commit.remove, callback)

    async def close(self) -> None:
        """Finish pending writes, move the WAL into the file, close. Idempotent, finished even when cancelled.

        Raises DatabaseGone when the file is not there any more, or was cut short, StoreFailed when it is damaged.
        """
        if self._closing is None:
            self._closing = asyncio.ensure_future(self._close())
        await _outcome(self._closing)

    async def _close(self) -> None:
        while self._running or self._queue:
            self._quiet = asyncio.get_running_loop().create_future()
            await self._quiet
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        await self._reader.close()
        if self._writer is None:
            return
        try:
            if self.failed is None:
                await connection.submit(self._writer, partial(connection.checkpoint_and_truncate, self._guard))
        except sqlite3.Error as error:
            raise connection.translate(error, self.path) from error
        finally:
            await self._writer.close()

    def _kick(self) -> None:
        self._kick_scheduled = False
        if self._running or not self._queue or self._writer is None:
            self._tell_quiet()
            return
        batch, self._queue = self._queue[:MAX_BATCH], self._queue[MAX_BATCH:]
        wanted = "FULL" if any(job.durable for job in batch) else "NORMAL"
        switch = None if wanted == self._synchronous else wanted
        self._synchronous = wanted
        self._running = True
        underway = batch[0].underway if len(batch) == 1 else None
        tell = None if underway is None else partial(self._loop.call_soon_threadsafe, underway)
        run = partial(connection.run_batch, [job.run for job in batch], switch, tell)
        if wanted == "FULL":
            run = partial(self._durably, run)
        connection.call(self._writer, run, partial(self._land, batch))

    def _durably(
        self, run: Callable[[sqlite3.Connection], list[connection.Outcome]], conn: sqlite3.Connection
    ) -> list[connection.Outcome]:
        self._guard.check()
        return run(conn)

    def _land(
        self, batch: list[_Job[Any]], outcomes: list[connection.Outcome] | None, error: BaseException | None
    ) -> None:
        self._running = False
        if outcomes is not None:
            self.transactions += 1
            self._unchecked += 1
            for job, outcome in zip(batch, outcomes, strict=True):
                self._settle(job, outcome)
            for callback in tuple(self._on_commit):
                callback()
        elif error is not None:
            self._synchronous = None  # the switch itself may be what failed
            raised = connection.translate(error, self.path) if isinstance(error, sqlite3.Error) else error
            if isinstance(raised, StoreFailed):
                self._fail(raised)
            for job in batch:
                self._settle(job, connection.Outcome(error=raised, cause=error))
        if self._queue:
            self._kick()
            return
        self._tell_quiet()
        self._landed_at = self._loop.time()
        if self._unchecked >= CHECKPOINT_EVERY:
            self._checkpoint()
        elif self._idle_timer is None and self._closing is None and self.failed is None:
            self._idle_timer = self._loop.call_later(IDLE_CHECKPOINT_SECONDS, self._idle)

    def _tell_quiet(self) -> None:
        if self._quiet is not None and not (self._running or self._quiet.done()):
            self._quiet.set_result(None)

    @staticmethod
    def _settle(job: _Job[Any], outcome: connection.Outcome) -> None:
        error = outcome.error
        if error is not None and outcome.cause is not error:
            error.__cause__ = outcome.cause
        if error is None and job.failed is not None:
            # Who waits for the result passes them there.
            try:
                crash_points(job.what, "after")
            except BaseException as raised:  # noqa: BLE001  it is the sender's
                error = raised
        if error is None and job.landed is not None:
            job.landed(outcome.value)
        elif error is not None and job.failed is not None:
            job.failed(error)
        job.outcome = outcome
        if job.waiter is not None and not job.waiter.done():
            job.waiter.set_result(None)

    def _fail(self, error: StoreFailed) -> None:
        """Fail-stop: nothing that is waiting, and nothing later, may be written."""
        self.failed = error
        waiting, self._queue = self._queue, []
        for job in waiting:
            self._settle(job, connection.Outcome(error=type(error)(self.path, error.reason), cause=error))

    def _idle(self) -> None:
        """Checkpoint when idle: so a write seldom has to pay for the automatic one."""
        left = self._landed_at + IDLE_CHECKPOINT_SECONDS - self._loop.time()
        if left > 0:
            # Not idle for so long yet. A timer set back by every commit would cost each of them more than this.
            self._idle_timer = self._loop.call_later(left, self._idle)
            return
        self._idle_timer = None
        self._checkpoint()

    def _checkpoint(self) -> None:
        """A passive one, on the database thread: nobody waits for it unless they write meanwhile."""
        self._unchecked = 0
        if self._writer is not None and self._closing is None and not self._running:
            done = connection.submit(self._writer, partial(connection.checkpoint_passive, self._guard))
            done.add_done_callback(self._checkpointed)

    def _checkpointed(self, done: asyncio.Future[None]) -> None:
        error = None if done.cancelled() else done.exception()
        if isinstance(error, sqlite3.Error):
            error = connection.translate(error, self.path)
        if isinstance(error, StoreFailed):
            self._fail(error)


async def _outcome(future: asyncio.Future[T]) -> T:
    """Await `future` to its end even when cancelled; the cancellation is raised afterwards."""
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is not None:
        if not future.cancelled():
            future.exception()  # retrieved: the caller is gone, asyncio must not report it as lost
        raise cancelled
    return future.result()
