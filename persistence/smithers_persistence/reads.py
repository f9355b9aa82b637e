"""The read side: functions `fn(conn, …)` for `Database.read`, each on one snapshot, returning frozen records."""

from __future__ import annotations

import sqlite3
from typing import Any

import orjson

from smithers_persistence.errors import UnknownExecution
from smithers_persistence.packing import unpack
from smithers_persistence.records import (
    AgentRecord,
    AttemptRecord,
    EffectRecord,
    EventRecord,
    ExecutionRecord,
    FrameRecord,
    NodeRecord,
    ScopeRun,
    StreamRecord,
    TaskRecord,
    TransitionRecord,
)
from smithers_persistence.rows import PHASES
from smithers_persistence.sql import Q
from smithers_persistence.state_fold import Folder, changes

NO_LIMIT = -1
LAST_FRAME = 2**62
SHOWN_VALUE = 65_536
"""Characters up to which a large value's old and new texts are materialised in `transitions`."""


def get_execution(conn: sqlite3.Connection, execution_id: str) -> ExecutionRecord:
    """Raises UnknownExecution."""
    row = conn.execute(Q["read_execution"], (execution_id,)).fetchone()
    if row is None:
        raise UnknownExecution(execution_id)
    return ExecutionRecord(*_with(row, 4, _list(row[4])))


def list_executions(
    conn: sqlite3.Connection, limit: int = NO_LIMIT, status: str | None = None
) -> list[ExecutionRecord]:
    """Newest first."""
    rows = conn.execute(Q["newest_executions"], (status, limit)).fetchall()
    return [get_execution(conn, row[0]) for row in rows]


def find_executions(conn: sqlite3.Connection, prefix: str, limit: int = 20) -> list[ExecutionRecord]:
    """Those whose id begins with `prefix`, by id."""
    end = prefix + chr(0x10FFFF)
    rows = conn.execute(Q["executions_between"], (prefix, end, limit)).fetchall()
    return [get_execution(conn, row[0]) for row in rows]


def frames(conn: sqlite3.Connection, execution_id: str, first: int = 0, last: int = LAST_FRAME) -> list[FrameRecord]:
    """The frames from `first` to `last`, both included."""
    plan_hash = _one(conn, "plan_hash_before", execution_id, first)
    state_hash = _one(conn, "state_hash_before", execution_id, first)
    found: list[FrameRecord] = []
    for row in conn.execute(Q["read_frames"], (execution_id, first, last)).fetchall():
        index, epoch, created_at, flushed, reason, triggers = row[:6]
        keys_read, keys_written, phases, size, own_plan_hash, own_state_hash, chain, last_id, count = row[10:]
        plan_hash = own_plan_hash or plan_hash
        state_hash = own_state_hash or state_hash
        written = keys_between(conn, last_id - count, last_id) if keys_written is None else _list(keys_written)
        shown: list[Any] = [execution_id, index, epoch, created_at, bool(flushed), reason]
        shown += [[reason] if triggers is None else _list(triggers), *row[6:10], _list(keys_read), written]
        shown += [dict(zip(PHASES, _list(phases), strict=True)) if phases else {}, size]
        shown += [plan_hash, state_hash if flushed else None, chain, last_id, count]
        found.append(FrameRecord(*shown))
    return found


def scope_runs(conn: sqlite3.Connection, execution_id: str, first: int = 0, last: int = LAST_FRAME) -> list[ScopeRun]:
    """The scopes that ran in the frames `first` to `last`, in order; those mounted without reading are left out."""
    found: list[ScopeRun] = []
    for frame, keys_json, scopes in conn.execute(Q["read_scope_runs"], (execution_id, first, last)).fetchall():
        keys = _list(keys_json)
        for node_id, read, *cause in _list(unpack(scopes)):
            why: str = "mounted"
            changed: list[int | str] = []
            if cause and isinstance(cause[0], list):
                why, changed = "keys", cause[0]
            elif cause:
                why, changed = cause[0] or "parent", cause[1] if len(cause) > 1 else []
            found.append(ScopeRun(frame, node_id, why, _named(read, keys), _named(changed, keys)))
    return found


def _named(positions: list[int | str], keys: list[str]) -> list[str]:
    return [keys[key] if isinstance(key, int) else key for key in positions]


def keys_between(conn: sqlite3.Connection, after_id: int, last_id: int) -> list[str]:
    """The keys of a flush's transitions, sorted."""
    if after_id == last_id:
        return []
    return [row[0] for row in conn.execute(Q["keys_between"], (after_id, last_id))]


