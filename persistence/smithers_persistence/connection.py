"""What happens on the database thread: opening, pragmas, batches, snapshots, checkpoints.

aiosqlite gives each connection its thread. Two of its private parts are used, and pinned by a test: `_thread` (to make
it a daemon, or an unclosed connection would hang the interpreter's exit) and `_tx` (to queue one function per
transaction without an asyncio task).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from smithers_persistence.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabasePathError,
    PersistenceError,
    StoreFailed,
)
from smithers_persistence.file_guard import FileGuard, refuse_left_over_log
from smithers_persistence.migrate import SUPPORTED, migrate, schema_version

T = TypeVar("T")

BUSY_TIMEOUT_MS = 5000
WRITER_PRAGMAS = (
    f"busy_timeout={BUSY_TIMEOUT_MS}",
    "synchronous=NORMAL",
    "foreign_keys=ON",
    "journal_size_limit=67108864",
)
FATAL = ("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CORRUPT", "SQLITE_READONLY", "SQLITE_NOTADB", "SQLITE_CANTOPEN")


@dataclass(slots=True)
class Outcome:
    """What became of one job of a batch: a value or an error."""

    value: Any = None
    error: BaseException | None = None
    cause: BaseException | None = None


def checked_path(path: Path, *, create: bool) -> Path:
    """The absolute path, its folder and file made when asked; DatabasePathError says what is in the way."""
    path = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would follow a link and show another path
    for parent in reversed(path.parents):
        if parent.exists() and not parent.is_dir():
            raise DatabasePathError(path, f"{parent} is a file, not a folder")
    if path.is_dir():
        raise DatabasePathError(path, "it is a folder")
    try:
        if create:
            refuse_left_over_log(path)
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        elif not path.exists():
            raise DatabasePathError(path, "there is no such file")
    except OSError as error:
        raise DatabasePathError(path, (error.strerror or str(error)).lower()) from error
    return path


async def connect(
    path: Path, prepare: Callable[[sqlite3.Connection], None], *, read_only: bool = False
) -> aiosqlite.Connection:
    """A connection whose thread is a daemon, after `prepare(conn)` ran on it. Raises the errors of `translate_open`."""
    uri = path.as_uri() + ("?mode=ro" if read_only else "?mode=rw") + ("&immutable=1" if _frozen(path) else "")
    opening = aiosqlite.connect(uri, uri=True, isolation_level=None, cached_statements=256)
    opening._thread.daemon = True
    try:
        opened = await opening
    except sqlite3.Error as error:
        raise translate_open(error, path) from error
    try:
        await submit(opened, prepare)
    except BaseException as error:
        await opened.close()
        if isinstance(error, sqlite3.Error):
            raise translate_open(error, path) from error
        raise
    return opened


def _frozen(path: Path) -> bool:
    """On a disk that nobody here can write, beside no log: SQLite reads it only when told that it cannot change."""
    return not (os.access(path.parent, os.W_OK) or path.with_name(f"{path.name}-wal").exists())


def submit(opened: aiosqlite.Connection, fn: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
    """Queue `fn(conn)` on the connection's thread; functions run one after the other, in order."""
    future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
    opened._tx.put_nowait((future, partial(fn, opened._conn)))
    return future


def call(
    opened: aiosqlite.Connection,
    fn: Callable[[sqlite3.Connection], T],
    done: Callable[[T | None, BaseException | None], None],
) -> None:
    """Queue `fn(conn)` as `submit` does; `done(value, error)` is called on the loop, without a future in between."""
    loop, conn = asyncio.get_running_loop(), opened._conn

    def work() -> None:
        try:
            value, error = fn(conn), None
        except BaseException as caught:  # noqa: BLE001  handed over, as a future would
            value, error = None, caught
        loop.call_soon_threadsafe(done, value, error)

    opened._tx.put_nowait((None, work))


def call_beside(opened: aiosqlite.Connection, work: Callable[[], None]) -> None:
    """Queue `work()` on the connection's thread, from any thread. It must not raise."""
    opened._tx.put_nowait((None, work))


def prepare_writer(conn: sqlite3.Connection, *, path: Path) -> None:
    for pragma in WRITER_PRAGMAS:
        conn.execute(f"PRAGMA {pragma}")
    schema_version(conn, path)  # refuses a foreign or newer file before anything in it is changed
    mode = _switch_to_wal(conn)
    if mode != "wal":
        raise DatabasePathError(path, f"its file system does not support write-ahead logging (mode {mode})")
    migrate(conn, path)


