"""Phase 7, flush: one transaction makes everything of this frame true, then signals change (S-4, H-3 record 3, Z-1).

Queued actions of handlers, effects, task bodies and operators; node statuses and latches as `$` keys; handled marks;
effect deps. A frame's reads can only change here.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from smithers_persistence.rows import EffectRow, FrameFlush, KvWrite, TransitionRow
from smithers_py.engine.effects import fail
from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.journal import is_volatile
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.opening import opening, write_of
from smithers_py.engine.progress import bump, lane_of, loop_state, may_reopen, settle
from smithers_py.engine.run import Run
from smithers_py.engine.task_state import state_of
from smithers_py.engine.tree import freeze
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.work import Frame, Job, StatusChange
from smithers_py.errors import SmithersError, StateActionError
from smithers_py.nodes import NodeKind
from smithers_py.state.actions import Batch, SignalSet
from smithers_py.state.plan import FlushPlan
from smithers_py.where import user_location


async def flush(run: Run, frame: Frame) -> None:
    """Write what phase 6 queued and make it visible; nothing to do when it rode in the commit."""
    if not frame.written:
        plan = settle_jobs(run, frame)
        if frame.only_listened and plan.empty:
            return
        opens = None if frame.opened else opening(run, frame)
        await run.store.commit(write_of(run, frame, opens, write_of_flush(run, frame, plan)))
        publish(run, frame, plan)
    run.storm.saw(run, frame)
    if run.store.keyframe_due:
        await run.landed()
        await run.store.write_keyframe(frame.index, flat_plan(run))


def settle_jobs(run: Run, frame: Frame) -> FlushPlan:
    """Decide what changes. A handler whose queued action cannot be applied fails like one that raised (Z-15)."""
    planner = run.state.planner()
    batches = [*frame.draft.inits, *_written(frame), *frame.operator]
    if batches:
        _fail_batches(frame, planner.apply(batches))
    if frame.ahead is not None:
        # What ended stands before what started because of it: `smithers why` reads them in this order.
        frame.statuses = [*_job_statuses(frame), *frame.statuses]
    else:
        frame.statuses += _job_statuses(frame)
    planner.put(_engine_texts(frame))
    if not frame.only_listened:
        planner.put(run.spending.texts())
    return planner.finish()


def write_of_flush(run: Run, frame: Frame, plan: FlushPlan) -> FrameFlush:
    """The rows of the flush."""
    now = run.clock.now_ms()
    flush = FrameFlush([], [], plan.state_hash, phase_ms=frame.phase_ms, keys_written=plan.keys_written)
    for index, change in enumerate(plan.changes):
        flush.transitions.append(
            TransitionRow(
                change.key,
                change.old_text,
                change.new_text,
                now,
                change.delta_text,
                change.deleted,
                change.trigger,
                change.node_id,
                change.handler,
            )
        )
        row = change.kv
        if change.deleted:
            flush.kv.append(KvWrite(change.key, None, now))
        elif row is not None:
            flush.kv.append(KvWrite(change.key, row.value_text, now, row.type_name, row.is_keyframe, index))
    if frame.statuses:
        flush.statuses = [(change.inst.node_id, change.inst.mounted_frame, change.status) for change in frame.statuses]
    if frame.jobs:
        flush.handled = [*_handled(frame)]
        flush.events = [*_events(run, frame)]
    if frame.jobs or frame.changes.unmounted:
        flush.effects = _effect_rows(frame)
    if frame.tool_writes:
        flush.applied_tools = [(*wrote.inst.key, wrote.turn, wrote.call_id) for wrote in frame.tool_writes]
    if frame.blocked:
        flush.blocked = [(inst.key, _blocked_json(inst)) for inst in frame.blocked]
    if frame.answers:
        flush.events += run.commands.events(frame.answers)
        flush.commands = run.commands.answers(frame.answers)
    flush.paused = frame.paused
    return flush


def publish(run: Run, frame: Frame, plan: FlushPlan) -> None:
    """After the commit: what was written takes effect, and whoever watches is told."""
    take_effect(run, frame, plan)
    tell(run, frame)


def take_effect(run: Run, frame: Frame, plan: FlushPlan) -> None:
    """State, statuses and progress change in memory, and the next turn is asked for."""
    run.state.publish(plan)
    frame.user_keys = [key for key in plan.keys_written if key[0] != "$"]
    run.content.user_writes += len(frame.user_keys)
    for change in frame.statuses:
        if change.inst is frame.ahead:
            change.inst.status = change.status
        else:
            apply_status(run, change)
    for job in frame.jobs:
        if job.event == "on_iteration" and not job.handler_failed:
            loop_state(job.inst).between = True
            run.tree.touch(job.inst)
        if job.event == "reopened":
            run.tree.touch(settle(job.inst, Outcome.OPEN))
            # One with a limit has yet to say who is next.
            run.tree.touch(job.inst)
        failure = _failure_of(job)
        if failure is not None:
            run.failures[job.inst.node_id] = failure
        elif job.outcome is Outcome.SETTLED:
            run.failures.pop(job.inst.node_id, None)
    if run.cascade:
        _note_cascade(run, frame)
    if frame.ending is not None and run.ending is None:
        run.ending = frame.ending
    run.next_frame = frame.index + 1
    if run.rt.dirty or run.tree.stale or run.tree.unended or run.tree.reopened:
        run.post(Trigger("flush", ",".join(frame.user_keys)[:200]))


def tell(run: Run, frame: Frame) -> None:
    """Report the frame to the observer, its errors first."""
    for job in frame.jobs:
        failure = _failure_of(job)
        if failure is not None:
            run.observer.log("error", failure.render())
        elif job.kind == "progress" and job.error is not None:
            # Whoever listens must not end the work that it listens to.
            run.observer.log("warning", job.error.render())
    # A container without work starts and ends in one frame: only the outcome is news.
    last = {change.inst: change for change in frame.statuses}
    for loop in frame.draft.turned:
        if loop.alive and loop_state(loop).done is None:
            last[loop] = StatusChange(loop, "running", detail=f"iteration {loop_state(loop).iteration}")
    run.observer.frame(
        FrameReport(
            frame.index,
            frame.changes.patches,
            [
                (change.inst.node_id, change.status, _told(change) if change.status == "blocked" else change.detail)
                for change in last.values()
            ],
        )
    )


def _failure_of(job: Job) -> SmithersError | None:
    """The error that its node fails with."""
    fails = job.kind != "progress" and (job.outcome is Outcome.FAILED or job.handler_failed)
    return job.error if fails else None


def _told(change: StatusChange) -> str | None:
    """What people are told of a node that waits: for what, and until when (E-3)."""
    waits = state_of(change.inst).blocked if state_of(change.inst) else None
    return change.detail if waits is None else str(waits)


def _note_cascade(run: Run, frame: Frame) -> None:
    """What nodes that ran again because of another script have written: who depends on it runs again too (T-6)."""
    for job in frame.jobs:
        if job.completion is None or job.inst.node_id not in run.cascade or job.completion.outcome == "retry":
            continue
        run.cascade.discard(job.inst.node_id)
        actions = [*job.actions, *job.completion.actions]
        run.cascade_keys |= {f"$node/{job.inst.node_id}"} | {
            one.key for one in actions if not isinstance(one, SignalSet)
        }
        run.post(Trigger("flush", "script changed"))


def apply_status(run: Run, change: StatusChange) -> None:
    """A node's new status, and what it means to its context."""
    inst = change.inst
    inst.status = change.status
    # An Effect whose code raised has no place in its context: it is no item.
    if change.outcome is Outcome.OPEN or not inst.alive or not inst.is_item:
        return
    if not inst.reached:
        # Skipped before its turn: it passes through "open" so that the counters stay a sum.
        inst.reached = True
        lane = lane_of(inst)
        if lane is not None:
            lane[0] += 1
        bump(inst.parent or inst, (0, -1, 0, 0))
    run.tree.touch(settle(inst, change.outcome))
    if inst.kind is not NodeKind.RUNNABLE and not may_reopen(inst):
        freeze(inst)


