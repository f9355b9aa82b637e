"""Phase 4, commit: the frame becomes a row (F-6, F-7; H-3 record 1).

One transaction holds the frame row, the plan's delta, node instances, new tasks and the claims of those about to start.
Two cases need no transaction of their own: when no user code follows, the flush rides along (one write for the whole
frame); when the plan did not change and nothing starts, the opening waits for the flush. The ends of the tasks that
this frame is about (record 2) ride along when they came while the engine was idle.

A frame that starts nothing while nothing runs is not written at once but held: if another is due, as between two steps
of a sequence, both are one write. Nobody can tell, for all that acts (a task's start, a handler, an effect, the end of
the run, going idle) writes first what is held; and a write that fails stops the engine all the same, one turn later.
"""

from smithers_py.engine.flush import publish, settle_jobs, write_of_flush
from smithers_py.engine.opening import opening, write_of
from smithers_py.engine.run import Run
from smithers_py.engine.work import Frame


async def commit(run: Run, frame: Frame) -> None:
    """Write the frame's opening, together with its flush where no user code stands between them.

    Raises:
        StoreFailed, LostLease: nothing was written; the execution ends (F-6).
    """
    if not frame.runs_user_code:
        plan = settle_jobs(run, frame)
        write = write_of(run, frame, opening(run, frame), write_of_flush(run, frame, plan))
        frame.opened = frame.written = True
        if not (run.held or frame.starts or frame.ending or run.tasks.running):
            run.held.append(write)
        else:
            await run.store.commit(*run.take_held(), write)
        publish(run, frame, plan)
        return
    if frame.changes.patches or frame.starts or frame.scheduled:
        await run.store.commit(*run.take_held(), write_of(run, frame, opening(run, frame), None))
        frame.opened = True
        return
    await run.landed()
    if run.unrecorded:
        # A handler runs after its task's end is on disk, never before (H-3).
        await run.store.finish(*run.take_unrecorded())
