"""What a frame has to do once its tree is settled: which tasks start, which containers ended, whose code runs.

Decided between reconcile and commit, from the tree just rendered (Z-6), so that the commit can claim what starts and
the effects phase has one list of jobs in plan order.
"""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

from pydantic_core import to_jsonable_python

from smithers_persistence.commands import CommandRecord
from smithers_persistence.rows import EventRow, Restart
from smithers_py.engine.commands import Done
from smithers_py.engine.draft import Draft
from smithers_py.engine.effect_state import EffectState
from smithers_py.engine.instance import Instance, Outcome, plan_order
from smithers_py.engine.progress import has_ended, loop_state, may_reopen, unreached_items
from smithers_py.engine.reconcile import Changes
from smithers_py.engine.results import ContainerResult, TaskResult
from smithers_py.engine.run import Completion, Ending, Run, ToolWrites
from smithers_py.engine.slots import where
from smithers_py.engine.task_state import Claim
from smithers_py.engine.triggers import Trigger
from smithers_py.errors import InvalidPropError, SmithersError
from smithers_py.nodes import NodeKind
from smithers_py.state.actions import Action, Batch
from smithers_reactive import Scope

NO_CHANGES = Changes()
NO_DRAFT = Draft(-1)

JobKind = Literal["task", "container", "effect", "cleanup", "progress"]


@dataclass(slots=True)
class Job:
    """One piece of phase 6: at most one call of user code, and what becomes of its node when that returned."""

    inst: Instance
    kind: JobKind
    event: str
    fn: Callable[..., Any] | None = None
    args: tuple[Any, ...] = ()
    status: str | None = None
    outcome: Outcome = Outcome.OPEN
    completion: Completion | None = None
    deps: str | None = None
    """The encoded deps an effect runs with."""
    chore: Callable[[], Awaitable[list[EventRow]]] | None = None
    """What the engine itself does in phase 6 before the plan's own code: it must be done when the end is written."""
    events: list[EventRow] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    error: SmithersError | None = None
    """Why the node failed: the task's own error, or the handler's."""
    handler_failed: bool = False
    reason: str | None = None
    """Why, of a node that was cancelled or skipped."""


@dataclass(slots=True)
class StatusChange:
    """A node's new status, written by the flush. `outcome` OPEN leaves its place in its context as it is."""

    inst: Instance
    status: str
    outcome: Outcome = Outcome.OPEN
    detail: str | None = None
    handler_failed: bool = False


@dataclass(slots=True)
class Frame:
    """One turn while it is worked on."""

    index: int
    now_ms: int
    triggers: list[Trigger]
    completions: list[Completion] = field(default_factory=list)
    operator: list[Batch] = field(default_factory=list)
    commands: list[CommandRecord] = field(default_factory=list)
    """What people asked since the last frame."""
    answers: list[Done] = field(default_factory=list)
    """What became of commands, written with this frame's flush."""
    restarts: list[Restart] = field(default_factory=list)
    rehandled: list[Instance] = field(default_factory=list)
    """Tasks that a person has tried again: their work, or only their handler."""
    reset: list[Instance] = field(default_factory=list)
    """Loops that a person has begin anew."""
    paused: bool | None = None
    blocked: list[Instance] = field(default_factory=list)
    """Running tasks that wait for something since the last frame, or no longer."""
    withdrawn: list[Instance] = field(default_factory=list)
    """Scheduled tasks that a person cancelled before they started."""
    tool_writes: list[ToolWrites] = field(default_factory=list)
    progress: dict[Instance, list[Any]] = field(default_factory=dict)
    ahead: Instance | None = None
    """Whose end its context knows before the flush: see ahead.py."""
    dirty: list[Scope] = field(default_factory=list)
    changes: Changes = NO_CHANGES
    draft: Draft = NO_DRAFT
    """What phases 2 and 3 found; these two are empty, and not to be written to, in a frame that has none."""
    scheduled: list[Instance] = field(default_factory=list)
    """Runnables whose turn came: their task rows are new."""
    starts: list[Instance] = field(default_factory=list)
    """Runnables that are claimed and started by this frame."""
    jobs: list[Job] = field(default_factory=list)
    statuses: list[StatusChange] = field(default_factory=list)
    ending: Ending | None = None
    written: bool = False
    """The flush rode in the commit's transaction."""
    opened: bool = False
    """The frame row is in the database."""
    claim: Claim | None = None
    """While the commit is on its way: see `Tasks.start`."""
    user_keys: list[str] = field(default_factory=list)
    """The keys that the flush has written, the engine's own apart."""
    phase_ms: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=perf_counter)
    """When the phase that runs now began, in seconds."""

    @property
    def is_empty(self) -> bool:
        """Nothing to mount, handle, write, start or answer (Z-18)."""
        return not (
            self.changes.patches
            or self.jobs
            or self.statuses
            or self.starts
            or self.scheduled
            or self.operator
            or self.commands
            or self.answers
            or self.paused is not None
            or self.tool_writes
            or self.draft.inits
            or self.draft.turned
            or self.ending
        )

    @property
    def only_listened(self) -> bool:
        """Nothing but `on_progress` handlers ran; unless they wrote something this is no frame (Z-20)."""
        acted = self.opened or self.statuses or self.answers or self.operator
        return not acted and all(job.kind == "progress" for job in self.jobs)

    @property
    def runs_user_code(self) -> bool:
        """True when phase 6 calls a handler or an effect, or changes files: all must see the commit done."""
        return any(job.fn is not None or job.chore is not None for job in self.jobs)

    def lap(self, phase: str) -> None:
        """What ran since the last lap was this phase (F-7)."""
        now = perf_counter()
        self.phase_ms[phase] = (now - self.since) * 1000
        self.since = now


