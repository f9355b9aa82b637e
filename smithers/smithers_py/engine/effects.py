"""Phase 6, effects: the only place where a plan's own code may cause something (H-1 to H-4, N-6).

Handlers of finished tasks, events of containers, effects and clean-ups run one at a time in plan order. Each is a
transaction: its writes are queued in its own activity and dropped when it raises.
"""

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from smithers_persistence.crash import crash_point
from smithers_py.engine.effect_state import EffectState
from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.journal import is_volatile
from smithers_py.engine.run import Run
from smithers_py.engine.work import Frame, Job
from smithers_py.errors import EffectError, HandlerError, SmithersError, TaskTimeout
from smithers_py.nodes import NodeKind
from smithers_py.nodes.props import EVENTS
from smithers_py.state.activity import Activity, ActivityKind, current
from smithers_py.where import user_location
from smithers_py.workers.calling import invoke, misfit


async def run_effects(run: Run, frame: Frame) -> None:
    """Run the frame's jobs. A job that raises is marked, the others go on."""
    if frame.written:
        return
    for job in frame.jobs:
        if job.chore is not None:
            job.events = await job.chore()
        if job.fn is not None:
            await _run_job(run, frame, job)
        run.storm.ran(job)


async def run_cleanups(run: Run) -> None:
    """At the end of a run every mounted effect cleans up; what it writes then is dropped, what it raises is shown."""
    for inst in run.tree.root.walk():
        if inst.kind is NodeKind.EFFECT and isinstance(inst.extra, EffectState) and inst.extra.cleanup is not None:
            job = Job(inst, "cleanup", "cleanup")
            last = Frame(run.next_frame, run.clock.now_ms(), [])
            await _call(run, last, job, "effect", inst.extra.cleanup, (), point="cleanup")
            if job.error is not None:
                run.observer.log("error", job.error.render())


async def _run_job(run: Run, frame: Frame, job: Job) -> None:
    if job.kind == "effect":
        await _effect(run, frame, job)
    elif job.kind == "cleanup":
        await _call(run, frame, job, "effect", job.fn, (), point="cleanup")
    else:
        await _call(run, frame, job, "handler", job.fn, job.args, point="handler")


async def _effect(run: Run, frame: Frame, job: Job) -> None:
    """Clean up after the last run, then run; strict mode does setup, cleanup, setup (H-4)."""
    state: EffectState = job.inst.extra
    rounds = 2 if run.options.strict and state.deps is None else 1
    for _ in range(rounds):
        if state.cleanup is not None:
            await _call(run, frame, job, "effect", state.cleanup, (), point="cleanup")
            state.cleanup = None
        returned = await _call(run, frame, job, "effect", job.fn, (), point="effect")
        state.cleanup = returned if callable(returned) else job.inst.desc.cleanup
    if state.again and state.deps == job.deps:
        job.actions = [action for action in job.actions if is_volatile(action)]
    state.again = False
    # Also after a failure: it runs again when its deps change, not in every frame.
    state.deps = job.deps


async def _call(
    run: Run,
    frame: Frame,
    job: Job,
    kind: ActivityKind,
    fn: Callable[..., Any] | None,
    args: tuple[Any, ...],
    *,
    point: str,
) -> Any:
    """Call one function of the plan in an activity of its own; returns its value, None when it raised."""
    inst = job.inst
    activity = Activity(
        kind,
        inst.node_id,
        job.event,
        frame=frame.index,
        uuid_seed=f"{run.execution_id}/{inst.node_id}/{inst.mounted_frame}/{job.event}",
        owner=inst,
        vol_only=job.kind == "progress",
    )
    if fn is None:
        return None
    limit: asyncio.Timeout | None = None
    token = current.set(activity)
    crash_point(f"{point}.before")
    try:
        value = invoke(fn, *args, ctx=run.ctx)
        if inspect.isawaitable(value):
            async with asyncio.timeout(run.limits.handler_timeout_ms / 1000) as limit:
                value = await value
    except (Exception, SystemExit) as error:  # noqa: BLE001 - H-2: what a handler raises fails its node, and only that
        activity.close()
        job.actions = []
        late = limit is not None and limit.expired()
        seconds = run.limits.handler_timeout_ms / 1000
        cause = TaskTimeout(seconds, what=f"{job.event} of {inst.path_name}") if late else error
        fail(job, _as_error(job, inst, cause, run))
        return None
    finally:
        current.reset(token)
    crash_point(f"{point}.after")
    job.actions += activity.close()
    return value


def fail(job: Job, error: SmithersError) -> None:
    """The job's code failed: none of its writes happen and its node is failed (H-2)."""
    job.error = error
    job.handler_failed = True
    if job.kind == "progress":
        return
    job.status = "failed"
    job.outcome = Outcome.FAILED


def _as_error(job: Job, inst: Instance, error: BaseException, run: Run) -> SmithersError:
    source = user_location(error) or inst.desc.source or (None, None)
    if isinstance(error, SmithersError):
        located = error
    elif job.kind in ("effect", "cleanup"):
        detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        hint = "None of its writes happened."
        if misfit(job.fn, job.args):
            hint = "An effect is called without arguments; a parameter named ctx gets the context."
        located = EffectError(f"{inst.path_name} raised {detail}", hint=hint)
        located.__cause__ = error
        located.where = HandlerError("", error).where
    else:
        hint = None
        if misfit(job.fn, job.args):
            handler = EVENTS[job.event]
            hint = f"It is called like this: {job.event}={handler}; a parameter named ctx gets the context."
        located = HandlerError(f"{job.event} of {inst.path_name}", error, hint=hint)
        located.__cause__ = error
    return located.locate(node=inst.path(), file=source[0], line=source[1], execution_id=run.execution_id)