def flat_plan(run: Run) -> list[list[Any]]:
    """Every node as [id, parent, type, name, props], in plan order: a keyframe."""
    return [
        [inst.node_id, (inst.parent.node_id or None) if inst.parent else None, inst.type_name, inst.name, inst.props]
        for inst in run.tree.root.walk()
        if not inst.is_root
    ]


# -- parts ----------------------------------------------------------------------------------------------------------


def _written(frame: Frame) -> Iterator[Batch]:
    """What tools of agents that go on working wrote, then task bodies, then handlers and effects. What a tool or a task
    wrote is dropped when the node is gone (Z-0).
    """
    for wrote in frame.tool_writes:
        if wrote.inst.alive:
            yield Batch(wrote.inst.node_id, "tool", "tool", wrote.actions, frame.index, "task", -1)
    for order, job in enumerate(frame.jobs):
        if job.completion is not None and job.completion.actions and job.event != "ignored":
            yield Batch(job.inst.node_id, "task", "task", job.completion.actions, frame.index, "task", order)
    for order, job in enumerate(frame.jobs):
        if job.actions:
            yield Batch(job.inst.node_id, job.event, job.event, job.actions, frame.index, "handler", order)


def _fail_batches(frame: Frame, failed: list[tuple[Batch, Exception]]) -> None:
    for batch, error in failed:
        known = error if isinstance(error, SmithersError) else None
        for job in frame.jobs:
            if job.inst.node_id != batch.node_id or (batch.handler not in (job.event, "task")):
                continue
            source = job.inst.desc.source or (None, None)
            located = known or _raised_in_update(f"{batch.handler} of {job.inst.path_name}", error)
            fail(job, located.locate(node=job.inst.path(), file=source[0], line=source[1]))


