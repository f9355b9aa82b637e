"""A task's end that nobody looks at: the next one in its row starts in the frame that records it.

Usually that takes two frames. One handles the end, and its flush makes the new status true; the next renders what
reads the status, asks whose turn it is and starts it. Where no code of the plan reads the status, handles the end or
decides who is next, the second frame would find just what is known in the first: so the item is settled for its
context as soon as the frame begins, and its successor's turn comes in this frame's render phase. What a plan can read
still changes at the flush (Z-1), and both are one transaction, as the two frames would have been.
"""

from smithers_py.engine.instance import ORDERED_KINDS, Instance, Outcome
from smithers_py.engine.progress import first_unreached, settle
from smithers_py.engine.run import Run
from smithers_py.engine.work import Frame
from smithers_py.nodes import NodeKind


def settle_ahead(run: Run, frame: Frame) -> None:
    """Settle the one completion of a frame that is about nothing else, if the plan has no say in what follows."""
    if len(frame.completions) != 1 or frame.dirty or not _is_quiet(run, frame):
        return
    done = frame.completions[0]
    inst = done.inst
    if done.outcome != "succeeded" or done.actions or not inst.alive or not inst.handlers.keys().isdisjoint(_ENDS):
        return
    if run.state.is_read(f"$node/{inst.node_id}") or not _starts_a_task(inst.context):
        return
    frame.ahead = inst
    run.tree.touch(settle(inst, Outcome.SETTLED))


_ENDS = ("on_finished", "on_approve", "on_reject")


def _is_quiet(run: Run, frame: Frame) -> bool:
    """Nothing else has happened, and nothing is left over from the frame before."""
    tree = run.tree
    left = tree.stale or tree.unended or tree.reopened or tree.rescripted or run.ending or run.pausing is not None
    asked = frame.operator or frame.commands or frame.blocked or frame.tool_writes or frame.progress
    return not (left or asked or run.owed.again or run.owed.statuses)


def _starts_a_task(context: Instance) -> bool:
    """True where a place that comes free goes to a task of the plan: no container to fill, no Stop, nothing to end."""
    if context.kind is NodeKind.PARALLEL:
        if context.desc.max_concurrency is None:
            return False
    elif context.kind not in ORDERED_KINDS or context.failed or context.open != 1:
        return False
    following = first_unreached(context)
    return following is not None and following.kind is NodeKind.RUNNABLE
