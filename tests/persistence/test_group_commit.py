"""Writes: group commit, isolation within a batch, cancellation, fail-stop, the end of the loop."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from persistence_tools import OpenDb

from smithers_persistence import Database, PersistenceError, StoreFailed, crash
from smithers_persistence.database import CHECKPOINT_EVERY


def insert(*values: object):
    return lambda conn: conn.executemany("INSERT INTO t VALUES (?)", [(value,) for value in values]).rowcount


def values(conn: sqlite3.Connection) -> list[object]:
    return [row[0] for row in conn.execute("SELECT x FROM t ORDER BY rowid")]


async def make_table(db: Database) -> None:
    await db.write(lambda conn: conn.execute("CREATE TABLE t (x)"))


@pytest.mark.requirement("F-6")
async def test_writers_of_one_turn_share_a_transaction_in_order(open_db: OpenDb) -> None:
    async with open_db() as db:
        await make_table(db)
        before = db.transactions
        commits: list[int] = []
        db.on_commit(lambda: commits.append(1))
        assert await asyncio.gather(*[db.write(insert(i), durable=i == 7) for i in range(200)]) == [1] * 200
        assert db.transactions == before + 1
        assert len(commits) == 1
        assert await db.read(values) == list(range(200))


async def test_writers_that_arrive_while_a_batch_runs_share_the_next_one(open_db: OpenDb) -> None:
    async with open_db() as db:
        await make_table(db)
        before = db.transactions
        loop = asyncio.get_running_loop()
        others: list[asyncio.Task[int]] = []
        running = asyncio.Event()

        def slow(conn: sqlite3.Connection) -> None:
            loop.call_soon_threadsafe(running.set)
            asyncio.run_coroutine_threadsafe(start_others(), loop).result()
            insert("slow")(conn)

        async def start_others() -> None:
            others.extend(asyncio.ensure_future(db.write(insert(i))) for i in range(50))
            await asyncio.sleep(0)

        await db.write(slow)
        await asyncio.gather(*others)
        assert db.transactions == before + 2
        assert await db.read(values) == ["slow", *range(50)]


@pytest.mark.requirement("F-6")
async def test_one_bad_job_does_not_poison_its_batch(open_db: OpenDb) -> None:
    async with open_db() as db:
        await make_table(db)

        def bad(conn: sqlite3.Connection) -> None:
            insert("half")(conn)
            raise ValueError("boom")

        def wrong_sql(conn: sqlite3.Connection) -> None:
            insert("half")(conn)
            conn.execute("SELECT * FROM nowhere")

        results = await asyncio.gather(
            *[db.write(fn) for fn in (insert(1), bad, insert(2), wrong_sql, insert(3))], return_exceptions=True
        )
        assert [type(result) for result in results] == [int, ValueError, int, sqlite3.OperationalError, int]
        assert await db.read(values) == [1, 2, 3]
        with pytest.raises(ValueError, match="boom"):
            await db.write(bad)
        assert await db.read(values) == [1, 2, 3]


async def test_a_cancelled_write_is_resolved_before_it_raises(open_db: OpenDb) -> None:
    """A storm: whatever the moment of the cancellation, both rows are there or neither, and no transaction is open."""
    chance = random.Random(1)
    async with open_db() as db:
        await make_table(db)
        landed: list[int] = []
        cancelled = 0
        for i in range(400):
            task = asyncio.ensure_future(db.write(insert(i, i), landed=lambda _, i=i: landed.append(i)))
            for _ in range(chance.randrange(6)):
                await asyncio.sleep(0)
            task.cancel()
            outcome = (await asyncio.gather(task, return_exceptions=True))[0]
            cancelled += isinstance(outcome, asyncio.CancelledError)
            stored = (await db.read(values)).count(i)
            assert stored == (2 if i in landed else 0)
        assert cancelled > 50
        assert db._writer is not None
        assert not db._writer.in_transaction


class Heard:
    """What a sender who does not wait is told, in order."""

    def __init__(self) -> None:
        self.told: list[object] = []
        self.over = asyncio.get_running_loop().create_future()

    def send(self, db: Database, fn: Callable[[sqlite3.Connection], object]) -> None:
        db.send(fn, True, self.landed, ("sent",), underway=lambda: self.told.append("underway"), failed=self.failed)

    def landed(self, value: object) -> None:
        self.told += ["landed", value]
        self.over.set_result(None)

    def failed(self, error: BaseException) -> None:
        self.told += ["failed", type(error)]
        self.over.set_result(None)


@pytest.mark.requirement("F-6")
async def test_who_does_not_wait_is_told(open_db: OpenDb) -> None:
    async with open_db() as db:
        await make_table(db)
        await db.write(lambda conn: conn.execute("CREATE TABLE parent (y INTEGER PRIMARY KEY)"))
        await db.write(
            lambda conn: conn.execute("CREATE TABLE child (x REFERENCES parent (y) DEFERRABLE INITIALLY DEFERRED)")
        )

        def wrong(conn: sqlite3.Connection) -> None:
            conn.execute("SELECT * FROM nowhere")

        works: list[tuple[Callable[[sqlite3.Connection], object], list[object]]] = [
            (insert("kept"), ["underway", "landed", 1]),
            (wrong, ["failed", sqlite3.OperationalError]),
            # Seen by the COMMIT, when every statement has succeeded.
            (lambda conn: conn.execute("INSERT INTO child VALUES (7)"), ["underway", "failed", sqlite3.IntegrityError]),
            (insert("kept too"), ["underway", "landed", 1]),
        ]
        for fn, told in works:
            heard = Heard()
            heard.send(db, fn)
            await heard.over
            assert heard.told == told
        assert await db.read(values) == ["kept", "kept too"]

        first, shared = Heard(), [Heard(), Heard()]
        first.send(db, insert("first"))
        for one in shared:
            one.send(db, insert("shared"))
        await asyncio.gather(first.over, *[one.over for one in shared])
        assert [one.told for one in (first, *shared)] == [["underway", "landed", 1]] + [["landed", 1]] * 2
    heard = Heard()
    with pytest.raises(PersistenceError, match="closed"):
        heard.send(db, insert("late"))
    assert heard.told == []


async def test_a_crash_point_after_the_commit_is_the_senders(open_db: OpenDb) -> None:
    def passing(point: str) -> None:
        if point == "sent.after":
            raise InterruptedError(point)

    async with open_db() as db:
        await make_table(db)
        heard = Heard()
        crash.set_crash_hook(passing)
        try:
            heard.send(db, insert("kept"))
            await heard.over
        finally:
            crash.set_crash_hook(None)
        assert heard.told == ["underway", "failed", InterruptedError]
        assert await db.read(values) == ["kept"]


async def test_a_busy_database_moves_its_log_into_the_file(open_db: OpenDb, db_path: Path) -> None:
    async with open_db() as db:
        await make_table(db)
        log = db_path.with_name(f"{db_path.name}-wal")
        sizes: list[int] = []
        for i in range(12 * CHECKPOINT_EVERY):
            await db.write(insert("x" * 2000, i), durable=True, at_once=True)
            sizes.append(log.stat().st_size)
        # It is written over again: it stops growing after the first few.
        assert sizes[-1] == sizes[4 * CHECKPOINT_EVERY]
    assert max(sizes) < 1_000_000, "3 MB were logged"


@pytest.mark.requirement("F-6")
async def test_a_full_disk_is_fail_stop(db_path: Path) -> None:
    db = await Database.open(db_path)
    await make_table(db)
    await db.write(insert("kept"))
    await db.write(lambda conn: conn.execute("PRAGMA max_page_count=1").fetchone())
    big = "z" * 100_000
    results = await asyncio.gather(*[db.write(insert(i, big)) for i in range(5)], return_exceptions=True)
    assert [type(result) for result in results] == [StoreFailed] * 5
    assert db.failed is not None
    assert "full" in str(db.failed)
    with pytest.raises(StoreFailed):
        await db.write(insert("later"))
    await db.close()
    again = await Database.open(db_path)
    assert await again.read(values) == ["kept"]
    await again.close()


async def test_a_read_is_one_snapshot(open_db: OpenDb) -> None:
    async with open_db() as db:
        await make_table(db)
        await db.write(insert(1))
        loop = asyncio.get_running_loop()

        def look_twice(conn: sqlite3.Connection) -> tuple[list[object], list[object]]:
            first = values(conn)
            asyncio.run_coroutine_threadsafe(db.write(insert(2)), loop).result()
            return first, values(conn)

        assert await db.read(look_twice) == ([1], [1])
        assert await db.read(values) == [1, 2]


async def test_the_read_connection_cannot_write(open_db: OpenDb) -> None:
    async with open_db() as db:
        await make_table(db)
        with pytest.raises(StoreFailed):
            await db.read(insert(1))
        assert db.failed is None


async def test_close_waits_for_pending_writes_even_when_cancelled(db_path: Path) -> None:
    db = await Database.open(db_path)
    await make_table(db)
    pending = [asyncio.ensure_future(db.write(insert(i))) for i in range(600)]
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(db.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert all(write.done() for write in pending)
    again = await Database.open(db_path)
    assert len(await again.read(values)) == 600
    await again.close()


async def test_when_idle_the_wal_moves_into_the_file(open_db: OpenDb) -> None:
    async with open_db() as db:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def traced(statement: str) -> None:
            if "wal_checkpoint" in statement:
                loop.call_soon_threadsafe(begun.set)

        await db.write(lambda conn: conn.set_trace_callback(traced))
        await make_table(db)
        await begun.wait()
        # Functions run in order on the database thread: this one runs after the checkpoint. The copy has no log.
        copy = db.path.with_name("copy.sqlite")
        await db.write(lambda conn: copy.write_bytes(db.path.read_bytes()))
        conn = sqlite3.connect(copy)
        assert values(conn) == []
        conn.close()


UNCLOSED = """
import asyncio, sys
from pathlib import Path
from smithers_persistence import Database

async def main():
    db = await Database.open(Path(sys.argv[1]))
    await db.write(lambda conn: conn.execute("CREATE TABLE t (x)"))
    writes = [asyncio.ensure_future(db.write(lambda conn: conn.execute("INSERT INTO t VALUES (1)") and None))
              for _ in range(300)]
    await asyncio.sleep(0)
    main.kept = db, writes

asyncio.run(main())
print("left the loop", flush=True)
"""


def test_a_program_that_never_closes_still_ends(db_path: Path) -> None:
    """The loop's end cancels every task: the writers wait for their outcome, and nothing hangs."""
    command = [sys.executable, "-W", "ignore", "-c", UNCLOSED, str(db_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stdout == "left the loop\n"
    assert done.returncode == 0, done.stderr
    conn = sqlite3.connect(db_path)
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (300,)
    conn.close()
