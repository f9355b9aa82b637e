"""The transaction of a frame: its opening, its flush, or both in one insert (F-6, Z-18)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

import orjson

from smithers_persistence import chain, commands, writes, writes_agents
from smithers_persistence.errors import FrameOrderError
from smithers_persistence.packing import pack
from smithers_persistence.rows import PHASES, CommitInfo, FrameFlush, FrameOpening, FrameWrite, NewExecution, PhaseTimes
from smithers_persistence.sql import Q
from smithers_persistence.writes import Head, Holder, Ledger

INITIAL_FRAME = -1
_TIMES = f"[{','.join(['%.2f'] * len(PHASES))}]"
FIXED_BYTES = 64  # what the hashes and the numbers of a frame's row amount to; texts and blobs are counted


@dataclass(slots=True)
class _Flushed:
    """What a flush leaves for the frame's row."""

    ids: list[int]
    head: bytes
    state_hash: bytes | None
    keys_written: str | None
    phase_ms: str | None

    @property
    def last_id(self) -> int:
        return self.ids[-1] if self.ids else 0


_NOT_FLUSHED = _Flushed([], b"", None, None, None)


def create(conn: sqlite3.Connection, new: NewExecution) -> None:
    """Insert an execution and, as frame -1, the state it starts with."""
    holder = Holder(new.execution_id, new.owner, 1)
    ledger = Ledger(new.execution_id, 0, conn.execute(Q["last_transition"]).fetchone()[0] or 0)
    writes.insert_execution(conn, new, chain.START)
    if new.initial is not None:
        opening = FrameOpening(None, b"")
        write = FrameWrite(INITIAL_FRAME, new.created_at, "initial", [], opening, new.initial)
        row = _opening_row(holder, write, opening)
        head = chain.link_frame(chain.START, INITIAL_FRAME, None, row)
        flushed = _flush(conn, holder, write, new.initial, head, (), ledger)
        _insert_row(conn, holder, write, opening, row, head, flushed)
        writes.set_head(conn, new.execution_id, Head(INITIAL_FRAME, flushed.head), new.created_at)
    ledger.add(new.events)
    ledger.write_events(conn)


def write_frames(conn: sqlite3.Connection, holder: Holder, frames: Sequence[FrameWrite]) -> list[CommitInfo]:
    """Fence, then write them one after the other.

    Raises LostLease, and FrameOrderError when an opening does not follow the head or a flush is not the head's.
    """
    head, ledger = writes.fenced_head(conn, holder)
    infos: list[CommitInfo] = []
    for write in frames:
        head, info = _write_frame(conn, holder, head, write, ledger)
        infos.append(info)
    ledger.write_events(conn)
    writes.set_head(conn, holder.execution_id, head, frames[-1].created_at)
    return infos


def _write_frame(
    conn: sqlite3.Connection, holder: Holder, head: Head, write: FrameWrite, ledger: Ledger
) -> tuple[Head, CommitInfo]:
    opening = write.opening
    if write.frame_index != (head.frame if opening is None else head.frame + 1):
        raise FrameOrderError(holder.execution_id, write.frame_index, head.frame)
    if write.before is not None:
        set_phase_times(conn, holder.execution_id, write.before)
    handled = _finish(conn, holder, write, ledger)
    flushed, row_bytes, delta_bytes = _NOT_FLUSHED, 0, 0
    end = head.chain
    if opening is not None:
        row = _opening_row(holder, write, opening)
        link = end = chain.link_frame(head.chain, write.frame_index, opening.delta, row)
        _open(conn, holder, write, opening, ledger)
        delta_bytes = len(opening.delta or b"")
        if write.flush is not None:
            flushed = _flush(conn, holder, write, write.flush, link, handled, ledger)
            end = flushed.head
        row_bytes = _insert_row(conn, holder, write, opening, row, link, flushed)
    elif write.flush is not None:
        flushed = _flush(conn, holder, write, write.flush, head.chain, handled, ledger)
        end = flushed.head
        row_bytes = _complete_row(conn, holder, write.frame_index, flushed, head)
    first = flushed.ids[0] if flushed.ids else 0
    info = CommitInfo(write.frame_index, first, flushed.last_id, delta_bytes, row_bytes)
    return Head(write.frame_index, end), info


def crash_points(frames: Sequence[FrameWrite]) -> tuple[str, ...]:
    """The points of crash.py that these writes pass."""
    points: list[str] = []
    for write in frames:
        if write.finished:
            points.append("finished")
        if write.opening is not None:
            points.append("frame.commit")
            if write.opening.claims:
                points.append("claim")
        if write.flush is not None:
            points.append("frame.flush")
    return tuple(points)


def set_phase_times(conn: sqlite3.Connection, execution_id: str, times: PhaseTimes) -> None:
    conn.execute(Q["set_phase_times"], (phase_text(times.ms), execution_id, times.frame_index))


def set_keyframe(conn: sqlite3.Connection, execution_id: str, frame_index: int, packed: bytes) -> None:
    conn.execute(Q["set_keyframe"], (packed, execution_id, frame_index))


def _finish(
    conn: sqlite3.Connection, holder: Holder, write: FrameWrite, ledger: Ledger
) -> Sequence[tuple[str, int, str]]:
    """Write the ends that ride along; returns what of the flush's `handled` is still to be written."""
    left = dict.fromkeys(() if write.flush is None else write.flush.handled)
    for done in write.finished:
        # Most have succeeded, and so have their handlers: one statement instead of two.
        record = (done.node_id, done.mounted_frame, "succeeded")
        at_once = done.status == "succeeded" and record in left
        if at_once:
            del left[record]
        writes.finish_task(conn, holder, done, write.frame_index if at_once else None)
        ledger.add(done.events)
    return list(left)


