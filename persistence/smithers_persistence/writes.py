"""One typed function per writing query, and the small compositions of them that a transaction is made of.

All of them take the open connection first and run inside the caller's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from smithers_persistence.errors import HeldByAnother, LostLease, UnknownExecution
from smithers_persistence.owner import owner_of, stored_owner
from smithers_persistence.packing import pack
from smithers_persistence.rows import (
    EffectRow,
    EndExecution,
    EventRow,
    FinishedTask,
    InstanceRow,
    KvWrite,
    NewExecution,
    NodeKey,
    Restart,
    RetryLater,
    StreamRow,
    TaskClaim,
    TaskRow,
    TransitionRow,
)
from smithers_persistence.sql import Q
from smithers_persistence.writes_agents import put_agent


@dataclass(frozen=True, slots=True)
class Holder:
    """Who writes: the execution, its owner and the owner's epoch. Every write is fenced by all three (T-2)."""

    execution_id: str
    owner: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Claim:
    """How an execution is taken: `hb_seq` is what the claimant saw, `status` what the execution is from now on."""

    hb_seq: int
    owner_ident: str
    lease_ms: int
    status: str


@dataclass(slots=True)
class Head:
    """The last frame and the chain after it."""

    frame: int
    chain: bytes


def insert_execution(conn: sqlite3.Connection, new: NewExecution, chain: bytes) -> None:
    """Raises sqlite3.IntegrityError when the id is taken."""
    tags = orjson.dumps(new.tags).decode() if new.tags else None
    conn.execute(
        Q["insert_execution"],
        (
            new.execution_id,
            new.status,
            new.owner,
            new.lease_expires_at,
            chain,
            new.created_at,
            new.created_at,
            new.created_at,
            new.parent_id,
            new.name,
            tags,
            new.script,
            new.script_hash,
            new.engine_version,
            new.root_component,
            new.owner_ident,
            new.config_json,
            new.input_json,
        ),
    )


def fence(conn: sqlite3.Connection, holder: Holder, now: int) -> Head:
    """The first statement of every write. Raises LostLease when the execution is no longer the holder's."""
    key = (now, holder.execution_id, holder.owner, holder.epoch)
    row = conn.execute(Q["fence"], key).fetchone()
    if row is None:
        raise lost_lease(conn, holder)
    return Head(row[0], row[1])


def fenced_head(conn: sqlite3.Connection, holder: Holder) -> tuple[Head, Ledger]:
    """`fence` for who writes the head afterwards: inside BEGIN IMMEDIATE reading is as good as writing, and cheaper."""
    row = conn.execute(Q["fenced_head"], (holder.execution_id, holder.owner, holder.epoch)).fetchone()
    if row is None:
        raise lost_lease(conn, holder)
    return Head(row[0], row[1]), Ledger(holder.execution_id, row[2] or 0, row[3] or 0)


def lost_lease(conn: sqlite3.Connection, holder: Holder) -> LostLease:
    """The error of a holder that is none any more, naming who is."""
    row = stored_owner(conn, holder.execution_id)
    by = str(owner_of(row[2])) if row is not None and row[1] is not None else None
    return LostLease(holder.execution_id, holder.owner, holder.epoch, by=by)


def renew(conn: sqlite3.Connection, holder: Holder, lease_expires_at: int) -> None:
    """A heartbeat. Raises LostLease when the execution is no longer the holder's."""
    key = (holder.execution_id, holder.owner, holder.epoch)
    if conn.execute(Q["renew_execution"], (lease_expires_at, *key)).rowcount != 1:
        raise lost_lease(conn, holder)


def take(conn: sqlite3.Connection, holder: Holder, claim: Claim, now: int) -> None:
    """Make `holder` the owner if the row is still as the claimant saw it: in the epoch before, at that heartbeat.

    Raises HeldByAnother when it is not.
    """
    change = (holder.owner, claim.owner_ident, now + claim.lease_ms, claim.status, now)
    seen = (holder.execution_id, holder.epoch - 1, claim.hb_seq)
    if conn.execute(Q["take_execution"], (*change, *seen)).rowcount != 1:
        row = stored_owner(conn, holder.execution_id)
        if row is None:
            raise UnknownExecution(holder.execution_id)
        raise HeldByAnother(holder.execution_id, row[1], row[2])


