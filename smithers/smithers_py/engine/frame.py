"""One frame: seven phases, values flowing down (F-1; DESIGN §4).

    1 snapshot    what this frame is about: triggers, finished tasks, file versions; reads see the last flush
    2 render      dirty scopes run; nothing mounted changes until all of them returned
    3 reconcile   the difference becomes patches; ended containers are noticed
    4 commit      one transaction: frame row, plan delta, instances, task rows and claims
    5 execute     the claimed tasks start, unmounted ones are cancelled
    6 effects     handlers of finished tasks, container events, effects: each a transaction of queued actions
    7 flush       one transaction: actions, statuses, latches; only then do signals change

The order matters: a task is claimed on disk before its work begins, a handler runs before its node's status is written,
and nothing that a render can read changes anywhere but in phase 7.
"""

import gc

from smithers_persistence.rows import PhaseTimes
from smithers_py.engine.ahead import settle_ahead
from smithers_py.engine.commit import commit
from smithers_py.engine.effects import run_effects
from smithers_py.engine.execute import execute
from smithers_py.engine.flush import flush
from smithers_py.engine.operate import apply_commands
from smithers_py.engine.reconcile import reconcile
from smithers_py.engine.render import render
from smithers_py.engine.run import Run
from smithers_py.engine.snapshot import take_snapshot
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.work import Frame, plan_work


async def run_frame(run: Run, triggers: list[Trigger]) -> Frame | None:
    """Run one turn. None when there was nothing to mount, handle, write or start: that is no frame (Z-18).

    Raises:
        PlanError, RenderPhaseError, StateError: a component is wrong; nothing of the frame was kept (Z-9).
        StoreFailed, LostLease: the frame could not be written (F-6).
    """
    frame = take_snapshot(run, triggers)
    settle_ahead(run, frame)
    frame.lap("snapshot")
    # A mount makes many objects and no garbage, and each full collection would walk the whole growing tree: a third of
    # the time of a 100,000-node mount.
    collecting = gc.isenabled()
    gc.disable()
    try:
        draft = render(run.tree, run.content, frame.dirty, frame.index)
        frame.lap("render")
        frame.changes = reconcile(run.tree, draft)
        if frame.commands or run.pausing is not None:
            apply_commands(run, frame)
        plan_work(run, frame, draft)
        frame.lap("reconcile")
    finally:
        if collecting:
            gc.enable()
    if frame.is_empty:
        if run.tree.stale:
            # A loop without on_iteration has nothing to record between two iterations; its condition is read next.
            run.post(Trigger("flush"))
        return None
    await commit(run, frame)
    frame.lap("commit")
    execute(run, frame)
    frame.lap("execute")
    await run_effects(run, frame)
    frame.lap("effects")
    await flush(run, frame)
    frame.lap("flush")
    run.times = PhaseTimes(frame.index, frame.phase_ms)
    return frame
