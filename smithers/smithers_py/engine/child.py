"""`Smithers(plan, input)`: another plan as a child execution, linked to its parent (N-4, Z-11)."""

import asyncio
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from smithers_persistence import UnknownExecution
from smithers_persistence.head import read_head
from smithers_py.dsl.component import Component, Element
from smithers_py.dsl.script import load_script
from smithers_py.engine.instance import Instance
from smithers_py.engine.launch import Start, create, execute_run, validated_input
from smithers_py.engine.observer import NullObserver
from smithers_py.engine.results import RunResult
from smithers_py.engine.resume import as_ended, reattached
from smithers_py.engine.run import Ending, Run
from smithers_py.engine.triggers import Trigger
from smithers_py.errors import InvalidPropError, TaskError
from smithers_py.nodes import Smithers
from smithers_py.state.context import signal_hook
from smithers_py.where import an
from smithers_reactive import Runtime


async def run_child(run: Run, inst: Instance, node: Smithers, workspace: Path) -> dict[str, Any]:
    """Run the child plan to its end in `workspace`, with its own state; the result's `output` is its `End` summary.

    Raises:
        TaskError: the child did not complete.
        InvalidPropError: `plan` is neither a component, an element nor a script.
    """
    rt = Runtime(on_write=signal_hook)
    with rt.activate():
        element, script_hash = _element(run, node)
    # A child that only waits tells its parent, which decides whether to go on waiting.
    name = f"{run.name}/{element.component.name}"
    options = replace(run.options, wait=True, name=name, state={}, input=node.input, tags=(), workspace=workspace)
    start = Start(
        element=element,
        options=options,
        observer=NullObserver(),
        rt=rt,
        clock=run.clock,
        input=validated_input(element.component, node.input),
        script_hash=script_hash,
        execution_id=child_id(run.execution_id, inst),
        parent_id=run.execution_id,
        meter=run.spending.meter,
    )
    result = await _result(run, inst, start)
    if result.stop_reason == "budget" and run.spending.meter.exceeded is not None:
        raise run.spending.meter.exceeded
    if result.status != "completed" or result.exit_code:
        why = f": {result.errors[0]['message']}" if result.errors else ""
        raise TaskError(
            f"the child execution {result.execution_id} of {inst.path_name} ended {result.status}{why}",
            hint=f"smithers inspect {result.execution_id}",
        )
    return {"output": result.summary, "exit_code": result.exit_code}


async def _result(run: Run, inst: Instance, start: Start) -> RunResult:
    """What the child came to: it is made, or gone on with where an engine that is gone had begun it (T-5)."""
    database = run.store.db
    try:
        rows = await database.read(lambda conn: read_head(conn, start.execution_id or ""))
    except UnknownExecution:
        return await _drive(run, inst, await create(start, {}, database))
    if rows.execution.status == "completed":
        return as_ended(rows)
    changed = start.script_hash != rows.execution.script_hash
    return await _drive(run, inst, await reattached(start, database, may_differ=changed))


async def _drive(run: Run, inst: Instance, child: Run) -> RunResult:
    """Run the child beside its parent: it pauses, waits and ends with it (Z-11).

    Cancelled, the child gets its grace, cleans up and is recorded as stopped before the cancellation is raised; where
    its parent only leaves, so does the child.
    """
    child.paused = run.paused
    child.parent_told = lambda reason: run.tasks.block(inst, reason)
    run.children.append(child)
    work = asyncio.ensure_future(execute_run(child))
    try:
        return await asyncio.shield(work)
    except asyncio.CancelledError:
        cancelled_again = None
        child.ending = child.ending or _ending_with(run)
        while not work.done():
            child.post(Trigger("stop", "parent"))
            try:
                await asyncio.wait({work})
            except asyncio.CancelledError as error:
                cancelled_again = error
                child.limits = replace(child.limits, grace_ms=0)
                for running in list(child.tasks.running):
                    child.tasks.cancel(running)
        if not work.cancelled():
            work.exception()
        raise cancelled_again or asyncio.CancelledError from None
    finally:
        run.children.remove(child)


def _ending_with(run: Run) -> Ending:
    if run.suspending:
        return Ending("waiting", 3, stop_reason="waiting", status_reason="its parent waits")
    return Ending("stopped", 4, stop_reason="parent", status_reason="its parent was stopped, or its node cancelled")


def child_id(execution_id: str, inst: Instance) -> str:
    """Derived from the parent task's incarnation, so that running it again finds the same child."""
    text = f"{execution_id}/{inst.node_id}/{inst.mounted_frame}"
    return f"{execution_id}-{sha256(text.encode()).hexdigest()[:6]}"


def _element(run: Run, node: Smithers) -> tuple[Element, str | None]:
    plan = node.plan
    if isinstance(plan, Element):
        return plan, None
    if isinstance(plan, Component):
        return Element(plan, {}), None
    if isinstance(plan, str | Path):
        path = Path(plan)
        loaded = load_script(path if path.is_absolute() else run.options.workspace / path)
        return Element(loaded.component, loaded.props), loaded.sha256
    raise InvalidPropError(
        f"Smithers cannot run {an(type(plan).__name__)}", hint="Pass a component, or the path of a script."
    )
