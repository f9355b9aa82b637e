"""What must hold in every database, at every moment, after any crash: `smithers doctor` and the tests ask here."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

import orjson
import zstandard

from smithers_persistence import chain, reads
from smithers_persistence.errors import DeltaError
from smithers_persistence.frame_store import PlanTree, deltas, unpack_keyframe
from smithers_persistence.packing import unpack
from smithers_persistence.records import ExecutionRecord
from smithers_persistence.rows import PHASES
from smithers_persistence.sql import Q
from smithers_persistence.state_fold import current_state, state_at

ENDED = {"succeeded", "failed", "cancelled", "skipped", "abandoned"}


@dataclass(frozen=True, slots=True)
class Violation:
    """One broken invariant: a short kind, whose, and the detail in words."""

    kind: str
    execution_id: str | None
    detail: str


def verify(conn: sqlite3.Connection, execution_id: str | None = None, *, deep: bool = True) -> list[Violation]:
    """The broken invariants of one execution or of all; an empty list is health.

    `deep` also runs SQLite's own check of every page. Reads everything: the larger the database, the longer. Damage
    that ends a check is a violation too, of kind "damaged".

    Raises UnknownExecution, sqlite3.Error when not even the executions can be read.
    """
    found: list[Violation] = []
    if deep:
        problems = _integrity(conn)
        if problems != ["ok"]:
            found.append(Violation("integrity", None, "; ".join(problems[:3])))
    executions = reads.list_executions(conn) if execution_id is None else [reads.get_execution(conn, execution_id)]
    for execution in executions:
        for check in (_frames, _scopes, _state, _plans, _events, _tasks, _leases):
            try:
                found += [Violation(kind, execution.execution_id, detail) for kind, detail in check(conn, execution)]
            except (DeltaError, zstandard.ZstdError) as error:
                found.append(Violation("delta", execution.execution_id, str(error)))
            except (sqlite3.DatabaseError, ValueError, LookupError, TypeError, AttributeError) as error:
                # A flipped byte may make any column anything: no JSON, no UTF-8, another type, a page that is none.
                what = f"the check of {check.__name__.strip('_')} ended with {type(error).__name__}: {error}"
                found.append(Violation("damaged", execution.execution_id, what))
    return found


def _integrity(conn: sqlite3.Connection) -> list[str]:
    try:
        return [row[0] for row in conn.execute(Q["integrity_check"])]
    except sqlite3.DatabaseError as error:
        return [str(error)]


def _frames(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """Frames follow one another without a gap, and hash with their transitions to the execution's head."""
    found: list[tuple[str, str]] = []
    head, epoch, counted = chain.START, 0, 0
    expected: int | None = None
    for index, delta, link, last_id, count, flushed, state_hash, written, times, *row in conn.execute(
        Q["verify_frames"], (execution.execution_id,)
    ).fetchall():
        if index != (expected if expected is not None else min(index, 0)):
            found.append(("gap", f"frame {index} where frame {expected} should be"))
        if row[0] < epoch:
            found.append(("epoch", f"frame {index} was written in epoch {row[0]}, after epoch {epoch}"))
        if chain.link_frame(head, index, delta, row) != link:
            found.append(("chain", f"frame {index} does not hash to its chain"))
        if flushed not in {0, 1} or (not flushed and (count, state_hash, written, times) != (0, None, None, None)):
            found.append(("flush", f"frame {index} has what only a flush writes, but is not marked as flushed"))
        if times is not None and len(orjson.loads(times)) != len(PHASES):
            found.append(("times", f"frame {index} does not tell the times of its phases"))
        rows = conn.execute(Q["verify_transitions"], (last_id - count, last_id)).fetchall()
        if len(rows) != count or any(one[0] != execution.execution_id or one[1] != index for one in rows):
            found.append(("transitions", f"frame {index} should have {count} transitions"))
        texts = [(one[2], unpack(one[3]), unpack(one[4]), unpack(one[5]), bool(one[6])) for one in rows]
        head, epoch, expected = chain.link_state(link, texts, (state_hash, written)), row[0], index + 1
        counted += count
    if head != execution.head_chain or (expected or 0) - 1 != execution.head_frame:
        found.append(("head", f"the head frame {execution.head_frame} is not what its frames hash to"))
    total = conn.execute(Q["count_transitions"], (execution.execution_id,)).fetchone()[0]
    if total != counted:
        found.append(("transitions", f"{total} transitions are stored, the frames count {counted}"))
    return found