def _raised_in_update(who: str, error: Exception) -> StateActionError:
    """The function of a queued `update` raised (Z-15)."""
    detail = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    hint = "Nothing it wrote was kept. While the key is absent the function gets None."
    raised = StateActionError(f"an update queued by {who} raised {detail}", hint=hint)
    raised.__cause__ = error
    file, line = user_location(error) or (None, None)
    return raised.locate(file=file, line=line)


def _job_statuses(frame: Frame) -> list[StatusChange]:
    found: list[StatusChange] = []
    for job in frame.jobs:
        if job.status is None or job.kind == "cleanup" or job.event == "ignored":
            continue
        if not job.inst.alive:
            continue
        detail = job.error.message if job.error is not None else job.reason
        found.append(StatusChange(job.inst, job.status, job.outcome, detail, job.handler_failed))
    return found


def _engine_texts(frame: Frame) -> dict[str, str]:
    """Statuses and iterations as `$` keys: durable, reactive, in the transitions (Z-1)."""
    texts = {f"$node/{change.inst.node_id}": orjson.dumps(_node_value(change)).decode() for change in frame.statuses}
    loops: dict[Instance, str] = {inst: "running" for inst in frame.draft.turned if inst.alive}
    for job in frame.jobs:
        if job.event == "on_iteration" and not job.handler_failed:
            loops[job.inst] = "between"
    loops |= dict.fromkeys(frame.reset, "between")
    for inst, word in loops.items():
        state = loop_state(inst)
        texts[f"$loop/{inst.node_id}"] = orjson.dumps([state.iteration, state.done or word]).decode()
    return texts


def _node_value(change: StatusChange) -> Any:
    """The status word, with what makes it unlike another of the same word."""
    state = state_of(change.inst)
    more: dict[str, Any] = {}
    if state is not None and state.attempt > 1:
        more["attempt"] = state.attempt
    if change.detail is not None and change.status in ("skipped", "cancelled", "blocked"):
        more["reason"] = change.detail
    if change.status == "failed" and change.outcome is Outcome.SETTLED:
        # Resuming and retrying must tell a failure that an on_error took from one that nobody did (Z-7).
        more["handled"] = True
    if change.status == "failed" and change.handler_failed:
        more["reason"] = "handler"
    return {"status": change.status, **more} if more else change.status


def _blocked_json(inst: Instance) -> str | None:
    waits = state_of(inst).blocked
    return None if waits is None else orjson.dumps({"reason": waits.reason, "until": waits.until_ms}).decode()


def _effect_rows(frame: Frame) -> list[EffectRow]:
    rows = [
        EffectRow(job.inst.node_id, job.deps, job.inst.extra.cleanup is not None or any(map(is_volatile, job.actions)))
        for job in frame.jobs
        if job.kind == "effect"
    ]
    rows += [
        EffectRow(inst.node_id, None, removed=True)
        for inst in frame.changes.unmounted
        if inst.kind is NodeKind.EFFECT and inst.extra is not None
    ]
    return rows


def _handled(frame: Frame) -> Iterator[tuple[str, int, str]]:
    """Record 3 of H-3."""
    for job in frame.jobs:
        if job.completion is not None and job.completion.outcome != "retry":
            yield *job.inst.key, job.status or job.completion.outcome


def _events(run: Run, frame: Frame) -> list[Any]:
    found: list[Any] = []
    for job in frame.jobs:
        found += job.events
        if job.handler_failed and job.error is not None:
            payload = orjson.dumps(job.error.to_json() | {"handler": job.event}).decode()
            found.append(run.event("handler.failed", job.inst.node_id, level="error", payload=payload))
        elif job.event == "ignored" and job.status != "cancelled":
            found.append(run.event("task.ignored", job.inst.node_id, level="warning"))
        elif job.kind == "container" and job.status is not None:
            kind = f"{job.inst.type_name.lower()}.{job.status}"
            found.append(run.event(kind, job.inst.node_id, level="error" if job.status == "failed" else "info"))
    return found
