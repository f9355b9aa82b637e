"""The file under an open database: what happens to it is noticed by the next durable commit, and only if it matters."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from persistence_tools import OpenDb, new_store

from smithers_persistence import Database, DatabaseGone, DatabasePathError
from smithers_persistence.rows import StreamRow


async def filled(db: Database) -> None:
    """A database of some size, all of it in its file, as it is when its engine waits."""
    store = await new_store(db)
    await store.stream([StreamRow("n", 0, 1, "text", "x" * 900, 0) for _ in range(400)])
    empty_the_log(db.path).close()
    await db.write(lambda conn: None, durable=True)


def delete_events(conn: sqlite3.Connection) -> None:
    conn.execute("DELETE FROM events")


def remove(path: Path) -> None:
    path.unlink()


def size(path: Path) -> int:
    return path.stat().st_size


def empty_the_log(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    return conn


HARM: dict[str, Callable[[Path], object]] = {
    "deleted": lambda path: path.unlink(),
    "moved": lambda path: path.rename(path.with_name("elsewhere")),
    "replaced": lambda path: (shutil.copy(path, f"{path}.copy"), Path(f"{path}.copy").replace(path)),
    "cut to nothing": lambda path: os.truncate(path, 0),
    "cut in half": lambda path: os.truncate(path, path.stat().st_size // 2),
}


@pytest.mark.requirement("F-6")
@pytest.mark.parametrize("harm", HARM)
async def test_harm_ends_all_writing(harm: str, open_db: OpenDb, db_path: Path) -> None:
    async with open_db() as db:
        await filled(db)
        HARM[harm](db_path)
        with pytest.raises(DatabaseGone, match="while it was in use"):
            await db.write(delete_events, durable=True)
        with pytest.raises(DatabaseGone):
            await db.write(delete_events)


@pytest.mark.requirement("F-6")
async def test_harm_after_the_last_write_is_told_by_closing(db_path: Path) -> None:
    db = await Database.open(db_path)
    await filled(db)
    remove(db_path)
    with pytest.raises(DatabaseGone, match="deleted"):
        await db.close()


async def test_a_vacuum_makes_the_file_smaller_and_harms_nothing(open_db: OpenDb, db_path: Path) -> None:
    async with open_db() as db:
        await filled(db)
        await db.write(lambda conn: conn.execute("DELETE FROM agent_stream_events"), durable=True)
        before = size(db_path)
        other = empty_the_log(db_path)
        other.execute("VACUUM")
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        other.close()
        assert size(db_path) < before / 2
        await db.write(delete_events, durable=True)


@pytest.mark.requirement("F-6")
async def test_no_database_is_made_beside_the_log_of_one_that_is_gone(db_path: Path) -> None:
    await (await Database.open(db_path)).close()
    log = db_path.with_name("db.sqlite-wal")
    remove(db_path)
    log.write_bytes(b"what was not yet in it")
    with pytest.raises(DatabasePathError, match=r"its log db\.sqlite-wal is not"):
        await Database.open(db_path)
    remove(log)
    await (await Database.open(db_path)).close()
