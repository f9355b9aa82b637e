"""Going on where another engine stopped (T-4 to T-6, Z-18, Z-19).

take      the execution is ours from now on, in a new epoch
recover   what its engine left running is killed and scheduled again; what had failed too, if it had ended failed
rebuild   the head frame's plan becomes a mounted tree, with the state that the head frame saw
adopt     the script renders it again: it must come out the same, nothing is started or cancelled before that
advance   what the head frame's flush changed becomes true, and the next frame is an ordinary one
"""

import os
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence import Database, ExecutionStore, PersistenceError, UnknownExecution
from smithers_persistence.head import HeadRows, last_changes, read_head
from smithers_persistence.lease import Lease, observe, wait_for
from smithers_persistence.owner import Owner, owner_ident
from smithers_persistence.rows import EventRow
from smithers_persistence.writes import Holder
from smithers_py.clock import SystemClock
from smithers_py.dsl.component import Element
from smithers_py.dsl.script import load_script
from smithers_py.engine.compare import compare
from smithers_py.engine.launch import Start, StopRequest, execute_run, validated_input
from smithers_py.engine.observer import NullObserver, Observer
from smithers_py.engine.orphans import Orphans
from smithers_py.engine.plan_change import PlanDiff, apply_change, change_events, describe
from smithers_py.engine.reload import NewScript
from smithers_py.engine.restart import restarted
from smithers_py.engine.results import RunResult
from smithers_py.engine.run import Limits, Run, RunOptions
from smithers_py.engine.store_errors import store_error
from smithers_py.engine.tool_writes import restore_tool_writes
from smithers_py.errors import ExecutionNotFoundError, UsageError
from smithers_py.state.context import signal_hook
from smithers_py.version import ENGINE_VERSION
from smithers_reactive import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOptions:
    """What `smithers resume` was asked. `base`: what `run` is asked too; its script, entry, name and folder come from
    the execution.

    `accept_changes`: go on with a script that has changed since (T-6). `confirm` is shown what the changed script does
    to the plan and says whether to go on.
    """

    execution_id: str
    base: RunOptions
    accept_changes: bool = False
    confirm: Callable[[PlanDiff], bool] | None = None
    element: Element | None = None
    """The plan itself, of an execution that was started from Python."""
    version: NewScript | None = None
    """Go on with this version of the script, loaded already and accepted, in its runtime `rt`; a completed execution
    too (C-6)."""
    was: Element | None = None
    """The version that ran last, if it is at hand: what has changed is told exactly then."""
    rt: Runtime | None = None


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
        database = await Database.open(options.base.db_path)
    except PersistenceError as error:
        raise store_error(error) from error
    try:
        try:
            rows = await _rows(database, options.execution_id)
            if rows.execution.status == "completed" and options.version is None:
                observer.started(rows.execution.execution_id, rows.execution.name or "")
                return as_ended(rows)
            rt = options.rt or Runtime(on_write=signal_hook)
            with rt.activate():
                start = start_of(rows, options, observer, rt)
                changed = await _accepted(start, rows, database, options)
                run = await reattached(start, database, may_differ=changed or options.accept_changes)
                if changed:
                    await _change(run, start, options.was)
                return await execute_run(run, stop)
        finally:
            await database.close()
    except PersistenceError as error:
        raise store_error(error) from error


async def preview_script(options: ResumeOptions, script: Path) -> PlanDiff:
    """What a script, instead of the execution's own, would do to it: the plan diff, and nothing else happens.

    Raises:
        ScriptError, PlanError: the script cannot be used.
        StoreError: the database cannot be used.
    """
    try:
        database = await Database.open(options.base.db_path, create=False)
    except PersistenceError as error:
        raise store_error(error) from error
    try:
        rows = await database.read(lambda conn: read_head(conn, options.execution_id))
        rt = options.rt or Runtime(on_write=signal_hook)
        with rt.activate():
            start = start_of(rows, options, NullObserver(), rt, script)
            return await preview_change(start, rows, database, options.was)
    except PersistenceError as error:
        raise store_error(error) from error
    finally:
        await database.close()