def plan_work(run: Run, frame: Frame, draft: Draft) -> None:
    """Fill in what the frame starts and runs."""
    frame.draft = draft
    run.owed.hand_over(draft)
    if run.owed.statuses:
        frame.statuses += run.owed.take_statuses(run.tree.by_id)
    for inst in run.owed.take_again() if run.owed.again else ():
        run.tasks.put_back(inst, inst.extra, None)
    if draft.stops:
        _stop_or_end(frame, draft)
    if draft.ready:
        frame.scheduled = [inst for inst in draft.ready if _alive(inst)]
        run.tasks.enqueue(frame.scheduled, frame.now_ms)
    if frame.blocked:
        frame.statuses += _blocked(run, frame)
    if frame.ending is None and run.ending is None and run.tasks.queued:
        frame.starts = run.tasks.choose()
        frame.statuses += [StatusChange(inst, "running") for inst in frame.starts]
    frame.jobs = [*_cleanups(frame), *_in_plan_order(_jobs(run, frame, draft))]


def _jobs(run: Run, frame: Frame, draft: Draft) -> list[Job]:
    jobs: list[Job] = []
    if frame.completions:
        jobs += _completed(run, frame)
    if draft.entered:
        jobs += _entered(draft)
    if run.tree.unended or draft.turned:
        jobs += _ended(run, frame)
    if draft.effects:
        jobs += _effects(draft)
    if frame.progress:
        jobs += _progress(frame)
    return jobs


def _in_plan_order(jobs: list[Job]) -> list[Job]:
    if len(jobs) > 1:
        order = {inst: at for at, inst in enumerate(plan_order(list({job.inst: None for job in jobs})))}
        jobs.sort(key=lambda job: order[job.inst])
    return jobs


def _blocked(run: Run, frame: Frame) -> Iterator[StatusChange]:
    """Tasks that began to wait for something, or go on (T-8)."""
    for inst in frame.blocked:
        if inst in run.tasks.running and _alive(inst):
            waits = inst.extra.blocked
            if waits is not None or inst.status != "running":
                yield StatusChange(inst, "running" if waits is None else "blocked", detail=waits and waits.reason)


def _alive(inst: Instance) -> bool:
    """Mounted, and still in the plan."""
    return inst.mounted_frame >= 0 and inst.alive


def _stop_or_end(frame: Frame, draft: Draft) -> None:
    """The first Stop or End in plan order that was mounted (in a sequence: whose turn came) ends the run (Z-9)."""
    stops = plan_order([inst for inst in draft.stops if _alive(inst)])
    if not stops:
        return
    node = stops[0].desc
    if node.type_name == "Stop":
        frame.ending = Ending("stopped", 4, stop_reason=node.reason)
    else:
        try:
            summary = to_jsonable_python(node.summary)
        except ValueError as error:
            raise InvalidPropError(
                f"the summary of End cannot be stored: {str(error).rstrip('.')}",
                hint="Pass JSON values, Pydantic models or dataclasses.",
                where=where(node, stops[0], itself=True),
            ) from error
        frame.ending = Ending("completed", node.exit_code, stop_reason="end", summary=summary)


def _completed(run: Run, frame: Frame) -> Iterator[Job]:
    for completion in frame.completions:
        inst, result = completion.inst, completion.result
        frame.answers += run.commands.ended(inst, completion.outcome)
        if not _alive(inst):
            if completion.outcome != "cancelled":
                text = f"{inst.path_name} {completion.outcome} after it left the plan; no handler ran"
                run.observer.log("warning", text)
            yield Job(inst, "task", "ignored", completion=completion, status=completion.outcome)
            continue
        if completion.outcome == "succeeded":
            event = _event_of(inst, result)
            fn = inst.handlers.get(event)
            yield Job(inst, "task", event, fn, (result,), "succeeded", Outcome.SETTLED, completion)
        elif completion.outcome == "retry":
            yield Job(inst, "task", "retry", status="blocked", completion=completion, reason="retry")
        elif completion.outcome == "cancelled":
            yield Job(inst, "task", "cancelled", None, (), "cancelled", Outcome.SETTLED, completion)
        else:
            owner = _error_owner(inst)
            fn = owner.handlers["on_error"] if owner is not None else None
            outcome = Outcome.SETTLED if fn is not None else Outcome.FAILED
            job = Job(inst, "task", "on_error", fn, (completion.error,), "failed", outcome, completion)
            job.error = None if fn is not None else completion.error
            yield job


