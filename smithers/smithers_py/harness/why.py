"""`smithers why`: why a node is in the plan, why it ran, why it ran again, why not yet (O-3).

Everything is derived from stored records, so it works on finished executions as on running ones.
"""

import sqlite3

from smithers_persistence import frame_store
from smithers_persistence.records import NodeRecord, TaskRecord
from smithers_py.errors import UsageError
from smithers_py.harness.convert import decoded
from smithers_py.harness.reader import Reader
from smithers_py.harness.why_causes import because_of_keys, entered, left, rendered, turn
from smithers_py.harness.why_changes import called
from smithers_py.harness.why_find import find_node, kin, near
from smithers_py.harness.why_history import CONTAINERS, SETTLED, History, status_word
from smithers_py.harness.why_later import of_unmounted, plan_to_come
from smithers_py.harness.why_models import Link, Ran, Why
from smithers_py.harness.why_waiting import ended_link, not_yet


async def why(reader: Reader, execution_id: str, asked: str) -> Why:
    """The causes of one node. `asked`: an explicit id, a unique beginning of a node id, or a unique name.

    Raises:
        UsageError: no frame of the execution had such a node, or several nodes are meant.
    """

    def known(conn: sqlite3.Connection) -> Why | None:
        history = History(conn, execution_id)
        found = find_node(history, asked)
        return None if found is None else of_node(history, found)

    told = await reader.db.read(known)
    if told is None:
        form = await plan_to_come(reader, execution_id)
        if form is not None:
            told = await reader.db.read(lambda conn: of_unmounted(History(conn, execution_id), form, asked))
    if told is None:
        names = await reader.db.read(lambda conn: near(History(conn, execution_id), asked))
        meant = f"Did you mean {' or '.join(repr(name) for name in names)}? " if names else ""
        raise UsageError(
            f"execution {execution_id} has had no node {asked!r} in its plan",
            hint=f"{meant}`smithers inspect {execution_id}` lists its nodes. What a false If holds is in no plan yet: "
            "ask why of the If.",
        )
    return told


def of_node(history: History, node_id: str) -> Why:
    """Everything about one node of an execution's past."""
    if not node_id:
        return _of_entry(history)
    row = history.nodes[node_id][-1]
    task = history.tasks.get((node_id, row.mounted_frame))
    return Why(
        execution_id=history.execution_id,
        node_id=node_id,
        type=row.node_type,
        name=row.name,
        label=called(row),
        source=row.source,
        status=task.status if task is not None and row.status in (None, "idle") else row.status,
        mounted_frame=row.mounted_frame,
        unmounted_frame=row.unmounted_frame,
        in_plan=entered(history, node_id, row.mounted_frame),
        ran=_runs(history, node_id),
        not_yet=not_yet(history, row),
        left=left(history, row),
    )


def _of_entry(history: History) -> Why:
    """The entry component, which is above the plan: "" as a node id."""
    name = history.root_name
    start = [Link(kind="start", frame=0, node_id="", text="it is the component that the execution began with")]
    life = NodeRecord(history.execution_id, "", 0, None, None, name, None, None, None)
    again = [run for run in history.scope_runs.get("", ()) if run.why == "keys"]
    runs = [
        _ran_once(life, 0, None, start),
        *(_ran_once(life, run.frame_index, "change", [because_of_keys(history, run)]) for run in again),
    ]
    return Why(
        execution_id=history.execution_id,
        node_id="",
        type=name,
        name=None,
        label=name,
        source=None,
        status=history.execution.status,
        mounted_frame=0,
        unmounted_frame=None,
        in_plan=start,
        ran=[] if history.execution.head_frame < 0 else runs,
        not_yet=ended_link(history) if history.execution.head_frame < 0 else [],
        left=[],
    )


def _runs(history: History, node_id: str) -> list[Ran]:
    """Every run of the node, in all its incarnations and iterations, oldest first."""
    found: list[Ran] = []
    for life in kin(history, node_id):
        again = None if not found else "incarnation" if life.node_id == found[-1].node_id else "iteration"
        task = history.tasks.get((life.node_id, life.mounted_frame))
        if task is not None:
            found += _attempts(history, life, task, again)
        elif life.node_type in CONTAINERS:
            found += _opened(history, life, again)
        elif life.node_type == "Effect":
            found += _effect_runs(history, life, again)
        else:
            found += _scope_runs(history, life, again)
    return found


