"""The engine's hand on one execution: every record it writes, each in one fenced transaction (T-2, H-3, Z-18)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from smithers_persistence import commands, frame_writes, people, reads_agents, writes, writes_agents
from smithers_persistence.database import Database
from smithers_persistence.frame_store import pack_keyframe
from smithers_persistence.lease import Lease, Observation, wall_ms
from smithers_persistence.owner import DEFAULT_LEASE_MS
from smithers_persistence.records import AgentSession
from smithers_persistence.recovery import Recovery, write_recovery
from smithers_persistence.rows import (
    AgentRow,
    CommitInfo,
    EndExecution,
    EventRow,
    FinishedTask,
    FrameWrite,
    NewExecution,
    PhaseTimes,
    RetryLater,
    StreamRow,
    TaskClaim,
)
from smithers_persistence.sql import Q
from smithers_persistence.writes import Claim, Holder

T = TypeVar("T")

KEYFRAME_FRAMES = 512
KEYFRAME_MIN_BYTES = 16_384


def monotonic_ms() -> int:
    """Milliseconds of this machine's monotonic clock."""
    return time.monotonic_ns() // 1_000_000


@dataclass(slots=True)
class _SinceKeyframe:
    """Whether the deltas since the last full plan outweigh it (DESIGN §5 Frames)."""

    frames: int = 0
    delta_bytes: int = 0
    full_bytes: int = 0

    def add(self, infos: Sequence[CommitInfo]) -> None:
        for info in infos:
            if info.frame_index == 0:
                # Frame 0's delta is the whole plan, and compresses about eightfold.
                self.full_bytes = info.delta_bytes // 8
            else:
                self.frames += 1
                self.delta_bytes += info.delta_bytes

    @property
    def due(self) -> bool:
        if self.delta_bytes == 0:
            return False
        return self.frames >= KEYFRAME_FRAMES or self.delta_bytes > max(self.full_bytes, KEYFRAME_MIN_BYTES)