def _open(conn: sqlite3.Connection, holder: Holder, write: FrameWrite, opening: FrameOpening, ledger: Ledger) -> None:
    execution_id, frame_index = holder.execution_id, write.frame_index
    # Most frames have few of these, and a statement for nothing costs as much as a row.
    if opening.dropped:
        writes.drop_tasks(conn, execution_id, frame_index, write.created_at, opening.dropped)
    if opening.restarts or opening.rehandled:
        writes.restart_tasks(conn, execution_id, write.created_at, opening.restarts)
        writes.rehandle_tasks(conn, execution_id, opening.rehandled)
    if opening.closed:
        writes.close_instances(conn, execution_id, frame_index, opening.closed)
    if opening.instances:
        writes.insert_instances(conn, execution_id, frame_index, opening.instances)
    if opening.new_tasks or opening.claims:
        writes.insert_tasks(conn, holder, frame_index, opening.new_tasks, opening.claims)
    ledger.add(opening.events, frame_index)


def _flush(
    conn: sqlite3.Connection,
    holder: Holder,
    write: FrameWrite,
    flush: FrameFlush,
    head: bytes,
    handled: Sequence[tuple[str, int, str]],
    ledger: Ledger,
) -> _Flushed:
    execution_id, frame = holder.execution_id, write.frame_index
    ids = writes.insert_transitions(conn, execution_id, frame, flush.transitions, ledger)
    writes.write_state(conn, execution_id, flush.kv, flush.transitions, ids)
    if flush.statuses:
        writes.set_instance_statuses(conn, execution_id, flush.statuses)
    if handled:
        writes.handle_tasks(conn, execution_id, frame, handled)
    if flush.applied_tools:
        writes_agents.apply_tool_journals(conn, execution_id, flush.applied_tools)
    if flush.effects:
        writes.write_effects(conn, execution_id, frame, flush.effects)
    if flush.blocked:
        commands.block_tasks(conn, execution_id, flush.blocked)
    if flush.commands:
        commands.answer(conn, execution_id, flush.commands, frame)
    if flush.paused is not None:
        commands.set_paused(conn, execution_id, flush.paused)
    ledger.add(flush.events, frame)
    texts = [(t.key, t.old_value_json, t.new_value_json, t.delta_json, t.deleted) for t in flush.transitions]
    # Stored only when they say more than the transitions do.
    written = set(flush.keys_written)
    derived = written == {t.key for t in flush.transitions}
    keys_written = None if derived else orjson.dumps(sorted(written)).decode()
    state_hash = flush.state_hash if ids else None
    link = chain.link_state(head, texts, (state_hash, keys_written))
    return _Flushed(ids, link, state_hash, keys_written, phase_text(flush.phase_ms))


_OpeningRow = tuple[int, int, int, int, int, int, bytes | None, str, str | None, str | None, str | bytes | None]


def _opening_row(holder: Holder, write: FrameWrite, opening: FrameOpening) -> _OpeningRow:
    """What the chain covers of a row beside its delta, in the order of `verify_frames`."""
    triggers = None if write.triggers == [write.reason] else orjson.dumps(write.triggers).decode()
    keys_read = orjson.dumps(opening.keys_read).decode() if opening.keys_read else None
    # An empty delta leaves the plan, and so its hash, as they were.
    plan_hash = None if opening.delta is None and write.frame_index > 0 else opening.plan_hash
    counts = (opening.mounted, opening.unmounted, opening.updated, opening.scopes)
    texts = (write.reason, triggers, keys_read, pack(opening.scopes_json))
    return (holder.epoch, write.created_at, *counts, plan_hash, *texts)


def _insert_row(
    conn: sqlite3.Connection,
    holder: Holder,
    write: FrameWrite,
    opening: FrameOpening,
    row: _OpeningRow,
    link: bytes,
    flushed: _Flushed,
) -> int:
    epoch, created_at, *counts, plan_hash, reason, triggers, keys_read, scopes = row
    counts += (flushed.last_id, len(flushed.ids))
    after = (flushed.keys_written, flushed.phase_ms, opening.delta)
    told = (reason, triggers, keys_read, opening.scopes_json)
    size = FIXED_BYTES + _logical(*told, *after)
    start = (holder.execution_id, write.frame_index, epoch, created_at, int(write.flush is not None))
    hashes = (link, plan_hash, flushed.state_hash)
    conn.execute(Q["insert_frame"], (*start, *counts, size, *hashes, reason, triggers, keys_read, scopes, *after))
    return size


def _complete_row(conn: sqlite3.Connection, holder: Holder, frame_index: int, flushed: _Flushed, head: Head) -> int:
    size = _logical(flushed.keys_written, flushed.phase_ms)
    counts = (flushed.last_id, len(flushed.ids), size)
    texts = (flushed.state_hash, flushed.keys_written, flushed.phase_ms)
    if conn.execute(Q["flush_frame"], (*counts, *texts, holder.execution_id, frame_index)).rowcount != 1:
        raise FrameOrderError(holder.execution_id, frame_index, head.frame)
    return size


def _logical(*values: str | bytes | None) -> int:
    """Bytes of texts, in UTF-8, and blobs."""
    total = 0
    for value in values:
        if value:
            total += len(value) if isinstance(value, bytes) or value.isascii() else len(value.encode())
    return total


def phase_text(phase_ms: dict[str, float]) -> str | None:
    """Seven numbers in the order of PHASES, to a hundredth of a millisecond."""
    return _TIMES % tuple([phase_ms.get(phase, 0) for phase in PHASES]) if phase_ms else None
