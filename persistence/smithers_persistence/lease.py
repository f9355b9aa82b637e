"""Who may write an execution, and how somebody else comes to (T-2, T-4; DESIGN §5, Leases).

A claim is compare-and-set on (epoch, hb_seq): it succeeds only on the row that the claimant has judged. It may judge
a row free when the execution was released, when its owner is provably dead, or when (epoch, hb_seq) stood still for
1.25 leases on the claimant's own monotonic clock. Wall clocks decide nothing: they step, and laptops sleep.

The holder counts from *before* it sent its claim or heartbeat. At 0.75 leases it trusts the lease no more: its next
write renews it in the same transaction, and so either still owns the execution, or writes nothing and learns who does.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from smithers_persistence.database import Database
from smithers_persistence.errors import HeldByAnother, UnknownExecution
from smithers_persistence.owner import Owner, owner_alive, owner_of, stored_owner

SILENCE = 1.25
"""Leases of standing still after which a holder counts as gone."""

TRUST = 0.75
"""Leases since the last renewal was sent after which a holder trusts its lease no more."""

_LOOKS = 20  # per lease


def wall_ms() -> int:
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


Alive = Callable[[str | None], bool | None]
"""Whether the owner of this identity lives, None when that cannot be known: `owner_alive`, or a simulation's."""


@dataclass(frozen=True, slots=True)
class Observation:
    """Who owned an execution when somebody looked.

    `expires_at`: when its lease ends by its wall clock, ms since the epoch. `dead`: the owner is provably gone.
    `silent`: it stood still for 1.25 leases since then.
    """

    execution_id: str
    status: str
    owner: str | None
    owner_ident: str | None
    epoch: int
    hb_seq: int
    expires_at: int | None
    dead: bool = False
    silent: bool = False

    @property
    def released(self) -> bool:
        """Nobody owns it."""
        return self.owner is None

    @property
    def free(self) -> bool:
        """It may be taken: released, its owner provably dead, or silent."""
        return self.released or self.dead or self.silent

    @property
    def holder(self) -> Owner:
        """What is known of its owner."""
        return owner_of(self.owner_ident)

    def held(self) -> HeldByAnother:
        """The error that says who holds it."""
        return HeldByAnother(self.execution_id, self.owner, self.owner_ident)


def read_observation(conn: sqlite3.Connection, execution_id: str, alive: Alive = owner_alive) -> Observation:
    """Raises UnknownExecution."""
    row = stored_owner(conn, execution_id)
    if row is None:
        raise UnknownExecution(execution_id)
    return Observation(execution_id, *row, dead=row[1] is not None and alive(row[2]) is False)


async def observe(db: Database, execution_id: str, alive: Alive = owner_alive) -> Observation:
    """Look who owns an execution. Raises UnknownExecution and the errors of `Database.read`."""
    return await db.read(lambda conn: read_observation(conn, execution_id, alive))


async def wait_for(
    db: Database,
    seen: Observation,
    monotonic_ms: Callable[[], int],
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    alive: Alive = owner_alive,
    wall_ms: Callable[[], int] = wall_ms,
    tell: Callable[[Owner, float], None] | None = None,
) -> Observation:
    """Watch until the execution may be taken, at most 1.25 of its holder's leases; returns what to claim.

    `monotonic_ms` is the claimant's clock, `sleep(seconds)` waits on it, `alive` says whether an owner lives. The wall
    clock only spares the waiting where a process that lives has just sent its heartbeat: a wrong one costs time.
    `tell(holder, seconds)` is called once before waiting, with how long that takes at most.

    Raises HeldByAnother as soon as the holder gives a sign of life, UnknownExecution, the errors of `Database.read`.
    """
    lease_ms = seen.holder.lease_ms
    left_ms = (seen.expires_at or 0) - wall_ms()
    if not seen.free and 0 < left_ms <= lease_ms and alive(seen.owner_ident):
        raise seen.held()
    begin = monotonic_ms()
    if tell is not None and not seen.free:
        tell(seen.holder, SILENCE * lease_ms / 1000)
    while not seen.free:
        if monotonic_ms() - begin >= SILENCE * lease_ms:
            return replace(seen, silent=True)
        await sleep(lease_ms / _LOOKS / 1000)
        now = await observe(db, seen.execution_id, alive)
        if (now.epoch, now.hb_seq) != (seen.epoch, seen.hb_seq) and not now.free:
            raise now.held()
        seen = now
    return seen


class Lease:
    """The holder's own view of its lease, on its own monotonic clock. Safe to use from any thread."""

    def __init__(self, lease_ms: int, sent_ms: int, monotonic_ms: Callable[[], int]) -> None:
        self.lease_ms = lease_ms
        self.monotonic_ms = monotonic_ms
        self._sent_ms = sent_ms

    @property
    def doubtful(self) -> bool:
        """True from 0.75 leases after the last renewal was sent: somebody else may soon judge the holder gone."""
        return self.monotonic_ms() - self._sent_ms >= TRUST * self.lease_ms

    def renewed(self, sent_ms: int) -> None:
        """A renewal that was sent at `sent_ms` is committed."""
        self._sent_ms = max(self._sent_ms, sent_ms)