class ExecutionStore:
    """Writes of one execution under one owner and epoch.

    Every method raises LostLease when the execution belongs to someone else (nothing is written then), StoreFailed when
    the database is failed, DatabaseBusy when another process kept the write lock.
    """

    def __init__(
        self, db: Database, holder: Holder, clock: Callable[[], int] = wall_ms, lease: Lease | None = None
    ) -> None:
        self.db = db
        self.holder = holder
        self.lease = lease or Lease(DEFAULT_LEASE_MS, monotonic_ms(), monotonic_ms)
        self._clock = clock
        self._since_keyframe = _SinceKeyframe()

    @classmethod
    async def create(
        cls, db: Database, new: NewExecution, clock: Callable[[], int] = wall_ms, lease: Lease | None = None
    ) -> ExecutionStore:
        """Insert the execution, in epoch 1, with its initial state as frame -1; durable. `lease` was made before."""

        def insert(conn: sqlite3.Connection) -> None:
            frame_writes.create(conn, new)

        await db.write(insert, durable=True, what=("create",))
        return cls(db, Holder(new.execution_id, new.owner, 1), clock, lease)

    @classmethod
    async def take(
        cls,
        db: Database,
        execution_id: str,
        owner: str,
        owner_ident: str,
        observed: Observation,
        *,
        status: str = "running",
        clock: Callable[[], int] = wall_ms,
        lease: Lease | None = None,
        events: Sequence[EventRow] = (),
    ) -> ExecutionStore:
        """Own the execution from now on, in a new epoch; durable. What it ended with, if it had ended, is cleared.

        `observed` is what was judged free (`observe`, `wait_for`); the claim succeeds only on that very row. `lease`
        was made before, so that it counts from before the claim was sent. What the former owner still sends is refused.

        Raises HeldByAnother when it is not free, or changed hands since `observed`; UnknownExecution.
        """
        if not observed.free:
            raise observed.held()
        lease = lease or Lease(DEFAULT_LEASE_MS, monotonic_ms(), monotonic_ms)
        holder = Holder(execution_id, owner, observed.epoch + 1)
        claim = Claim(observed.hb_seq, owner_ident, lease.lease_ms, status)

        def take(conn: sqlite3.Connection) -> None:
            writes.take(conn, holder, claim, clock())
            writes.insert_events(conn, holder.execution_id, events)

        await db.write(take, durable=True, what=("take",))
        return cls(db, holder, clock, lease)

    @property
    def execution_id(self) -> str:
        return self.holder.execution_id

    @property
    def keyframe_due(self) -> bool:
        """True when a `write_keyframe` would shorten the way back to the head frame."""
        return self._since_keyframe.due

    async def commit(self, *frames: FrameWrite) -> CommitInfo:
        """Write a frame's opening, its flush, or both, or several frames that follow one another: one transaction,
        durable when asked, or when it claims tasks or records their ends. Returns what the last of them wrote.

        Raises FrameOrderError when an opening does not follow the head frame or a flush is not the head frame's.
        """
        infos = await self.db.write(
            partial(self._frames, frames),
            durable=_durable(frames),
            landed=self._since_keyframe.add,
            what=frame_writes.crash_points(frames),
            at_once=True,
        )
        return infos[-1]

    def send(
        self,
        frames: Sequence[FrameWrite],
        *,
        underway: Callable[[], None],
        landed: Callable[[], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        """As `commit`, for who does not wait: see `Database.send`."""

        def counted(infos: list[CommitInfo]) -> None:
            self._since_keyframe.add(infos)
            landed()

        what = frame_writes.crash_points(frames)
        self.db.send(partial(self._frames, frames), _durable(frames), counted, what, underway=underway, failed=failed)

    async def write_keyframe(self, frame_index: int, flat_nodes: list[list[Any]]) -> None:
        """Store the full plan of a frame: rows [id, parent, type, name, props] in plan order. A cache, not a record."""
        # Compressing 10k nodes takes some 10 ms: neither the loop nor the database thread should stand still for it.
        packed = await asyncio.to_thread(pack_keyframe, flat_nodes)
        self._since_keyframe = _SinceKeyframe(full_bytes=len(packed))
        await self._write(
            lambda conn: frame_writes.set_keyframe(conn, self.execution_id, frame_index, packed), "keyframe"
        )

    async def claim(self, claims: Sequence[TaskClaim]) -> None:
        """Record 1: these attempts run under this owner and epoch. Durable; LostLease if one is not scheduled."""

        def claim_all(conn: sqlite3.Connection) -> None:
            for claim in claims:
                writes.claim_task(conn, self.holder, claim)

        await self._write(claim_all, "claim", durable=True)

    async def finish(self, *ended: FinishedTask) -> None:
        """Record 2: the attempts ended, their handlers are pending. Durable; LostLease unless they run in this epoch.

        Where a frame that calls no user code follows at once, it can carry them: `FrameWrite.finished`.
        """

        def finish(conn: sqlite3.Connection) -> None:
            for done in ended:
                writes.finish_task(conn, self.holder, done)
                writes.insert_events(conn, self.execution_id, done.events)

        await self._write(finish, "finished", durable=True)

    async def retry_later(self, later: RetryLater) -> None:
        """End the attempt with its error and schedule the next one. LostLease unless it runs under this epoch."""

        def retry(conn: sqlite3.Connection) -> None:
            writes.retry_task(conn, self.holder, later)
            writes.insert_events(conn, self.execution_id, later.events)

        await self._write(retry, "retry")

    async def record_process(self, node_id: str, mounted_frame: int, attempt: int, process_json: str) -> None:
        """The child process of a running attempt (Z-10). Not durable: a power cut ends the process too."""
        task = (node_id, mounted_frame, attempt)
        await self._write(lambda conn: writes.set_task_process(conn, self.holder, task, process_json), "process")

    async def checkpoint(self, node_id: str, mounted_frame: int, attempt: int, agent: AgentRow) -> None:
        """Write what a conversation gained (G-3); durable: what its next step does must not be done twice."""

        def write(conn: sqlite3.Connection) -> None:
            writes_agents.put_agent(conn, self.execution_id, (node_id, mounted_frame, attempt), agent)

        await self._write(write, "checkpoint", durable=True)

    async def forget_session(self, node_id: str, mounted_frame: int) -> None:
        """Drop a conversation, so that the next attempt begins again."""
        key = (self.execution_id, node_id, mounted_frame)
        await self._write(lambda conn: writes_agents.forget_session(conn, *key), "forget")

    async def load_session(self, node_id: str, mounted_frame: int) -> AgentSession:
        """The conversation of an incarnation as far as it got."""
        key = (self.execution_id, node_id, mounted_frame)
        return await self.db.read(lambda conn: reads_agents.agent_session(conn, *key))

    async def stream(self, rows: Sequence[StreamRow]) -> None:
        """Append streamed pieces (G-2)."""
        await self._write(lambda conn: writes.insert_stream(conn, self.execution_id, rows), "stream")

    async def log(self, events: Sequence[EventRow]) -> None:
        """Append events that belong to no frame write."""
        await self._write(lambda conn: writes.insert_events(conn, self.execution_id, events), "log")

    async def set_status(self, status: str, reason: str | None = None, events: Sequence[EventRow] = ()) -> None:
        """The execution's one-word status and its reason (Z-21)."""

        def change(conn: sqlite3.Connection) -> None:
            writes.set_status(conn, self.execution_id, status, reason)
            writes.insert_events(conn, self.execution_id, events)

        await self._write(change, "status")

    async def suspend(self, reason: str, events: Sequence[EventRow], before: PhaseTimes | None = None) -> None:
        """Leave the execution waiting, without an owner: its tasks are put back, its questions stay open. Durable.
        `before` completes the times of the last frame.
        """

        def leave(conn: sqlite3.Connection) -> None:
            if before is not None:
                frame_writes.set_phase_times(conn, self.execution_id, before)
            commands.suspend(conn, self.holder)
            writes.set_status(conn, self.execution_id, "waiting", reason)
            writes.insert_events(conn, self.execution_id, events)
            writes.release_execution(conn, self.execution_id)

        await self._write(leave, "suspend", durable=True)

    async def recover(self, recovery: Recovery) -> None:
        """What a resume decides before its first frame: one durable transaction."""
        await self._write(lambda conn: write_recovery(conn, self.holder, recovery), "recover", durable=True)

    async def change_script(self, script_hash: str | None, engine_version: str, events: Sequence[EventRow]) -> None:
        """From now on the execution runs another version of its script, or of its engine (T-6)."""

        def change(conn: sqlite3.Connection) -> None:
            conn.execute(Q["set_script_hash"], (script_hash, engine_version, self.execution_id))
            writes.insert_events(conn, self.execution_id, events)

        await self._write(change, "script", durable=True)

    async def end(self, end: EndExecution) -> None:
        """The closing record; durable."""

        def close(conn: sqlite3.Connection) -> None:
            if end.before is not None:
                frame_writes.set_phase_times(conn, self.execution_id, end.before)
            writes.end_execution(conn, self.execution_id, end)
            commands.answer(conn, self.execution_id, end.commands, None)
            if end.withdraw:
                people.cancel_all(conn, self.execution_id)
            writes.insert_events(conn, self.execution_id, end.events)

        await self._write(close, "end", durable=True)

    async def release(self) -> None:
        """Give the execution up: it has no owner until someone claims it."""
        await self._write(lambda conn: writes.release_execution(conn, self.execution_id), "release")

    def _frames(self, frames: Sequence[FrameWrite], conn: sqlite3.Connection) -> list[CommitInfo]:
        if self.lease.doubtful:
            self.renew(conn)
        return frame_writes.write_frames(conn, self.holder, frames)

    def renew(self, conn: sqlite3.Connection) -> None:
        """A heartbeat, for whoever has a transaction open. Raises LostLease."""
        sent = self.lease.monotonic_ms()
        writes.renew(conn, self.holder, self._clock() + self.lease.lease_ms)
        self.lease.renewed(sent)

    async def apply(self, fn: Callable[[sqlite3.Connection], T], what: str, *, durable: bool = False) -> T:
        """Run `fn(conn)` in one fenced transaction: for the records of people.py and commands.py."""
        return await self._write(fn, what, durable=durable)

    async def _write(self, fn: Callable[[sqlite3.Connection], T], what: str, *, durable: bool = False) -> T:
        now = self._clock()

        def fenced(conn: sqlite3.Connection) -> T:
            writes.fence(conn, self.holder, now)
            if self.lease.doubtful:
                self.renew(conn)
            return fn(conn)

        return await self.db.write(fenced, durable=durable, what=(what,))


def _durable(frames: Sequence[FrameWrite]) -> bool:
    return any(
        write.durable or write.finished or (write.opening is not None and write.opening.claims) for write in frames
    )