def set_head(conn: sqlite3.Connection, execution_id: str, head: Head, now: int) -> None:
    conn.execute(Q["set_head"], (head.frame, head.chain, now, execution_id))


def set_status(conn: sqlite3.Connection, execution_id: str, status: str, reason: str | None) -> None:
    conn.execute(Q["set_status"], (status, reason, execution_id))


def end_execution(conn: sqlite3.Connection, execution_id: str, end: EndExecution) -> None:
    row = (end.status, end.status_reason, end.exit_code, end.stop_reason, end.summary_json, end.ended_at, execution_id)
    conn.execute(Q["end_execution"], row)


def release_execution(conn: sqlite3.Connection, execution_id: str) -> None:
    conn.execute(Q["release_execution"], (execution_id,))


def insert_instances(
    conn: sqlite3.Connection, execution_id: str, frame_index: int, instances: Sequence[InstanceRow]
) -> None:
    conn.executemany(
        Q["insert_instance"],
        [
            (execution_id, i.node_id, frame_index, i.parent_id, i.node_type, i.name, i.status, i.source)
            for i in instances
        ],
    )


def close_instances(conn: sqlite3.Connection, execution_id: str, frame_index: int, closed: Sequence[NodeKey]) -> None:
    conn.executemany(Q["close_instance"], [(frame_index, execution_id, *node) for node in closed])


def set_instance_statuses(
    conn: sqlite3.Connection, execution_id: str, statuses: Sequence[tuple[str, int, str]]
) -> None:
    conn.executemany(
        Q["set_instance_status"], [(status, execution_id, node, mounted) for node, mounted, status in statuses]
    )


def insert_transitions(
    conn: sqlite3.Connection,
    execution_id: str,
    frame_index: int,
    transitions: Sequence[TransitionRow],
    ledger: Ledger,
) -> list[int]:
    """The ids given, in order; contiguous, for this transaction is the only writer."""
    first = ledger.last_transition + 1
    ledger.last_transition += len(transitions)
    rows = [
        (
            number,
            execution_id,
            frame_index,
            t.key,
            pack(t.old_value_json),
            pack(t.new_value_json),
            pack(t.delta_json),
            1 if t.deleted else None,
            t.trigger,
            t.node_id,
            t.handler,
            t.event_id,
            t.timestamp,
        )
        for number, t in enumerate(transitions, first)
    ]
    if rows:
        conn.executemany(Q["insert_transition"], rows)
    return [*range(first, ledger.last_transition + 1)]


def write_state(
    conn: sqlite3.Connection,
    execution_id: str,
    kv: Sequence[KvWrite],
    transitions: Sequence[TransitionRow],
    ids: Sequence[int],
) -> None:
    """Put or delete the rows of state_kv; `ids` are those of `transitions`, each kv row names the one it includes."""
    last = {transition.key: number for transition, number in zip(transitions, ids, strict=True)}
    rows: dict[str, tuple[object, ...] | None] = {}
    for write in kv:
        included = last[write.key] if write.transition is None else ids[write.transition]
        rows[write.key] = None if write.value_json is None else _state_row(execution_id, write, included)
    gone = [(execution_id, key) for key, row in rows.items() if row is None]
    if gone:
        conn.executemany(Q["delete_state"], gone)
    if len(rows) > len(gone):
        conn.executemany(Q["put_state"], [row for row in rows.values() if row is not None])


def _state_row(execution_id: str, write: KvWrite, included: int) -> tuple[object, ...]:
    base = included if write.keyframe else None
    return (execution_id, write.key, base, write.updated_at, included, write.type_name, pack(write.value_json))


