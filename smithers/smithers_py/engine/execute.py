"""Phase 5, execute: start what was claimed, cancel what left the plan (F-5)."""

from smithers_py.engine.run import Run
from smithers_py.engine.work import Frame
from smithers_py.nodes import NodeKind


def execute(run: Run, frame: Frame) -> None:
    """Start the claimed attempts in plan order; ask unmounted ones to stop. Their ends arrive as triggers."""
    for inst in frame.starts:
        run.tasks.start(inst, frame.claim)
    for inst in frame.changes.unmounted:
        if inst.kind is NodeKind.RUNNABLE:
            run.tasks.cancel(inst)
        elif inst.kind is NodeKind.WORKTREE:
            # Children come before their parents here, so the work in it has been told to stop.
            run.worktrees.left(inst, frame.changes.unmounted)
