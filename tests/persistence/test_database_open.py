"""Opening: what is made, with which rights, and what is refused, each with a typed error."""

# ruff: noqa: ASYNC240  small files on a loop that has nothing else to do

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import aiosqlite
import pytest

from smithers_persistence import (
    Database,
    DatabaseCorrupt,
    DatabasePathError,
    DatabaseTooNew,
    PersistenceError,
)
from smithers_persistence.migrate import APPLICATION_ID, SUPPORTED


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.requirement("X-1")
async def test_folder_and_files_are_for_the_owner_only(db_path: Path) -> None:
    db = await Database.open(db_path)
    await db.write(lambda conn: None)
    assert mode(db_path.parent) == 0o700
    assert {mode(file) for file in db_path.parent.iterdir()} == {0o600}
    await db.close()


async def test_after_close_the_file_is_the_whole_database(db_path: Path) -> None:
    db = await Database.open(db_path)
    await db.write(lambda conn: conn.execute("CREATE TABLE t (x)"))
    await db.close()
    await db.close()
    assert [file.name for file in db_path.parent.iterdir()] == ["db.sqlite"]
    with pytest.raises(PersistenceError, match="closed"):
        await db.write(lambda conn: None)
    with pytest.raises(PersistenceError, match="closed"):
        await db.read(lambda conn: None)


async def test_pragmas(db_path: Path) -> None:
    db = await Database.open(db_path)

    def pragmas(conn: sqlite3.Connection) -> list[object]:
        names = ("journal_mode", "synchronous", "busy_timeout", "application_id", "foreign_keys")
        return [conn.execute(f"PRAGMA {name}").fetchone()[0] for name in names]

    assert await db.write(pragmas) == ["wal", 1, 5000, APPLICATION_ID, 1]
    assert await db.write(pragmas, durable=True) == ["wal", 2, 5000, APPLICATION_ID, 1]
    assert await db.write(pragmas) == ["wal", 1, 5000, APPLICATION_ID, 1]
    await db.close()


async def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    (tmp_path / ".smithers").write_text("not a folder")
    with pytest.raises(DatabasePathError, match=r"\.smithers is a file, not a folder") as caught:
        await Database.open(tmp_path / ".smithers" / "db.sqlite")
    assert caught.value.path == tmp_path / ".smithers" / "db.sqlite"


async def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    with pytest.raises(DatabasePathError, match="it is a folder"):
        await Database.open(tmp_path)


@pytest.mark.parametrize("options", [{"create": False}, {"read_only": True}])
async def test_a_missing_file_is_not_made_unasked(db_path: Path, options: dict[str, bool]) -> None:
    with pytest.raises(DatabasePathError, match="there is no such file"):
        await Database.open(db_path, **options)
    assert not db_path.parent.exists()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    path.write_text("these are not the bytes you are looking for" * 100)
    before = path.read_bytes()
    with pytest.raises(DatabaseCorrupt, match="not a sound database") as caught:
        await Database.open(path)
    assert caught.value.path == path
    assert path.read_bytes() == before


async def test_a_truncated_database(db_path: Path) -> None:
    db = await Database.open(db_path)
    await db.close()
    whole = db_path.read_bytes()
    db_path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DatabaseCorrupt):
        await Database.open(db_path)


async def test_damage_met_while_reading(db_path: Path) -> None:
    db = await Database.open(db_path)
    await db.write(lambda conn: conn.execute("CREATE TABLE t (x)"))
    await db.write(lambda conn: conn.executemany("INSERT INTO t VALUES (?)", [("x" * 3000,)] * 20))
    await db.close()
    size = db_path.stat().st_size
    with db_path.open("r+b") as file:
        file.seek(size - 8 * 4096)
        file.write(b"\xff" * 4096 * 8)
    db = await Database.open(db_path)
    with pytest.raises(DatabaseCorrupt):
        await db.read(lambda conn: conn.execute("SELECT sum(length(x)) FROM t").fetchall())
    await db.close()


async def test_a_database_of_a_newer_release(db_path: Path) -> None:
    db = await Database.open(db_path)
    await db.write(lambda conn: conn.execute("INSERT INTO schema_migrations VALUES (999, 'later', 0)"))
    await db.close()
    before = db_path.read_bytes()
    for options in ({}, {"read_only": True}):
        with pytest.raises(DatabaseTooNew) as caught:
            await Database.open(db_path, **options)
        assert (caught.value.found, caught.value.supported) == (999, SUPPORTED)
    assert db_path.read_bytes() == before


async def test_a_database_of_another_program(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE theirs (x)")
    conn.close()
    before = path.read_bytes()
    with pytest.raises(DatabasePathError, match="another program"):
        await Database.open(path)
    assert path.read_bytes() == before


async def test_read_only_reads_and_writes_nothing(db_path: Path) -> None:
    writer = await Database.open(db_path)
    reader = await Database.open(db_path, read_only=True)
    await writer.write(lambda conn: conn.execute("CREATE TABLE t AS SELECT 1 AS x"))
    assert await reader.read(lambda conn: conn.execute("SELECT x FROM t").fetchall()) == [(1,)]
    with pytest.raises(PersistenceError, match="read only"):
        await reader.write(lambda conn: None)
    await writer.close()
    await reader.close()
    reader = await Database.open(db_path, read_only=True)
    assert await reader.read(lambda conn: conn.execute("SELECT x FROM t").fetchall()) == [(1,)]
    await reader.close()


async def test_an_empty_file_is_an_empty_database(db_path: Path) -> None:
    db_path.parent.mkdir()
    db_path.touch()
    with pytest.raises(DatabasePathError, match="it is empty"):
        await Database.open(db_path, read_only=True)
    await (await Database.open(db_path)).close()


@pytest.mark.parametrize("name", ["a b?c#d%41.sqlite", "ünïcode.sqlite"])
async def test_paths_with_odd_characters(tmp_path: Path, name: str) -> None:
    db = await Database.open(tmp_path / name)
    assert await db.read(lambda conn: conn.execute("SELECT count(*) FROM executions").fetchone()) == (0,)
    await db.close()
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_processes_that_make_the_same_file_at_once(db_path: Path) -> None:
    program = (
        "import asyncio, sys; from pathlib import Path; from smithers_persistence import Database\n"
        "async def main():\n"
        "    sys.stdin.read()\n"
        "    db = await Database.open(Path(sys.argv[1])); await db.write(lambda conn: None); await db.close()\n"
        "asyncio.run(main())"
    )
    command = [sys.executable, "-c", program, str(db_path)]
    children = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(6)]
    for child in children:
        assert child.stdin
        child.stdin.close()
    for child in children:
        child.stdin = None
        assert child.communicate(timeout=60)[1] == b""
        assert child.returncode == 0


async def test_what_we_use_of_aiosqlite_is_still_there(tmp_path: Path) -> None:
    """connection.py queues functions in `_tx` and makes `_thread` a daemon: both are private, so pin them."""
    opening = aiosqlite.connect(tmp_path / "x.sqlite")
    opening._thread.daemon = True
    opened = await opening
    future = asyncio.get_running_loop().create_future()
    opened._tx.put_nowait((future, lambda: opened._conn.execute("SELECT 7").fetchone()[0]))
    assert await future == 7
    await opened.close()
