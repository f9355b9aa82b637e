"""The outer loop: wait for triggers, run a frame, ask whether the execution has ended (F-8, F-9, R-7, Z-9)."""

import asyncio
from collections.abc import Sequence
from typing import Any

import orjson

from smithers_persistence import PersistenceError
from smithers_persistence.rows import EndExecution
from smithers_py.engine.effects import run_cleanups
from smithers_py.engine.flush import publish, settle_jobs, write_of_flush
from smithers_py.engine.frame import run_frame
from smithers_py.engine.instance import CONTEXT_KINDS, Instance
from smithers_py.engine.opening import opening, write_of
from smithers_py.engine.reload import between_frames
from smithers_py.engine.run import Ending, Run
from smithers_py.engine.snapshot import take_snapshot
from smithers_py.engine.standing import stand, standing
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.work import Job, StatusChange
from smithers_py.errors import LoopStalledError, PlanError, RenderPhaseError, SmithersError, StateError
from smithers_py.nodes import NodeKind


async def drive(run: Run) -> Ending:
    """Run frames until the execution ends; returns how. The ending is recorded by `finish`.

    Raises:
        PersistenceError: a frame or a record could not be written; nothing more was done after it (F-6).
    """
    await run.commands.begin()
    run.post(Trigger("start"))
    watcher = asyncio.create_task(_watch_files(run), name="file watcher")
    try:
        while run.ending is None:
            run.idle = True
            triggers = await _next_triggers(run)
            run.idle = False
            if run.fatal is not None:
                raise run.fatal
            if triggers is None:
                run.ending = _idle_ending(run)
            elif run.ending is None:
                await run.arrived()
                if not run.ending:  # the stop may have come meanwhile
                    await _frame(run, triggers)
    finally:
        watcher.cancel()
    if run.fatal is not None:
        raise run.fatal
    return run.ending


async def finish(run: Run, ending: Ending) -> None:
    """Cancel what still runs (grace, then force), record that, and write the closing record."""
    await run.landed()
    if run.unrecorded:
        # The frame that would have written them was not to be: the run ended, or its render failed.
        await run.store.finish(*run.take_unrecorded())
    await run.tasks.cancel_all()
    await run.worktrees.close()
    await run.on_waiting.close(leave=run.suspending)
    if ending.status == "waiting":
        await run_cleanups(run)
        event = run.event("execution.suspended", payload=_reason(ending))
        await run.store.suspend(ending.status_reason or "", [event], run.times)
        return
    await _close_nodes(run, ending)
    await run_cleanups(run)
    done = run.commands.last(ending)
    summary = None if ending.summary is None else orjson.dumps(ending.summary).decode()
    event = run.event(f"execution.{ending.status}", payload=_reason(ending, list(run.failures.values())))
    end = EndExecution(
        ending.status,
        ending.exit_code,
        run.clock.now_ms(),
        stop_reason=ending.stop_reason,
        summary_json=summary,
        status_reason=ending.status_reason,
        before=run.times,
        events=[*run.commands.events(done), event],
        commands=run.commands.answers(done),
        withdraw=ending.status == "completed",
    )
    await run.store.end(end)
    await run.store.release()


async def _frame(run: Run, triggers: list[Trigger]) -> None:
    try:
        await between_frames(run)
        await run_frame(run, triggers)
    except PersistenceError:
        raise
    except LoopStalledError as error:
        _render_failed(run, error, "stalled", 4, "loop_stalled")
    except (PlanError, RenderPhaseError, StateError, SmithersError) as error:
        _render_failed(run, error, "failed", 1, "render")


def _render_failed(run: Run, error: SmithersError, status: str, exit_code: int, reason: str) -> None:
    """Nothing of the frame was kept; tasks are cancelled by `finish`, the execution can be resumed (Z-9)."""
    error.locate(execution_id=run.execution_id, frame=run.next_frame)
    run.failures[""] = error
    run.observer.log("error", error.render())
    run.ending = Ending(status, exit_code, stop_reason=reason, status_reason=str(error))


async def _next_triggers(run: Run) -> list[Trigger] | None:
    """All triggers that share the next frame; None when the run has been idle for its timeout."""
    coalescer = run.coalescer
    if coalescer.due_in_ms() != 0:
        if run.held:
            await run.landed()
        await stand(run)
    if coalescer.due_in_ms() != 0:
        if run.tasks.only_people and not (run.options.wait or run.inbox):
            return None
        if run.tasks.busy or coalescer.due_in_ms() is not None:
            await coalescer.wait()
        else:
            try:
                async with asyncio.timeout(run.limits.idle_timeout_ms / 1000):
                    await coalescer.wait()
            except TimeoutError:
                if coalescer.due_in_ms() is None:
                    return None
    return coalescer.take()


def _idle_ending(run: Run) -> Ending:
    """Nothing runs, waits or is due: completed, unless something failed and nobody handled it (Z-21)."""
    if run.tasks.only_people:
        return Ending("waiting", 3, stop_reason="waiting", status_reason=standing(run)[1])
    if run.failures:
        return Ending("failed", 1, stop_reason="failed", status_reason=str(next(iter(run.failures.values()))))
    return Ending("completed", 0, stop_reason="idle")


async def _close_nodes(run: Run, ending: Ending) -> None:
    """One last flush: attempts that were cancelled, and what an `End` completed with it. No render, no handlers."""
    frame = take_snapshot(run, [Trigger("stop")])
    run.rt.requeue(frame.dirty)
    frame.jobs = [
        Job(done.inst, "task", "cancelled", status="cancelled", completion=done, reason="stopped")
        for done in frame.completions
        if done.outcome == "cancelled" and done.inst.alive
    ]
    if ending.status == "completed":
        frame.statuses = [StatusChange(inst, "succeeded") for inst in run.tree.root.walk() if _ends_with_run(inst)]
    if not frame.jobs and not frame.statuses:
        return
    plan = settle_jobs(run, frame)
    await run.store.commit(write_of(run, frame, opening(run, frame), write_of_flush(run, frame, plan)))
    publish(run, frame, plan)


def _ends_with_run(inst: Instance) -> bool:
    """An End whose turn came, and the containers that it completes: nothing in them is left undone."""
    if inst.kind is NodeKind.STOP:
        return inst.reached or not inst.is_item
    return inst.kind in CONTEXT_KINDS and inst.status == "running" and not inst.failed


async def _watch_files(run: Run) -> None:
    """Look at the files that renders have read, once per throttle interval; a change asks for a frame (S-2)."""
    while True:
        await asyncio.sleep(run.limits.throttle_ms / 1000)
        for name in run.files.refresh():
            run.post(Trigger("file", name))


def _reason(ending: Ending, failures: Sequence[SmithersError] = ()) -> str | None:
    known: dict[str, Any] = {"reason": ending.stop_reason, "detail": ending.status_reason}
    if failures and ending.status_reason == str(failures[-1]):
        # Of a render that raised no other record has the line and the columns.
        known["error"] = failures[-1].to_json()
    known = {key: value for key, value in known.items() if value is not None}
    return orjson.dumps(known).decode() if known else None