def write_effects(conn: sqlite3.Connection, execution_id: str, frame_index: int, effects: Sequence[EffectRow]) -> None:
    for effect in effects:
        if effect.removed:
            conn.execute(Q["delete_effect"], (execution_id, effect.effect_id))
        else:
            row = (execution_id, effect.effect_id, int(effect.has_cleanup), frame_index, effect.deps_json)
            conn.execute(Q["put_effect"], row)


def insert_tasks(
    conn: sqlite3.Connection, holder: Holder, frame_index: int, tasks: Sequence[TaskRow], claims: Sequence[TaskClaim]
) -> None:
    """Insert new tasks; those claimed in the same transaction are inserted running, the other claims are updates."""
    left = {(claim.node_id, claim.mounted_frame, claim.attempt): claim for claim in claims}
    rows: list[tuple[object, ...]] = []
    for t in tasks:
        claim = left.pop((t.node_id, t.mounted_frame, t.attempt), None)
        start = (holder.execution_id, t.node_id, t.mounted_frame, t.attempt, t.kind, t.signature)
        scheduled = (t.scheduled_at, None if frame_index == t.mounted_frame else frame_index)
        if claim is None:
            rows.append((*start, t.status, None, 0, 0, None, t.next_retry_at, *scheduled, None, None))
        else:
            lease = ("running", holder.owner, holder.epoch, 1, claim.lease_expires_at)
            rows.append((*start, *lease, None, *scheduled, claim.started_at, claim.process_json))
    conn.executemany(Q["insert_task"], rows)
    for claim in left.values():
        claim_task(conn, holder, claim)


def claim_task(conn: sqlite3.Connection, holder: Holder, claim: TaskClaim) -> None:
    """Raises LostLease when this attempt is not scheduled any more."""
    lease = (holder.owner, holder.epoch, claim.lease_expires_at, claim.started_at, claim.process_json)
    task = (claim.node_id, claim.mounted_frame, claim.attempt)
    if conn.execute(Q["claim_task"], (*lease, holder.execution_id, *task)).rowcount != 1:
        raise _lost_task(holder, *task)


def finish_task(conn: sqlite3.Connection, holder: Holder, done: FinishedTask, handled_frame: int | None = None) -> None:
    """Record 2 of H-3, and with `handled_frame` record 3 too: what it had journaled is applied in this transaction.

    Raises LostLease unless this attempt runs under the holder's epoch.
    """
    task = (done.node_id, done.mounted_frame, done.attempt)
    journal = pack(done.journal_json) if handled_frame is None else None
    outcome = (done.status, pack(done.result_json), done.error_json, journal, done.ended_at, handled_frame)
    if conn.execute(Q["finish_task"], (*outcome, holder.execution_id, *task, holder.epoch)).rowcount != 1:
        raise _lost_task(holder, *task)
    if done.agent is not None:
        put_agent(conn, holder.execution_id, task, done.agent)


def retry_task(conn: sqlite3.Connection, holder: Holder, later: RetryLater) -> None:
    """Raises LostLease unless this attempt runs under the holder's epoch."""
    task = (later.node_id, later.mounted_frame, later.attempt)
    started_at = task_started_at(conn, holder, task)
    change = (later.error_json, later.next_retry_at, later.backoff_ms)
    updated = conn.execute(Q["retry_task"], (*change, holder.execution_id, *task, holder.epoch))
    if updated.rowcount != 1:
        raise _lost_task(holder, *task)
    row = (holder.execution_id, *task, started_at, later.ended_at, later.error_json)
    conn.execute(Q["insert_past_attempt"], row)
    if later.agent is not None:
        put_agent(conn, holder.execution_id, task, later.agent)


def task_started_at(conn: sqlite3.Connection, holder: Holder, task: tuple[str, int, int]) -> int | None:
    row = conn.execute(Q["task_started_at"], (holder.execution_id, *task)).fetchone()
    return row[0] if row else None