def _attempts(history: History, life: NodeRecord, task: TaskRecord, again: str | None) -> list[Ran]:
    node_id, end = life.node_id, life.unmounted_frame
    starts = [
        row.frame_index
        for row in history.starts.get(node_id, ())
        if row.frame_index is not None
        and row.frame_index >= life.mounted_frame
        and (end is None or row.frame_index < end)
    ]
    found: list[Ran] = []
    for number, frame in enumerate(starts, start=1):
        last = number == len(starts)
        key = (node_id, life.mounted_frame, number)
        if number > 1:
            failed = history.errors.get((*key[:2], number - 1), "an error that is retried")
            text = f"attempt {number - 1} failed: {failed}; it is tried again in frame {frame}"
            because = [Link(kind="retry", frame=frame, node_id=node_id, text=text)]
        else:
            because = turn(history, node_id, task.scheduled_frame)
            if frame > task.scheduled_frame:
                text = f"its turn came in frame {task.scheduled_frame}; a slot came free in frame {frame}"
                because.insert(0, Link(kind="slot", frame=frame, node_id=node_id, text=text))
        found.append(
            Ran(
                node_id=node_id,
                mounted_frame=life.mounted_frame,
                attempt=number,
                frame=frame,
                ended_frame=task.handled_frame if last else None,
                outcome=task.status if last else "failed",
                again="attempt" if number > 1 else again,
                because=because,
            )
        )
    return found


def _opened(history: History, life: NodeRecord, again: str | None) -> list[Ran]:
    """A container runs from the frame in which its turn came until it has ended."""
    end = life.unmounted_frame
    rows = [
        row
        for row in history.changes.get(f"$node/{life.node_id}", ())
        if row.frame_index >= life.mounted_frame and (end is None or row.frame_index < end)
    ]
    began = next((row for row in rows if status_word(row) == "running"), None)
    if began is None:
        return []
    ended = next((row for row in rows if status_word(row) in SETTLED), None)
    return [
        Ran(
            node_id=life.node_id,
            mounted_frame=life.mounted_frame,
            attempt=1,
            frame=began.frame_index,
            ended_frame=None if ended is None else ended.frame_index,
            outcome=None if ended is None else status_word(ended),
            again=again,
            because=turn(history, life.node_id, began.frame_index),
        )
    ]


def _scope_runs(history: History, life: NodeRecord, again: str | None) -> list[Ran]:
    """A component, or an If, Switch or Each with a callable: at the mount, and whenever what it read had changed."""
    end = life.unmounted_frame
    mounted = _ran_once(life, life.mounted_frame, again, entered(history, life.node_id, life.mounted_frame))
    found = [mounted]
    for run in history.scope_runs.get(life.node_id, ()):
        frame = run.frame_index
        if run.why in ("asked", "mounted") or frame <= life.mounted_frame or (end is not None and frame >= end):
            continue
        if run.why == "keys":
            because = [because_of_keys(history, run)]
        else:
            because = rendered(history, history.plan(frame), life.node_id, frame)
        found.append(_ran_once(life, frame, "change", because))
    # What is no scope runs nothing: a Fragment or a text is only in the plan.
    runs = history.scope_runs.get(life.node_id)
    return found if runs else []


def _effect_runs(history: History, life: NodeRecord, again: str | None) -> list[Ran]:
    """An effect runs when it is mounted and when its deps changed, which the plan's deltas tell."""
    first = entered(history, life.node_id, life.mounted_frame)
    found = [_ran_once(life, life.mounted_frame, again, first)]
    last = history.execution.head_frame if life.unmounted_frame is None else life.unmounted_frame - 1
    for frame, delta in frame_store.deltas(history.conn, history.execution_id, life.mounted_frame, last):
        for patch in decoded(delta):
            if patch[0] == "~" and patch[1] == life.node_id and "deps" in patch[2]:
                plan = history.plan(frame)
                text = f"its deps went {patch[3]['deps']!r} → {patch[2]['deps']!r} in frame {frame}"
                because = [Link(kind="deps", frame=frame, node_id=life.node_id, text=text)]
                because += rendered(history, plan, plan.parents.get(life.node_id), frame)
                found.append(_ran_once(life, frame, "change", because))
    return found


def _ran_once(life: NodeRecord, frame: int, again: str | None, because: list[Link]) -> Ran:
    return Ran(
        node_id=life.node_id,
        mounted_frame=life.mounted_frame,
        attempt=1,
        frame=frame,
        ended_frame=frame,
        outcome=None,
        again=again,
        because=because,
    )