def _switch_to_wal(conn: sqlite3.Connection) -> str:
    """SQLite does not wait for locks here, so two processes that make the same file at once must take turns."""
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            return str(conn.execute("PRAGMA journal_mode=WAL").fetchone()[0])
        except sqlite3.OperationalError as error:
            if not _name(error).startswith("SQLITE_BUSY") or time.monotonic() > deadline:
                raise
            time.sleep(0.005)


def prepare_reader(conn: sqlite3.Connection, *, path: Path) -> None:
    conn.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
    conn.execute("PRAGMA query_only=ON")
    version = schema_version(conn, path)
    if version < SUPPORTED:
        reason = "it is empty" if version == 0 else f"its schema version {version} is old: run a command that writes it"
        raise DatabasePathError(path, reason)


def run_batch(
    fns: list[Callable[[sqlite3.Connection], Any]],
    synchronous: str | None,
    underway: Callable[[], object] | None,
    conn: sqlite3.Connection,
) -> list[Outcome]:
    """One transaction for all of `fns`, a savepoint for each; raises only when the whole batch is lost.

    `underway()` is called when only the COMMIT is left: from there on this thread waits for the disk, without the GIL.

    `synchronous` is the level to switch to first; None: it is the right one already (to parse the pragma anew costs as
    much as two statements of the batch).
    """
    if synchronous is not None:
        conn.execute(f"PRAGMA synchronous={synchronous}")
    try:
        conn.execute("BEGIN IMMEDIATE")
        outcomes = [_run_in_savepoint(fn, conn) for fn in fns] if len(fns) > 1 else [_run_alone(fns[0], conn)]
        if conn.in_transaction:
            if underway is not None:
                underway()
            conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise
    return outcomes


def _run_alone(fn: Callable[[sqlite3.Connection], Any], conn: sqlite3.Connection) -> Outcome:
    """The only job of a batch needs no savepoint: when it fails, the transaction is what it takes back."""
    try:
        return Outcome(value=fn(conn))
    except Exception as error:
        if not conn.in_transaction or _name(error).startswith(FATAL):
            raise
        conn.execute("ROLLBACK")
        return Outcome(error=error, cause=error)


def _run_in_savepoint(fn: Callable[[sqlite3.Connection], Any], conn: sqlite3.Connection) -> Outcome:
    conn.execute("SAVEPOINT job")
    try:
        outcome = Outcome(value=fn(conn))
    except Exception as error:
        # Handed to the writer that sent this job; the others go on. But
        # SQLite may have rolled the whole transaction back; and after a fatal error none of it may be kept.
        if not conn.in_transaction or _name(error).startswith(FATAL):
            raise
        conn.execute("ROLLBACK TO job")
        outcome = Outcome(error=error, cause=error)
    conn.execute("RELEASE job")
    return outcome


def run_read(fn: Callable[[sqlite3.Connection], T], conn: sqlite3.Connection) -> T:
    conn.execute("BEGIN")
    try:
        return fn(conn)
    finally:
        conn.execute("ROLLBACK")


def checkpoint_passive(guard: FileGuard, conn: sqlite3.Connection) -> None:
    """Not into a file that was cut short: filled up with zeros it would look whole. Raises DatabaseGone."""
    guard.check()
    conn.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    guard.check()  # what the file has grown to


def checkpoint_and_truncate(guard: FileGuard, conn: sqlite3.Connection) -> None:
    """So that the file is the whole database. Another process's reader may prevent it: do not wait long for that.
    Raises DatabaseGone.
    """
    guard.check()
    conn.execute("PRAGMA busy_timeout=250")
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


def _name(error: BaseException) -> str:
    return getattr(error, "sqlite_errorname", None) or ""


def translate(error: sqlite3.Error, path: Path) -> BaseException:
    """Our error for one of SQLite's while reading or writing; errors of the statement itself stay what they are."""
    name = _name(error)
    if name.startswith("SQLITE_BUSY"):
        return DatabaseBusy(path)
    if name.startswith(FATAL):
        return StoreFailed(path, f"{error} ({name})")
    return error


def translate_read(error: sqlite3.Error, path: Path) -> BaseException:
    """Our error for one of SQLite's while reading: damage found there is no failed write."""
    if _name(error).startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")) or str(error).startswith("Could not decode"):
        return DatabaseCorrupt(path, str(error))
    return translate(error, path)


def translate_open(error: sqlite3.Error, path: Path) -> PersistenceError:
    """Our error for one of SQLite's while opening."""
    name = _name(error)
    if name.startswith("SQLITE_BUSY"):
        return DatabaseBusy(path)
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return DatabaseCorrupt(path, str(error))
    return DatabasePathError(path, f"{error} ({name})" if name else str(error))
