"""Taking an execution over: compare-and-set on what the claimant saw, and the former owner writes nothing more."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from persistence_tools import NOW, OpenDb, change, flush, frame, new_store

from smithers_persistence import Database, ExecutionStore, HeldByAnother, LostLease, UnknownExecution, reads
from smithers_persistence.lease import Lease, observe, wait_for
from smithers_persistence.owner import owner_alive, owner_ident, owner_of
from smithers_persistence.rows import FinishedTask, FrameOpening, InstanceRow, TaskRow
from smithers_persistence.verify import verify

EXECUTION = "exec000001"


def dead_ident() -> str:
    """The identity of a process of this machine that has ended."""
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            "from smithers_persistence.owner import owner_ident; print(owner_ident(1_700_000_000_000))",
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return child.stdout.strip()


def elsewhere() -> str:
    """The identity of a process of another machine."""
    return json.dumps(json.loads(owner_ident(NOW)) | {"boot_id": "another"})


class Time:
    """A monotonic clock that `sleep` moves; `during` runs while one sleeps."""

    def __init__(self) -> None:
        self.now = 0
        self.slept = 0.0

    def __call__(self) -> int:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += round(seconds * 1000)
        self.slept += seconds


async def take(db: Database, owner: str = "host-2", **more: object) -> ExecutionStore:
    seen = await observe(db, EXECUTION)
    return await ExecutionStore.take(db, EXECUTION, owner, owner_ident(NOW), seen, clock=lambda: NOW, **more)


@pytest.mark.requirement("T-2", "T-4")
async def test_a_released_execution_is_taken_at_once(open_db: OpenDb) -> None:
    async with open_db() as db:
        first = await new_store(db, owner_ident=owner_ident(NOW))
        with pytest.raises(HeldByAnother, match=f"process {os.getpid()}") as held:
            await take(db)
        assert held.value.since == NOW
        await first.release()
        second = await take(db)
        assert second.holder.epoch == 2
        row = await db.read(lambda conn: reads.get_execution(conn, EXECUTION))
        assert (row.owner, row.epoch, row.status) == ("host-2", 2, "running")
        with pytest.raises(LostLease, match=f"held by process {os.getpid()} on"):
            await first.log([])
        await second.commit(frame(0, None, flush([change("k", None, "1")])))
        assert await db.read(verify) == []


@pytest.mark.requirement("T-4")
async def test_a_dead_owner_is_taken_over_at_once_and_an_unknown_one_is_not(open_db: OpenDb) -> None:
    async with open_db() as db:
        await new_store(db, owner_ident=dead_ident())
        assert (await take(db)).holder.epoch == 2
    async with open_db() as db:
        await new_store(db, "exec000002", owner_ident=elsewhere())
        seen = await observe(db, "exec000002")
        with pytest.raises(HeldByAnother):
            await ExecutionStore.take(db, "exec000002", "host-2", owner_ident(NOW), seen)


@pytest.mark.requirement("T-2")
async def test_the_former_owners_attempts_cannot_finish(open_db: OpenDb) -> None:
    async with open_db() as db:
        first = await new_store(db, owner_ident=dead_ident())
        opening = FrameOpening(
            None, b"p" * 16, instances=[InstanceRow("n", None, "Task")], new_tasks=[TaskRow("n", 0, "Task", NOW)]
        )
        await first.commit(frame(0, opening))
        second = await take(db)
        done = FinishedTask("n", 0, 1, "succeeded", NOW)
        for store in (first, second):
            # The second one's epoch did not claim it either.
            with pytest.raises(LostLease):
                await store.finish(done)


@pytest.mark.requirement("T-2")
async def test_a_claim_succeeds_only_on_the_row_that_was_judged(open_db: OpenDb) -> None:
    async with open_db() as db:
        first = await new_store(db)
        await first.release()
        seen = await observe(db, EXECUTION)
        await ExecutionStore.take(db, EXECUTION, "host-2", owner_ident(NOW), seen)
        with pytest.raises(HeldByAnother):
            await ExecutionStore.take(db, EXECUTION, "host-3", owner_ident(NOW), seen)
        with pytest.raises(UnknownExecution):
            await observe(db, "nobody")


@pytest.mark.requirement("T-1")
async def test_a_silent_owner_is_waited_for_and_a_beating_one_is_not_taken(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db, owner_ident=elsewhere())
        clock = Time()
        seen = await wait_for(db, await observe(db, EXECUTION), clock, clock.sleep)
        assert seen.silent
        assert 37.5 <= clock.slept <= 39

        async def beat(seconds: float) -> None:
            await clock.sleep(seconds)
            if clock.slept > 45:
                await db.write(store.renew)

        with pytest.raises(HeldByAnother):
            await wait_for(db, await observe(db, EXECUTION), clock, beat)
        # What was silent before gave a sign of life since: the claim is refused.
        with pytest.raises(HeldByAnother):
            await ExecutionStore.take(db, EXECUTION, "host-2", owner_ident(NOW), seen)


@pytest.mark.requirement("T-4")
@pytest.mark.parametrize("jump_ms", [-10_800_000, 0, 10_800_000])
async def test_a_living_holder_is_never_taken_over_whatever_the_wall_clock_says(open_db: OpenDb, jump_ms: int) -> None:
    async with open_db() as db:
        store = await new_store(db, owner_ident=owner_ident(NOW), lease_expires_at=NOW + 30_000)
        clock = Time()

        async def beat(seconds: float) -> None:
            await clock.sleep(seconds)
            if clock.slept > 10:
                await db.write(store.renew)

        with pytest.raises(HeldByAnother):
            await wait_for(db, await observe(db, EXECUTION), clock, beat, wall_ms=lambda: NOW + 1 + jump_ms)
        assert (clock.slept == 0) == (jump_ms == 0), "the wall clock only spares the waiting"


@pytest.mark.requirement("T-4")
async def test_one_that_ended_while_it_was_thought_silent_is_not_run_again(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db, owner_ident=elsewhere())
        clock = Time()
        seen = await wait_for(db, await observe(db, EXECUTION), clock, clock.sleep)
        await store.release()
        with pytest.raises(HeldByAnother, match="just been released"):
            await ExecutionStore.take(db, EXECUTION, "host-2", owner_ident(NOW), seen)


@pytest.mark.requirement("T-1")
async def test_a_late_holder_renews_with_its_next_write(open_db: OpenDb) -> None:
    async with open_db() as db:
        clock = Time()
        first = await new_store(db, owner_ident=elsewhere())
        store = ExecutionStore(db, first.holder, lambda: NOW, Lease(30_000, 0, clock))
        await store.log([])
        assert (await observe(db, EXECUTION)).hb_seq == 1
        clock.now = 22_500
        assert store.lease.doubtful
        await store.log([])
        assert not store.lease.doubtful
        assert (await observe(db, EXECUTION)).hb_seq == 2
        clock.now = 50_000
        await store.commit(frame(0, None, flush([change("k", None, "1")])))
        assert (await observe(db, EXECUTION)).hb_seq == 3


def test_who_lives(tmp_path: Path) -> None:
    mine = owner_ident(NOW, 5000)
    assert owner_alive(mine) is True
    assert owner_of(mine).lease_ms == 5000
    assert owner_alive(dead_ident()) is False
    assert owner_alive(json.dumps(json.loads(mine) | {"start_time": "1"})) is False
    for unknown in (None, "{}", "[]", "nonsense", elsewhere()):
        assert owner_alive(unknown) is None
    assert str(owner_of("nonsense")) == "another process"
