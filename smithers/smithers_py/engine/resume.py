"""Going on where another engine stopped (T-4 to T-6, Z-18, Z-19).

    take      the execution is ours from now on, in a new epoch
    recover   what its engine left running is killed and scheduled again; what had failed too, if it had ended failed
    rebuild   the head frame's plan becomes a mounted tree, with the state that the head frame saw
    adopt     the script renders it again: it must come out the same, nothing is started or cancelled before that
    advance   what the head frame's flush changed becomes true, and the next frame is an ordinary one
"""

import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence import Database, ExecutionStore, HeldByAnother, PersistenceError
from smithers_persistence.head import HeadRows, read_head
from smithers_persistence.lease import Lease, observe, wait_for
from smithers_persistence.owner import owner_ident
from smithers_persistence.records import TaskRecord
from smithers_persistence.rows import EventRow
from smithers_py.clock import SystemClock
from smithers_py.dsl.component import Element
from smithers_py.dsl.script import load_script
from smithers_py.engine.advance import advance
from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.journal import read_journal
from smithers_py.engine.launch import Start, StopRequest, assemble, execute_run, validated_input
from smithers_py.engine.observer import NullObserver, Observer
from smithers_py.engine.orphans import Orphans
from smithers_py.engine.reattach import reattach
from smithers_py.engine.reopen import retry
from smithers_py.engine.restore import rebuild, stored_result, task_state
from smithers_py.engine.results import RunResult
from smithers_py.engine.run import Completion, Limits, Run, RunOptions
from smithers_py.engine.store_errors import store_error
from smithers_py.engine.stored_error import stored_error
from smithers_py.engine.triggers import Trigger
from smithers_py.errors import ExecutionHeldError, UsageError
from smithers_py.nodes import NodeKind
from smithers_py.state.context import signal_hook
from smithers_py.state.store import StateStore
from smithers_reactive import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """What `smithers resume` was asked. `accept_changes`: go on with a script that has changed since (T-6)."""

    execution_id: str
    db_path: Path
    accept_changes: bool = False
    model: Any = None
    idle_timeout_ms: int = 500
    limits: Limits | None = None


async def resume_script(
    options: ResumeOptions, observer: Observer | None = None, stop: StopRequest | None = None
) -> RunResult:
    """Run an execution of a script on to its end. One that is completed is returned as it ended.

    Raises:
        ExecutionHeldError: another engine runs it.
        ScriptError, UsageError: the script or the input cannot be used any more; nothing was changed.
        ResumeDivergedError: the script renders another plan; it can be resumed with `accept_changes`.
        StoreError: the database cannot be used.
    """
    observer = observer or NullObserver()
    try:
        database = await Database.open(options.db_path)
    except PersistenceError as error:
        raise store_error(error) from error
    try:
        rows = await database.read(lambda conn: read_head(conn, options.execution_id))
        if rows.execution.status == "completed":
            return _as_ended(rows)
        rt = Runtime(on_write=signal_hook)
        with rt.activate():
            start = start_of(rows, options, observer, rt)
            run = await reattached(start, database, accept_changes=options.accept_changes)
            return await execute_run(run, stop)
    except HeldByAnother as error:
        raise ExecutionHeldError(str(error)) from error
    except PersistenceError as error:
        raise store_error(error) from error
    finally:
        await database.close()


def start_of(rows: HeadRows, options: ResumeOptions, observer: Observer, rt: Runtime) -> Start:
    """What the execution is made of, from its row and its script as it is now.

    Raises:
        UsageError: it has no script of its own, or its input does not fit the plan any more.
    """
    row = rows.execution
    config: dict[str, Any] = orjson.loads(row.config_json or "{}")
    if row.parent_id is not None:
        raise UsageError(
            f"{row.execution_id} is a child of {row.parent_id}", hint=f"smithers resume {row.parent_id} goes on with both."
        )
    if row.script is None:
        raise UsageError(
            f"{row.execution_id} was started from Python, not from a script",
            hint="Resume it from there: smithers_py.resume(app, execution_id=...).",
        )
    workspace = Path(config.get("workspace") or Path.cwd())
    script = workspace / row.script
    loaded = load_script(script, config.get("entry"))
    return Start(
        element=Element(loaded.component, loaded.props),
        options=RunOptions(
            script=script,
            db_path=options.db_path,
            entry=config.get("entry"),
            model=options.model if options.model is not None else config.get("model"),
            idle_timeout_ms=options.idle_timeout_ms,
            name=row.name,
            workspace=workspace,
            limits=options.limits,
        ),
        observer=observer,
        rt=rt,
        clock=SystemClock(),
        input=validated_input(loaded.component, None if row.input_json is None else orjson.loads(row.input_json)),
        script_hash=loaded.sha256,
        execution_id=row.execution_id,
    )


async def reattached(start: Start, database: Database, *, accept_changes: bool = False) -> Run:
    """The run of an existing execution, owned and ready to be driven.

    Raises:
        HeldByAnother: somebody else runs it.
        ResumeDivergedError: see `reattach`.
    """
    execution_id = start.execution_id or ""
    clock = start.clock
    lease_ms = (start.options.limits or Limits()).lease_ms
    seen = await wait_for(database, await observe(database, execution_id), clock.monotonic_ms)
    lease = Lease(lease_ms, clock.monotonic_ms(), clock.monotonic_ms)
    now = clock.now_ms()
    owner = f"{os.getpid()}-{secrets.token_hex(3)}"
    store = await ExecutionStore.take(
        database,
        execution_id,
        owner,
        owner_ident(now, lease_ms),
        seen,
        status="recovering",
        lease=lease,
        events=[EventRow("execution.resumed", now, orjson.dumps({"was": seen.status, "owner": owner}).decode())],
    )
    rows = await database.read(lambda conn: read_head(conn, execution_id))
    was = rows.execution.status_reason or seen.status
    await store.recover(Orphans(rows, now, retry_failed=was == "failed").recovery())
    rows = await database.read(lambda conn: read_head(conn, execution_id))
    return _assembled(start, store, rows, now, retry_failed=was == "failed", accept_changes=accept_changes)


def _assembled(
    start: Start, store: ExecutionStore, rows: HeadRows, now: int, *, retry_failed: bool, accept_changes: bool
) -> Run:
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
    changed = start.script_hash != rows.execution.script_hash
    reattach(run, rows, may_differ=changed or accept_changes)
    advance(run, rows)
    _put_work_back(run, rows, now)
    if retry_failed:
        _retry_containers(run)
    return run


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
        elif inst.outcome is Outcome.FAILED and task.last_error_json is not None:
            run.failures.append(stored_error(task.last_error_json))
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
            retry(run, inst)
            inst.status = "running"
            run.owed.statuses[-1].status = "running"


def _as_ended(rows: HeadRows) -> RunResult:
    row = rows.execution
    took = (row.ended_at or row.updated_at) - (row.started_at or row.created_at)
    summary = None if row.summary_json is None else orjson.loads(row.summary_json)
    return RunResult(row.execution_id, row.status, row.exit_code or 0, row.frames, took, row.stop_reason, summary)