def handle_tasks(
    conn: sqlite3.Connection, execution_id: str, frame_index: int, handled: Sequence[tuple[str, int, str]]
) -> None:
    # A handler that failed changes the status: keep what the attempt itself ended with.
    changed = [(execution_id, node, mounted, status) for node, mounted, status in handled if status != "succeeded"]
    if changed:
        conn.executemany(Q["keep_attempt"], changed)
    conn.executemany(
        Q["handle_task"], [(frame_index, status, execution_id, node, mounted) for node, mounted, status in handled]
    )


def restart_tasks(conn: sqlite3.Connection, execution_id: str, at: int, restarts: Sequence[Restart]) -> None:
    """Schedule tasks again; what their last attempt came to is kept where it counted."""
    for task in restarts:
        key = (execution_id, task.node_id, task.mounted_frame)
        if task.crashed:
            conn.execute(Q["keep_crashed"], (at, *key))
        elif task.anew:
            conn.execute(Q["keep_ended"], key)
            conn.execute(Q["ask_again"], key)
        more, crashed = int(task.crashed or task.anew), int(task.crashed)
        conn.execute(Q["restart_task"], (more, crashed, int(task.anew), crashed, *key))


def rehandle_tasks(conn: sqlite3.Connection, execution_id: str, keys: Sequence[NodeKey]) -> None:
    """Tasks whose handler is to run again."""
    for node_id, mounted in keys:
        conn.execute(Q["rehandle_task"], (execution_id, node_id, mounted))


def drop_tasks(
    conn: sqlite3.Connection, execution_id: str, frame_index: int, now: int, keys: Sequence[NodeKey]
) -> None:
    conn.executemany(Q["drop_task"], [(now, frame_index, execution_id, node, mounted) for node, mounted in keys])


def set_task_process(
    conn: sqlite3.Connection, holder: Holder, task: tuple[str, int, int], process_json: str | None
) -> None:
    """Raises LostLease unless this attempt runs under the holder's epoch."""
    row = (process_json, holder.execution_id, *task, holder.epoch)
    if conn.execute(Q["set_task_process"], row).rowcount != 1:
        raise _lost_task(holder, *task)


class Ledger:
    """What one transaction numbers: its transitions, on from the database's last one, and its events, on from the
    execution's last one. Events are collected and written together.
    """

    __slots__ = ("_execution_id", "_last_event", "_rows", "last_transition")

    def __init__(self, execution_id: str, last_event: int, last_transition: int) -> None:
        self.last_transition = last_transition
        self._execution_id = execution_id
        self._last_event = last_event
        self._rows: list[tuple[object, ...]] = []

    def add(self, events: Sequence[EventRow], frame_index: int | None = None) -> None:
        """Take events, in order; `frame_index` is that of those that name no frame."""
        for event in events:
            self._last_event += 1
            frame = frame_index if event.frame_index is None else event.frame_index
            level = None if event.level == "info" else event.level
            start = (self._execution_id, self._last_event, event.timestamp, level, event.type, event.source)
            self._rows.append((*start, event.node_id, frame, event.payload_json))

    def write_events(self, conn: sqlite3.Connection) -> None:
        """Insert what was added, once."""
        if self._rows:
            conn.executemany(Q["insert_event"], self._rows)


def insert_events(conn: sqlite3.Connection, execution_id: str, events: Sequence[EventRow]) -> None:
    """The only events of a transaction."""
    if events:
        last = conn.execute(Q["last_seq"], (execution_id,)).fetchone()[0]
        ledger = Ledger(execution_id, last or 0, 0)
        ledger.add(events)
        ledger.write_events(conn)


def insert_stream(conn: sqlite3.Connection, execution_id: str, rows: Sequence[StreamRow]) -> None:
    conn.executemany(
        Q["insert_stream_event"],
        [(execution_id, r.node_id, r.mounted_frame, r.attempt, r.kind, r.payload_json, r.timestamp) for r in rows],
    )


def _lost_task(holder: Holder, node_id: str, mounted_frame: int, attempt: int) -> LostLease:
    task = f"{node_id}@{mounted_frame}/{attempt}"
    return LostLease(holder.execution_id, holder.owner, holder.epoch, task)
