"""A run put together from rows: state, tree, work and failures as they were (T-5, Z-7, Z-18)."""

from dataclasses import replace

from smithers_persistence import ExecutionStore
from smithers_persistence.head import HeadRows
from smithers_persistence.records import TaskRecord
from smithers_py.engine.advance import advance
from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.journal import read_journal
from smithers_py.engine.launch import Start, assemble
from smithers_py.engine.progress import loop_state
from smithers_py.engine.reattach import reattach
from smithers_py.engine.reopen import reopen_above, retry
from smithers_py.engine.restore import rebuild, status_word, stored_result, task_state
from smithers_py.engine.run import Completion, Run
from smithers_py.engine.stored_error import stored_error
from smithers_py.engine.triggers import Trigger
from smithers_py.nodes import NodeKind
from smithers_py.state.store import StateStore


def restarted(
    start: Start, store: ExecutionStore, rows: HeadRows, *, may_differ: bool, retry_failed: bool = False
) -> Run:
    """The run of a stored execution, ready to be driven (or, with a store that owns nothing, to be looked at).

    `may_differ`: the script has changed, and that is accepted. `retry_failed`: the execution had ended as failed.

    Raises:
        ResumeDivergedError: see `reattach`.
    """
    now = start.clock.now_ms()
    state = StateStore(start.rt)
    seen = {key: text for key, text in (rows.state | rows.before).items() if text is not None}
    state.load(seen)
    run = assemble(start, state, store, now)
    run.started_ms = rows.execution.started_at or rows.execution.created_at
    run.next_frame = rows.execution.head_frame + 1
    if rows.execution.head_frame < 0:
        return run
    run.owed = rebuild(run.tree, rows, seen)
    run.files.begin_frame()
    run.content.begin(rows.execution.head_frame, rows.head_time)
    reattach(run, rows, may_differ=may_differ)
    advance(run, rows)
    _failures(run, rows)
    _put_work_back(run, rows, now)
    if retry_failed:
        _retry_containers(run)
    return run


def _failures(run: Run, rows: HeadRows) -> None:
    """What had failed and nobody handled, by the last word on each node: also handlers, and nodes that have left."""
    last = {task.node_id: task for task in rows.tasks}
    for key, text in rows.state.items():
        kind, _, node_id = key.partition("/")
        status, more = status_word(text) if kind == "$node" else ("", {})
        if status != "failed" or more.get("handled"):
            continue
        of_handler = more.get("reason") == "handler"
        error = rows.handler_errors.get(node_id) if of_handler else None
        if error is None and node_id in last:
            error = last[node_id].last_error_json
        if error is not None:
            run.failures[node_id] = stored_error(error)


def _put_work_back(run: Run, rows: HeadRows, now: int) -> None:
    """Queue what is to run, hand over what ended without having been handled, remember what failed."""
    for task in rows.tasks:
        inst = run.tree.by_id.get(task.node_id)
        if inst is None or inst.mounted_frame != task.mounted_frame:
            continue
        live = task.ended_at is None or task.handled_frame is None
        if live and inst.outcome is not Outcome.OPEN:
            retry(run, inst)
        if task.ended_at is None:
            state = task_state(task, rows.crashes.get(inst.key, 0))
            state.orphaned = state.crashes > 0
            run.tasks.put_back(inst, state, None if task.next_retry_at is None else task.next_retry_at - now)
        elif live:
            run.inbox.append(_completion(inst, task))
    if run.inbox:
        run.post(Trigger("task", run.inbox[0].inst.node_id))


def _completion(inst: Instance, task: TaskRecord) -> Completion:
    failed = task.status == "failed"
    error = stored_error(task.last_error_json) if failed and task.last_error_json is not None else None
    result = replace(stored_result(task), node_id=inst.node_id) if task.status == "succeeded" else None
    return Completion(inst, task.status, result, error, read_journal(task.journal_json) or [])


def _retry_containers(run: Run) -> None:
    """Containers and effects whose own handler raised: resuming a failed execution runs that again (Z-7)."""
    for inst in list(run.tree.root.walk()):
        value = run.state.engine_get(f"$node/{inst.node_id}") if not inst.is_root else None
        if not isinstance(value, dict) or value.get("reason") != "handler" or inst.kind is NodeKind.RUNNABLE:
            continue
        if inst.kind is NodeKind.EFFECT:
            inst.extra.deps = None
            run.owed.effects.append(inst)
        elif inst.outcome is Outcome.FAILED:
            done = loop_state(inst).done if inst.kind is NodeKind.LOOP else None
            reopen_above(run, inst, itself=True)
            run.tree.touch(inst)
            run.failures.pop(inst.node_id, None)
            if done is not None:
                # Its iterations are over; only the end is told again.
                loop_state(inst).done = done
