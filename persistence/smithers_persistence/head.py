"""Everything an engine needs to go on where another one stopped, read in one snapshot (T-5, Z-18, Z-19)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass

from smithers_persistence import reads
from smithers_persistence.frame_store import FlatNode, PlanTree, plan_at
from smithers_persistence.packing import unpack
from smithers_persistence.records import EffectRecord, ExecutionRecord, NodeRecord, TaskRecord
from smithers_persistence.sql import Q
from smithers_persistence.state_fold import Folder, current_state


@dataclass(frozen=True, slots=True)
class HeadRows:
    """An execution as its last frame left it.

    `state` is the state now, the engine's own keys included; `before` the former text (None: absent) of each key that
    the head frame's flush changed, so that `state` with `before` over it is what the head frame saw.
    """

    execution: ExecutionRecord
    flushed: bool
    """False when its engine died between the head frame's commit and its flush; `before` is empty then."""
    head_time: int
    """When the head frame was committed, ms since the epoch."""
    plan: list[FlatNode]
    state: dict[str, str]
    before: dict[str, str | None]
    nodes: list[NodeRecord]
    """Every incarnation, those that have left the plan too."""
    tasks: list[TaskRecord]
    crashes: dict[tuple[str, int], int]
    """Attempts that died with their engine, by (node_id, mounted_frame); only where there are any."""
    effects: list[EffectRecord]
    former: dict[str, bool]
    """Mounted nodes whose `$` keys, as the head frame saw them, are of an incarnation before this one: keys are the
    node's, and of this incarnation nothing had been told yet. True where the head frame's flush did; where that was
    the same text, `before` does not show it.
    """
    handler_errors: dict[str, str]
    """The JSON of the last error that a handler of a node raised, by node_id; only where that is what it stands at."""


def read_head(conn: sqlite3.Connection, execution_id: str) -> HeadRows:
    """Raises UnknownExecution; DeltaError where the stored plan or state does not fit together."""
    execution = reads.get_execution(conn, execution_id)
    head = execution.head_frame
    state = current_state(conn, execution_id)
    last = reads.frames(conn, execution_id, head, head) if head >= 0 else []
    before = _before(conn, execution_id, head, state) if head >= 0 else {}
    nodes = reads.nodes(conn, execution_id)
    return HeadRows(
        execution,
        bool(last and last[0].flushed) or head < 0,
        last[0].created_at if last else execution.created_at,
        plan_at(conn, execution_id, head).flat() if head >= 0 else PlanTree().flat(),
        state,
        before,
        nodes,
        reads.tasks(conn, execution_id),
        {(row[0], row[1]): row[2] for row in conn.execute(Q["crashed_tasks"], (execution_id,))},
        reads.effects(conn, execution_id),
        dict(_former(conn, execution, nodes, before)),
        _handler_errors(conn, execution_id, state),
    )


def last_changes(conn: sqlite3.Connection, execution_id: str) -> dict[str, int]:
    """By key, the frame whose flush changed it last. Reads all transitions of the execution."""
    return dict(conn.execute(Q["last_changes"], (execution_id,)).fetchall())


def _former(
    conn: sqlite3.Connection, execution: ExecutionRecord, nodes: list[NodeRecord], before: dict[str, str | None]
) -> Iterator[tuple[str, bool]]:
    head = execution.head_frame
    left = {row.node_id for row in nodes if row.unmounted_frame is not None}
    for row in nodes:
        if row.unmounted_frame is not None or row.node_id not in left:
            continue
        key = f"$node/{row.node_id}"
        told = row.status not in (None, "idle")
        if not told or row.mounted_frame == head:
            yield row.node_id, told
        elif before.get(key) is not None:
            # The head frame's flush told something of it. Was it the first time?
            last = conn.execute(Q["last_change_before"], (execution.execution_id, head, key)).fetchone()[0]
            if last is None or last < row.mounted_frame:
                yield row.node_id, True


def _handler_errors(conn: sqlite3.Connection, execution_id: str, state: dict[str, str]) -> dict[str, str]:
    failed = {key for key, text in state.items() if key.startswith("$node/") and '"reason":"handler"' in text}
    if not failed:
        return {}
    told = [row for row in reads.events(conn, execution_id) if row.type == "handler.failed"]
    return {row.node_id: row.payload_json for row in told if row.node_id and row.payload_json}


def _before(conn: sqlite3.Connection, execution_id: str, frame: int, state: dict[str, str]) -> dict[str, str | None]:
    """The texts of a flush's keys as they were before it: its transitions taken back, the last one first."""
    rows = reads.transition_rows(conn, execution_id, frame, frame)
    folders: dict[str, Folder] = {}
    for row in reversed(rows):
        key, old, delta = row[3], unpack(row[4]), unpack(row[6])
        if delta is None:
            folders[key] = Folder(old)
        else:
            folders.setdefault(key, Folder(state.get(key))).revert(delta)
    return {key: folder.text() for key, folder in folders.items()}