def _scopes(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """What is told of a scope that ran is told of a mounted node, once per frame, and no more ran than were counted."""
    found: list[tuple[str, str]] = []
    lives: dict[str, list[tuple[int, int | None]]] = {"": [(0, None)]}
    for row in reads.nodes(conn, execution.execution_id):
        lives.setdefault(row.node_id, []).append((row.mounted_frame, row.unmounted_frame))
    counts = {row.frame_index: row.scopes for row in reads.frames(conn, execution.execution_id)}
    ran: dict[int, set[str]] = {}
    for run in reads.scope_runs(conn, execution.execution_id):
        frame, name = run.frame_index, f"scope {run.node_id!r}"
        if not any(begin <= frame and (end is None or frame < end) for begin, end in lives.get(run.node_id, ())):
            found.append(("scopes", f"{name} ran in frame {frame}, when it was not in the plan"))
        if run.why != "asked":
            if run.node_id in ran.setdefault(frame, set()):
                found.append(("scopes", f"{name} ran twice in frame {frame}"))
            ran[frame].add(run.node_id)
    found += [
        ("scopes", f"{len(ids)} scopes are told of in frame {frame}, which counts {counts[frame]}")
        for frame, ids in ran.items()
        if len(ids) > counts[frame]
    ]
    return found


def _state(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """The fold of the transitions is the state (S-5), and each transition starts where the one before ended."""
    found: list[tuple[str, str]] = []
    folded = state_at(conn, execution.execution_id, reads.LAST_FRAME)
    stored = current_state(conn, execution.execution_id)
    wrong = sorted(key for key in folded.keys() | stored.keys() if folded.get(key) != stored.get(key))
    if wrong:
        found.append(("state", f"state and the fold of its transitions differ in {', '.join(wrong[:5])}"))
    last: dict[str, str | None] = {}
    for row in reads.transitions(conn, execution.execution_id):
        if row.delta_json is None and row.key in last and last[row.key] != row.old_value_json:
            found.append(("transitions", f"transition {row.id} of {row.key!r} starts from another value"))
        if row.delta_json is None:
            last[row.key] = row.new_value_json
        else:
            last.pop(row.key, None)
    return found


def _plans(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """Keyframes are what the deltas give; the head's plan is what node_instances says is mounted."""
    found: list[tuple[str, str]] = []
    keyframes = dict(conn.execute(Q["keyframes"], (execution.execution_id,)).fetchall())
    tree = PlanTree()
    for index, delta in [*deltas(conn, execution.execution_id, -1, reads.LAST_FRAME), (reads.LAST_FRAME, b"")]:
        passed = [(frame, keyframes.pop(frame)) for frame in list(keyframes) if frame < index]
        found += [
            ("keyframe", f"the keyframe of frame {frame} is not what its deltas give")
            for frame, packed in passed
            if unpack_keyframe(packed).flat() != tree.flat()
        ]
        tree.apply(delta)
    mounted = {row.node_id for row in reads.nodes(conn, execution.execution_id) if row.unmounted_frame is None}
    if mounted != tree.nodes.keys():
        wrong = sorted(mounted ^ tree.nodes.keys())
        found.append(("nodes", f"the plan and node_instances differ in {', '.join(wrong[:5])}"))
    return found


def _events(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """Events are numbered 1, 2, 3…"""
    numbers = [row.seq for row in reads.events(conn, execution.execution_id)]
    if numbers != list(range(1, len(numbers) + 1)):
        return [("events", "the events are not numbered without a gap")]
    return []


def _tasks(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """The three records of H-3 in order: a task runs under a lease, is handled only after it ended, and once."""
    found: list[tuple[str, str]] = []
    mounted = {(row.node_id, row.mounted_frame) for row in reads.nodes(conn, execution.execution_id)}
    for task in reads.tasks(conn, execution.execution_id):
        name = f"task {task.task_id}"
        if (task.node_id, task.mounted_frame) not in mounted:
            found.append(("tasks", f"{name} has no node instance"))
        if task.status == "running" and (task.lease_owner is None or task.started_at is None):
            found.append(("tasks", f"{name} is running without a lease"))
        if task.status in ENDED - {"skipped", "abandoned"} and task.ended_at is None:
            found.append(("tasks", f"{name} is {task.status} but never ended"))
        if task.handled_frame is not None and (task.ended_at is None or task.journal_json is not None):
            found.append(("tasks", f"{name} was handled before it ended, or kept its journal"))
        if task.handled_frame is not None and task.handled_frame > execution.head_frame:
            found.append(("tasks", f"{name} was handled in frame {task.handled_frame}, after the head"))
    return found


def _leases(conn: sqlite3.Connection, execution: ExecutionRecord) -> list[tuple[str, str]]:
    """Epochs only grow, and what runs now runs under the execution's own owner (T-2)."""
    found: list[tuple[str, str]] = []
    for task in reads.tasks(conn, execution.execution_id):
        name = f"task {task.task_id}"
        if task.lease_epoch > execution.epoch:
            found.append(("leases", f"{name} is of epoch {task.lease_epoch}, the execution only of {execution.epoch}"))
        running = task.status == "running"
        if running and task.lease_epoch == execution.epoch and execution.owner not in {task.lease_owner, None}:
            found.append(("leases", f"{name} runs for another owner than its execution"))
        if running and execution.status == "completed":
            found.append(("leases", f"{name} is running, but its execution is completed"))
    return found