def transitions(
    conn: sqlite3.Connection,
    execution_id: str,
    first: int = -1,
    last: int = LAST_FRAME,
    key: str | None = None,
) -> list[TransitionRecord]:
    """Those of the frames `first` to `last` (-1: the state given at the start), of one key or all, by id.

    A large value's texts are materialised up to SHOWN_VALUE characters; beyond, both are None and `delta_json` tells.
    """
    rows = [row for row in transition_rows(conn, execution_id, first, last) if key is None or row[3] == key]
    folders = _folders_before(conn, execution_id, first, {row[3] for row in rows if row[6] is not None})
    return [_transition(row, folders) for row in rows]


def transition_rows(conn: sqlite3.Connection, execution_id: str, first: int, last: int) -> list[tuple[Any, ...]]:
    """The transitions as stored, values packed and deltas not folded, by id."""
    return conn.execute(Q["read_transitions"], (execution_id, first, last)).fetchall()


def _folders_before(conn: sqlite3.Connection, execution_id: str, first: int, keys: set[str]) -> dict[str, Folder]:
    """The values, before frame `first`, of the keys that have deltas from there on."""
    folders = {key: Folder(None) for key in keys}
    if keys:
        for _, key, new, delta in changes(conn, execution_id, first):
            if key not in folders:
                continue
            if delta is None:
                folders[key] = Folder(new)
            else:
                folders[key].apply(delta)
    return folders


def _transition(row: tuple[Any, ...], folders: dict[str, Folder]) -> TransitionRecord:
    key, old, new, delta = row[3], unpack(row[4]), unpack(row[5]), unpack(row[6])
    folder = folders.get(key)
    if folder is not None:
        if delta is None:
            folders[key] = Folder(new)
        else:
            # The sizes are estimates from above, so a huge value is never encoded just to be dropped.
            old = folder.text() if folder.size <= SHOWN_VALUE else None
            folder.apply(delta)
            new = folder.text() if folder.size <= SHOWN_VALUE else None
            old = None if new is None else old
    shown: list[Any] = [*row[:4], old, new, delta, bool(row[7]), *row[8:]]
    return TransitionRecord(*shown)


def nodes(conn: sqlite3.Connection, execution_id: str) -> list[NodeRecord]:
    """Every incarnation of every node, in order of mounting."""
    return [NodeRecord(*row) for row in conn.execute(Q["read_nodes"], (execution_id,))]


def tasks(conn: sqlite3.Connection, execution_id: str) -> list[TaskRecord]:
    """In order of scheduling."""
    rows = conn.execute(Q["read_tasks"], (execution_id,)).fetchall()
    return [TaskRecord(*_unpacked(row, 3)) for row in rows]


def attempts(conn: sqlite3.Connection, execution_id: str) -> list[AttemptRecord]:
    """Every attempt of every task, the running ones too."""
    return [AttemptRecord(*row) for row in conn.execute(Q["read_attempts"], (execution_id,))]


def agents(conn: sqlite3.Connection, execution_id: str) -> list[AgentRecord]:
    """The model runs, in order of starting."""
    rows = conn.execute(Q["read_agents"], (execution_id,)).fetchall()
    return [AgentRecord(*_unpacked(row, 3)) for row in rows]


def effects(conn: sqlite3.Connection, execution_id: str) -> list[EffectRecord]:
    """The effects that are mounted, with the deps they last ran with."""
    rows = conn.execute(Q["read_effects"], (execution_id,))
    return [EffectRecord(row[0], row[1], bool(row[2]), row[3], row[4]) for row in rows]


def events(conn: sqlite3.Connection, execution_id: str, after: int = 0, limit: int = NO_LIMIT) -> list[EventRecord]:
    """The events numbered above `after`, in order."""
    rows = conn.execute(Q["read_events"], (execution_id, after, limit))
    return [EventRecord(*_with(row, 3, row[3] or "info")) for row in rows]


def stream_events(
    conn: sqlite3.Connection,
    execution_id: str,
    after_id: int = 0,
    limit: int = NO_LIMIT,
    node_id: str | None = None,
) -> list[StreamRecord]:
    """What tasks streamed, of one node or all, with an id above `after_id`, by id."""
    if node_id is None:
        rows = conn.execute(Q["read_stream"], (after_id, execution_id, limit))
    else:
        rows = conn.execute(Q["read_node_stream"], (execution_id, node_id, after_id, limit))
    return [StreamRecord(*row) for row in rows]


def _list(text: str | None) -> list[Any]:
    return orjson.loads(text) if text else []


def _with(row: tuple[Any, ...], index: int, value: Any) -> list[Any]:
    return [*row[:index], value, *row[index + 1 :]]


def _unpacked(row: tuple[Any, ...], count: int) -> list[Any]:
    """The row with its last `count` columns unpacked."""
    return [*row[:-count], *map(unpack, row[-count:])]


def _one(conn: sqlite3.Connection, query: str, *parameters: object) -> Any:
    row = conn.execute(Q[query], parameters).fetchone()
    return row[0] if row else None
