"""Protocols that are wrong in the ways people write them: the checker must find each."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace

from sim_engine import LEASE_MS, Engine, Protocol

from smithers_persistence import ExecutionStore, HeldByAnother
from smithers_persistence.lease import Lease, Observation, observe
from smithers_persistence.rows import FinishedTask
from smithers_persistence.writes import Holder


class ReadThenWrite(Protocol):
    """The claim writes without comparing what it saw: two that saw the same both win."""

    async def take(self, engine: Engine, seen: Observation, owner: str) -> ExecutionStore:
        """Claim, whatever has happened since."""
        clock = engine.process.monotonic_ms
        lease = Lease(LEASE_MS, clock(), clock)
        row = (owner, engine.process.ident(LEASE_MS), seen.epoch + 1, engine.execution_id)

        def write(conn: sqlite3.Connection) -> None:
            conn.execute("UPDATE executions SET owner = ?, owner_ident = ?, epoch = ? WHERE execution_id = ?", row)

        await engine.db.write(write)
        holder = Holder(engine.execution_id, owner, seen.epoch + 1)
        return ExecutionStore(engine.db, holder, engine.process.wall_ms, lease)


class WallClockExpiry(Protocol):
    """A lease is over when the wall clock says so."""

    async def judge(self, engine: Engine, seen: Observation) -> Observation:
        """Look at `lease_expires_at`."""
        if not seen.free and engine.process.wall_ms() <= (seen.expires_at or 0):
            raise HeldByAnother(seen.execution_id, seen.owner, seen.owner_ident)
        return replace(seen, silent=True)


class UnfencedFinish(Protocol):
    """A result is written wherever its attempt is running, by whomever."""

    async def finish(self, engine: Engine, store: ExecutionStore, done: FinishedTask) -> None:
        """Record 2 without asking who owns the execution now."""
        key = (done.result_json, done.ended_at, engine.execution_id, done.node_id)

        def write(conn: sqlite3.Connection) -> None:
            conn.execute(
                "UPDATE tasks SET status = 'succeeded', result_json = ?, ended_at = ?, lease_owner = NULL "
                "WHERE execution_id = ? AND node_id = ? AND status = 'running'",
                key,
            )

        await engine.db.write(write)


class NoDoubt(Protocol):
    """A holder that comes back late writes on as if no time had passed, without renewing first."""

    async def take(self, engine: Engine, seen: Observation, owner: str) -> ExecutionStore:
        """The real claim, with a lease that never becomes doubtful."""
        store = await super().take(engine, seen, owner)
        store.lease = Lease(LEASE_MS, 0, lambda: 0)
        return store


class ShortSilence(Protocol):
    """A holder is called gone after half of the time that it trusts its lease."""

    async def judge(self, engine: Engine, seen: Observation) -> Observation:
        """Two looks, a third of a lease apart."""
        if seen.free:
            return seen
        await engine.process.sleep(LEASE_MS / 3 / 1000)
        again = await observe(engine.db, engine.execution_id, engine.process.world.alive)
        if again.free or json.dumps([again.epoch, again.hb_seq]) == json.dumps([seen.epoch, seen.hb_seq]):
            return replace(again, silent=True)
        raise again.held()


PLANTED: dict[str, type[Protocol]] = {
    "a claim that reads, then writes": ReadThenWrite,
    "expiry by the wall clock": WallClockExpiry,
    "a finish without a fence": UnfencedFinish,
    "no doubt after a pause": NoDoubt,
    "too short a silence": ShortSilence,
}