def _event_of(inst: Instance, result: TaskResult | None) -> str:
    """What the end of the work is called: of a question, as it was answered."""
    if inst.type_name != "Human" or result is None:
        return "on_finished"
    return "on_approve" if result.approved else "on_reject"


def _error_owner(inst: Instance) -> Instance | None:
    """Who handles a failure: the node itself, or its nearest Step or Phase with an `on_error` (Z-7)."""
    if "on_error" in inst.handlers:
        return inst
    for above in inst.ancestors():
        if above.kind in (NodeKind.STEP, NodeKind.PHASE) and "on_error" in above.handlers:
            return above
    return None


def _entered(draft: Draft) -> Iterator[Job]:
    for inst in draft.entered:
        if _alive(inst) and inst not in draft.skipped:
            yield Job(inst, "container", "on_start", inst.handlers.get("on_start"), status="running")


def _ended(run: Run, frame: Frame) -> Iterator[Job]:
    """Containers that have ended on the tree just rendered; each is a latch, effective in the next frame (Z-6)."""
    waiting, run.tree.unended = run.tree.unended, {}
    turned = {inst: None for inst in frame.draft.turned if loop_state(inst).done}
    for inst in {**waiting, **turned}:
        if inst.is_root:
            _skip_lanes(frame, inst)
            continue
        if not _alive(inst) or not inst.reached:
            continue
        if inst.frozen:
            if inst.outcome is Outcome.OPEN:
                # Brought back after the render of this frame: the next one lets it go on, and can tell.
                run.tree.unended[inst] = None
            continue
        if inst.outcome is not Outcome.OPEN:
            if may_reopen(inst) and not has_ended(inst):
                yield Job(inst, "container", "reopened", status="running")
            continue
        job = _verdict(run, frame, inst)
        if job is not None:
            yield job


def _verdict(run: Run, frame: Frame, inst: Instance) -> Job | None:
    result = ContainerResult(inst.node_id, inst.name)
    on_complete = inst.handlers.get("on_complete")
    if inst in frame.draft.skipped:
        return Job(inst, "container", "skip_if", None, (), "skipped", Outcome.SETTLED)
    if inst.kind is NodeKind.LOOP:
        state = loop_state(inst)
        if state.done is not None:
            result = ContainerResult(inst.node_id, None, state.done, state.iteration + 1)
            return Job(inst, "container", "on_complete", on_complete, (result,), "succeeded", Outcome.SETTLED)
        if state.between or state.iteration < 0 or not has_ended(inst):
            return None
        if not inst.failed:
            fn = inst.handlers.get("on_iteration")
            if fn is not None:
                return Job(inst, "container", "on_iteration", fn, (state.iteration,))
            # Nothing to write and nobody to tell: no latch is needed, the next turn reads the condition.
            state.between = True
            run.tree.touch(inst)
            return None
    elif not has_ended(inst):
        return None
    if inst.failed:
        frame.statuses += [StatusChange(item, "skipped", Outcome.SETTLED, "upstream") for item in unreached_items(inst)]
        return Job(inst, "container", "failed", None, (), "failed", Outcome.FAILED)
    job = Job(inst, "container", "on_complete", on_complete, (result,), "succeeded", Outcome.SETTLED)
    job.chore = _chore(run, inst)
    return job


def _chore(run: Run, inst: Instance) -> Callable[[], Awaitable[list[EventRow]]] | None:
    """What git has to do at the end of a container."""
    if inst.kind is NodeKind.WORKTREE and inst.desc.cleanup != "keep":
        return lambda: run.worktrees.clean(inst)
    if inst.kind is NodeKind.STEP and (inst.desc.snapshot_after or inst.desc.commit_after):
        return lambda: run.step_vcs.after(inst)
    return None


def _skip_lanes(frame: Frame, root: Instance) -> None:
    """Outside of containers a failed Phase skips the later Phases, a failed Step the later Steps (Z-7)."""
    failed = {kind for kind, (opened, failed) in root.extra.lanes.items() if failed and not opened}
    if failed and root.unreached:
        frame.statuses += [
            StatusChange(item, "skipped", Outcome.SETTLED, "upstream")
            for item in unreached_items(root)
            if item.kind in failed
        ]


def _effects(draft: Draft) -> Iterator[Job]:
    for inst, deps in draft.effects.items():
        if not _alive(inst):
            continue
        state: EffectState = inst.extra or EffectState()
        inst.extra = state
        if deps != state.deps or state.again:
            yield Job(inst, "effect", "effect", inst.desc.run, deps=deps)


def _cleanups(frame: Frame) -> list[Job]:
    """Effects that left the plan clean up before anything else runs."""
    return [
        Job(inst, "cleanup", "cleanup", inst.extra.cleanup)
        for inst in frame.changes.unmounted
        if inst.kind is NodeKind.EFFECT and inst.extra is not None
    ]


def _progress(frame: Frame) -> Iterator[Job]:
    for inst, events in frame.progress.items():
        fn = inst.handlers.get("on_progress")
        if fn is not None and _alive(inst):
            for event in events:
                yield Job(inst, "progress", "on_progress", fn, (event,))
