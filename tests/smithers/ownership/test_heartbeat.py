"""An engine renews its lease while it lives; one that lost it, or whose file is gone, ends and writes nothing more."""

import asyncio
import sqlite3
import time
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import pytest

from smithers_persistence import Database, ExecutionStore, reads
from smithers_persistence.lease import observe
from smithers_persistence.owner import owner_ident
from smithers_persistence.state_fold import current_state
from smithers_persistence.verify import verify
from smithers_py import Phase, Task, component
from smithers_py.clock import SystemClock
from smithers_py.engine.run import Limits
from smithers_py.errors import LostLeaseError, StoreError
from smithers_py.testing import run_plan

LEASE_MS = 600
LIMITS = Limits(idle_timeout_ms=0, lease_ms=LEASE_MS, heartbeat_ms=50)


class Waiting:
    """A run whose only task waits for `go_on`."""

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self.go_on = asyncio.Event()
        self.started = asyncio.Event()
        self.run = asyncio.create_task(run_plan(self.app(), db_path=path, limits=limits))

    def app(self):
        async def work():
            self.started.set()
            await self.go_on.wait()
            return "done"

        @component
        def Waits(ctx):
            return Task(work, id="work", on_finished=lambda r: ctx.state.set("out", r.output))

        return Waits


def row(path: Path):
    conn = sqlite3.connect(path)
    try:
        return reads.list_executions(conn)[0]
    finally:
        conn.close()


async def take_over(path: Path) -> ExecutionStore:
    db = await Database.open(path)
    seen = await observe(db, row(path).execution_id)
    judged = replace(seen, silent=True)
    taken = await ExecutionStore.take(db, seen.execution_id, "other", owner_ident(time.time_ns() // 10**6), judged)
    await db.close()
    return taken


async def until(condition) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - rows that a thread writes
            await asyncio.sleep(0.01)


@pytest.mark.requirement("T-1")
async def test_heartbeats_go_on_while_the_plan_only_waits(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    waiting = Waiting(path)
    await waiting.started.wait()
    first = row(path)
    await until(lambda: row(path).hb_seq >= first.hb_seq + 3)
    assert row(path).lease_expires_at > first.lease_expires_at
    waiting.go_on.set()
    assert (await waiting.run).status == "completed"
    assert row(path).owner is None


@pytest.mark.requirement("T-2", "T-4")
async def test_an_engine_that_was_taken_over_ends_and_names_who_has_it(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    waiting = Waiting(path)
    await waiting.started.wait()
    await take_over(path)
    taken = row(path)
    with pytest.raises(LostLeaseError, match=r"process \d+ on .* has taken it over") as lost:
        await waiting.run
    assert "smithers inspect" in str(lost.value)
    left = row(path)
    assert (left.owner, left.epoch, left.head_frame, left.updated_at) == (
        "other",
        2,
        taken.head_frame,
        taken.updated_at,
    )


@pytest.mark.requirement("T-1", "T-4")
async def test_a_loop_that_stands_still_sends_none_and_goes_on_when_nobody_took_over(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    seen: list[int] = []

    def hold_up(_):
        # A handler that blocks the loop for longer than a lease; a thread beside it looks at the heartbeats.
        until_ms = time.monotonic() + 2.2 * LEASE_MS / 1000
        while time.monotonic() < until_ms:
            seen.append(row(path).hb_seq)
            time.sleep(0.02)

    held = component(lambda ctx: Task(lambda: None, id="work", on_finished=hold_up))
    assert (await run_plan(held, db_path=path, limits=LIMITS)).status == "completed"
    half = len(seen) // 2
    assert seen[0] < seen[half], "for half a lease the loop may be busy"
    assert seen[half] == seen[-1], "then the engine is as good as dead"
    assert row(path).epoch == 1


@pytest.mark.requirement("F-6")
@pytest.mark.parametrize("gone", ["deleted", "replaced"])
async def test_a_database_that_was_deleted_while_open_is_noticed(tmp_path: Path, gone: str) -> None:
    path = tmp_path / "db.sqlite"
    waiting = Waiting(path)
    await waiting.started.wait()
    path.unlink()
    if gone == "replaced":
        path.write_bytes(b"")
    with pytest.raises(StoreError, match="deleted" if gone == "deleted" else "another file") as error:
        await waiting.run
    assert "lost" in str(error.value)
    assert path.exists() == (gone == "replaced"), "it must not come back by itself"


@pytest.mark.requirement("F-6")
async def test_a_deleted_database_is_noticed_by_the_next_durable_record(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    waiting = Waiting(path, Limits(idle_timeout_ms=0))
    await waiting.started.wait()
    path.unlink()
    waiting.go_on.set()
    with pytest.raises(StoreError, match="deleted"):
        await waiting.run


class JumpyClock(SystemClock):
    """A wall clock that somebody sets to and fro by three hours, every time one looks."""

    def __init__(self) -> None:
        self.jumps = cycle([0, 10_800_000, -10_800_000])

    def now_ms(self) -> int:
        return super().now_ms() + next(self.jumps)


@pytest.mark.requirement("T-1", "T-4")
async def test_a_wall_clock_that_jumps_changes_nothing(tmp_path: Path) -> None:
    tries: list[int] = []

    def flaky():
        tries.append(1)
        if len(tries) < 3:
            raise ConnectionError("not yet")
        return "up"

    @component
    def App(ctx):
        def keep(r):
            ctx.state.append("seen", r.output)

        first = Phase("first", children=[Task(flaky, id="a", retries=3, on_finished=keep)])
        return [first, Phase("second", children=[Task(lambda: "then", id="b", on_finished=keep)])]

    path = tmp_path / "db.sqlite"
    result = await run_plan(App, db_path=path, limits=LIMITS, clock=JumpyClock())
    assert (result.status, len(tries)) == ("completed", 3)
    conn = sqlite3.connect(path)
    assert current_state(conn, result.execution_id)["seen"] == '["up","then"]'
    assert verify(conn) == []
    conn.close()