def start_of(
    rows: HeadRows, options: ResumeOptions, observer: Observer, rt: Runtime, script: Path | None = None
) -> Start:
    """What the execution is made of, from its row and its script as it is now (or another `script`).

    Raises:
        UsageError: it has no script of its own, or its input does not fit the plan any more.
    """
    row = rows.execution
    config: dict[str, Any] = orjson.loads(row.config_json or "{}")
    if row.parent_id is not None:
        raise UsageError(
            f"{row.execution_id} is a child of {row.parent_id}",
            hint=f"smithers resume {row.parent_id} goes on with both.",
        )
    workspace = Path(config.get("workspace") or Path.cwd())
    element, sha256 = options.element, row.script_hash
    if options.version is not None:
        element, sha256 = options.version.element, options.version.sha256
        script = workspace / row.script if row.script is not None else None
    elif row.script is not None:
        script = script or workspace / row.script
        loaded = load_script(script, config.get("entry"))
        element, sha256 = Element(loaded.component, loaded.props), loaded.sha256
    elif element is None:
        raise UsageError(
            f"{row.execution_id} was started from Python, not from a script",
            hint=f"Resume it from there: await smithers_py.resume({row.execution_id!r}, app).",
        )
    return Start(
        element=element,
        options=replace(
            options.base,
            script=script,
            entry=config.get("entry"),
            model=options.base.model if options.base.model is not None else config.get("model"),
            name=row.name,
            workspace=workspace,
        ),
        observer=observer,
        rt=rt,
        clock=SystemClock(),
        input=validated_input(element.component, None if row.input_json is None else orjson.loads(row.input_json)),
        script_hash=sha256,
        execution_id=row.execution_id,
    )


async def reattached(start: Start, database: Database, *, may_differ: bool = False) -> Run:
    """The run of an existing execution, owned and ready to be driven.

    Raises:
        HeldByAnother: somebody else runs it.
        ResumeDivergedError: see `reattach`.
    """
    execution_id = start.execution_id or ""
    clock = start.clock
    lease_ms = (start.options.limits or Limits()).lease_ms

    def tell(holder: Owner, seconds: float) -> None:
        start.observer.log("warning", f"{holder} may still run it; waiting up to {seconds:.0f} s for a sign of life")

    seen = await wait_for(database, await observe(database, execution_id), clock.monotonic_ms, tell=tell)
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
    run = restarted(start, store, rows, retry_failed=was == "failed", may_differ=may_differ)
    await restore_tool_writes(run)
    return run


async def _rows(database: Database, execution_id: str) -> HeadRows:
    try:
        return await database.read(lambda conn: read_head(conn, execution_id))
    except UnknownExecution:
        raise ExecutionNotFoundError(execution_id) from None


async def preview_change(start: Start, rows: HeadRows, database: Database, was: Element | None = None) -> PlanDiff:
    """What the script, as it is now, would do to a stored execution; changes nothing and needs no ownership.

    Raises:
        PlanError, RenderPhaseError, StateError: what the script's components do wrong.
    """
    store = ExecutionStore(database, Holder(rows.execution.execution_id, "", 0))
    run = restarted(start, store, rows, may_differ=True)
    try:
        changes = await database.read(lambda conn: last_changes(conn, run.execution_id))
        return describe(compare(run, changes, was=was))
    finally:
        run.tasks.close()


async def _accepted(start: Start, rows: HeadRows, database: Database, options: ResumeOptions) -> bool:
    """Whether the script has changed, which somebody has accepted."""
    if options.version is not None:
        return True
    if start.script_hash == rows.execution.script_hash and rows.execution.engine_version == ENGINE_VERSION:
        return False
    diff = await preview_change(start, rows, database)
    agreed = options.confirm(diff) if options.confirm is not None else False
    if not (diff.is_empty or agreed or options.accept_changes):
        raise UsageError(
            f"{_what_changed(start, rows)} has changed since {options.execution_id} ran, and with it the plan",
            hint=f"Go on with it: smithers resume {options.execution_id} --accept-changes",
        )
    return True


def _what_changed(start: Start, rows: HeadRows) -> str:
    if start.script_hash != rows.execution.script_hash:
        return f"the script {start.options.script}"
    return f"smithers itself (from {rows.execution.engine_version} to {ENGINE_VERSION})"


async def _change(run: Run, start: Start, was: Element | None) -> None:
    """Carry an accepted change out, and record it with the new script's hash."""
    changes = await run.store.db.read(lambda conn: last_changes(conn, run.execution_id))
    found = compare(run, changes, was=was)
    await run.store.change_script(start.script_hash, ENGINE_VERSION, change_events(run, found))
    apply_change(run, found)


def as_ended(rows: HeadRows) -> RunResult:
    """The result of an execution that is over."""
    row = rows.execution
    took = (row.ended_at or row.updated_at) - (row.started_at or row.created_at)
    summary = None if row.summary_json is None else orjson.loads(row.summary_json)
    return RunResult(row.execution_id, row.status, row.exit_code or 0, row.frames, took, row.stop_reason, summary)
