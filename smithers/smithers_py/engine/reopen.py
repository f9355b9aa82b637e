"""Bringing back what had ended: a retried or rerun node, and the containers that it lies in (Z-3, Z-6, Z-7).

Memory changes at once, between two frames; the statuses are written by the next frame's flush, and the task's row by
whoever asks (a resume's or a command's transaction).
"""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.progress import bump, items_at, lane_of, loop_state, settle
from smithers_py.engine.run import Run
from smithers_py.engine.work import StatusChange
from smithers_py.nodes import NodeKind


def retry(run: Run, inst: Instance) -> None:
    """Let a runnable that has ended run again as it is: same incarnation, its task's row is scheduled by the caller."""
    reopen_above(run, inst)
    if inst.outcome is not Outcome.OPEN:
        run.tree.touch(settle(inst, Outcome.OPEN))
    inst.status = "scheduled"
    run.failures.pop(inst.node_id, None)
    run.owed.statuses.append(StatusChange(inst, "scheduled"))


def rerun(run: Run, inst: Instance) -> None:
    """Have the next frame mount a node anew, as another incarnation (Z-3)."""
    reopen_above(run, inst)
    run.tree.replaced.add(inst)
    if inst.parent is not None:
        run.tree.reopened[inst.parent] = None
    for below in inst.walk():
        run.failures.pop(below.node_id, None)


def reopen_above(run: Run, inst: Instance, *, itself: bool = False) -> None:
    """Make the containers around a node go on (and the node, if it is one), and give back the turn of what was skipped
    because of it.
    """
    context = inst if itself else inst.context
    top: Instance | None = None
    while True:
        for item in _skipped(run, context):
            _unskip(run, item)
        if context.is_root:
            break
        if context.outcome is not Outcome.OPEN:
            run.tree.touch(settle(context, Outcome.OPEN))
            context.status = "running"
            run.owed.statuses.append(StatusChange(context, "running"))
            if context.kind is NodeKind.LOOP:
                state = loop_state(context)
                state.done, state.between = None, False
                run.owed.turned.append(context)
        if context.frozen:
            top = context
        context = context.context
    if top is not None:
        run.tree.reopened[top] = None


def rearm_stops(run: Run, opened: AbstractSet[Instance]) -> None:
    """Give a Stop or End that has ended the run its turn back, and what it lies in: there is something to do before.

    `opened`: the containers that go on.
    """
    for stop in [inst for inst in run.tree.root.walk() if inst.kind is NodeKind.STOP and inst.is_item]:
        if stop.outcome is Outcome.OPEN:
            continue
        path = [inst for inst in (stop, *stop.ancestors()) if inst.is_item and inst not in opened]
        for inst in path:
            _turn_back(run, inst)
        run.tree.reopened[path[-1]] = None
        run.owed.stops = [inst for inst in run.owed.stops if inst is not stop]


def _skipped(run: Run, context: Instance) -> Iterator[Instance]:
    for child in list(context.children):
        for item in list(items_at(child)):
            if item.status == "skipped" and _reason(run, item) == "upstream":
                yield item


def _reason(run: Run, item: Instance) -> str | None:
    value = run.state.engine_get(f"$node/{item.node_id}")
    return value.get("reason") if isinstance(value, dict) else None


def _unskip(run: Run, item: Instance) -> None:
    """Its turn is to come again."""
    _turn_back(run, item)
    for inst in item.walk():
        inst.frozen = False


def _turn_back(run: Run, item: Instance) -> None:
    run.tree.touch(settle(item, Outcome.OPEN))
    unreach(item)
    run.owed.statuses.append(StatusChange(item, "idle"))


def unreach(item: Instance) -> None:
    """Take its turn back from an item that is open again."""
    item.reached = False
    item.status = "idle"
    lane = lane_of(item)
    if lane is not None:
        lane[0] -= 1
    bump(item.parent or item, (0, 1, 0, 0))
