"""Tails: every row once, in order, whoever wrote it; woken in process, and by another process's commit."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from pathlib import Path

import pytest
from persistence_tools import NOW, OpenDb, new_store

from smithers_persistence.rows import EventRow, StreamRow
from smithers_persistence.tail import POLL_SECONDS, tail_events, tail_stream

OTHER_PROCESS = """
import asyncio, sys
from pathlib import Path
from smithers_persistence import Database, ExecutionStore
from smithers_persistence.rows import EventRow
from smithers_persistence.writes import Holder

async def main():
    db = await Database.open(Path(sys.argv[1]))
    store = ExecutionStore(db, Holder("exec000001", "host-1", 1))
    for line in sys.stdin:
        await store.log([EventRow(line.strip(), 1)])
    await db.close()

asyncio.run(main())
"""


@pytest.mark.requirement("O-1")
async def test_a_tail_sees_every_event_once_in_order(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db, events=[EventRow("first", NOW)])
        other = await new_store(db, "exec000002")
        seen: list[str] = []
        with tail_events(db, store.execution_id) as tail:

            async def follow() -> None:
                while len(seen) < 201:
                    seen.extend(row.type for row in await tail.next(limit=7))

            following = asyncio.ensure_future(follow())
            for i in range(100):
                await store.log([EventRow(f"{i}a", NOW), EventRow(f"{i}b", NOW)])
                await other.log([EventRow("not ours", NOW)])
            await following
            assert seen == ["first"] + [f"{i}{x}" for i in range(100) for x in "ab"]
            assert await tail.poll() == []
            last = tail.cursor
        with tail_events(db, store.execution_id, after=last - 1) as tail:
            assert [row.type for row in await tail.next()] == ["99b"]


async def test_a_waiting_tail_wakes_at_once_in_process(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        delays: list[float] = []
        with tail_stream(db, store.execution_id) as tail:
            for i in range(20):
                waiting = asyncio.ensure_future(tail.next())
                for _ in range(5):
                    await asyncio.sleep(0)
                await store.stream([StreamRow("n", 0, 1, "stdout", f'{{"line":"{i}"}}', NOW)])
                begin = time.perf_counter()
                (row,) = await waiting
                delays.append(time.perf_counter() - begin)
                assert row.payload_json == f'{{"line":"{i}"}}'
        assert sorted(delays)[10] < POLL_SECONDS / 4


async def test_a_cancelled_wait_loses_nothing(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        with tail_events(db, store.execution_id) as tail:
            for i in range(30):
                waiting = asyncio.ensure_future(tail.next())
                for _ in range(i % 4):
                    await asyncio.sleep(0)
                logging = asyncio.ensure_future(store.log([EventRow(str(i), NOW)]))
                for _ in range(i % 7):
                    await asyncio.sleep(0)
                waiting.cancel()
                (outcome,) = await asyncio.gather(waiting, return_exceptions=True)
                await logging
                rows = outcome if isinstance(outcome, list) else await tail.next()
                assert [row.type for row in rows] == [str(i)]


async def test_a_tail_sees_another_process(open_db: OpenDb, db_path: Path) -> None:
    async with open_db() as db:
        store = await new_store(db)
        command = [sys.executable, "-c", OTHER_PROCESS, str(db_path)]
        child = await asyncio.create_subprocess_exec(*command, stdin=subprocess.PIPE)
        assert child.stdin
        with tail_events(db, store.execution_id) as tail:
            for i in range(10):
                waiting = asyncio.ensure_future(tail.next())
                child.stdin.write(f"e{i}\n".encode())
                await child.stdin.drain()
                assert [row.type for row in await waiting] == [f"e{i}"]
        child.stdin.close()
        assert await child.wait() == 0


async def test_closing_a_tail_ends_its_subscription(open_db: OpenDb) -> None:
    async with open_db() as db:
        tail = tail_events(db, "none")
        assert len(db._on_commit) == 1
        tail.close()
        tail.close()
        assert db._on_commit == []
