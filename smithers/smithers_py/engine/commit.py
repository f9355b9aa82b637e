"""Phase 4, commit: the frame becomes a row (F-6, F-7; H-3 record 1).

One transaction holds the frame row, the plan's delta, node instances, new tasks and the claims of those about to start.
Two cases need no transaction of their own: when no user code follows, the flush rides along (one write for the whole
frame); when the plan did not change and nothing starts, the opening waits for the flush. The ends of the tasks that
this frame is about (record 2) ride along when they came while the engine was idle.

Two things are done so that a row of tasks does not wait longer than the disk makes it; no code of a plan can tell of
either, for both happen only while no task runs, and all that acts (a task's work, a handler, an effect, the end of the
run, going idle) waits for the disk:

- A frame that starts nothing is not written at once but held: if another is due, as between two steps of a sequence,
  both are one write. Whoever is about to act writes first what is held; and a write that fails stops the engine all the
  same, one turn later.
- While the COMMIT of a frame that starts tasks is under way, its writes take effect in memory and its tasks are made
  ready, up to the call of their work (docs/adr/0004). A COMMIT that fails stops the engine, and what was made ready is
  dropped.
"""

import asyncio
from time import perf_counter

from smithers_persistence.rows import FrameWrite
from smithers_py.engine.flush import publish, settle_jobs, take_effect, tell, write_of_flush
from smithers_py.engine.opening import opening, write_of
from smithers_py.engine.run import Run
from smithers_py.engine.task_state import Claim
from smithers_py.engine.work import Frame
from smithers_py.nodes import NodeKind
from smithers_py.state.plan import FlushPlan


async def commit(run: Run, frame: Frame) -> None:
    """Write the frame's opening, together with its flush where no user code stands between them.

    Raises:
        StoreFailed, LostLease: nothing was written; the execution ends (F-6).
    """
    if not frame.runs_user_code:
        plan = settle_jobs(run, frame)
        write = write_of(run, frame, opening(run, frame), write_of_flush(run, frame, plan))
        frame.opened = frame.written = True
        if frame.starts and not run.tasks.running and not _leaves_worktree(frame):
            await _while_the_disk_works(run, frame, write, plan)
            return
        if run.held or frame.starts or frame.ending or run.tasks.running:
            await run.store.commit(*run.take_held(), write)
        else:
            run.held.append(write)
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


def _leaves_worktree(frame: Frame) -> bool:
    """Its folder is removed in phase 5."""
    return any(inst.kind is NodeKind.WORKTREE for inst in frame.changes.unmounted)


async def _while_the_disk_works(run: Run, frame: Frame, write: FrameWrite, plan: FlushPlan) -> None:
    """Send a frame that starts tasks, and go on when all that is left of its transaction is the COMMIT."""
    way = _OnItsWay(run, frame)
    run.store.send([*run.take_held(), write], underway=way.underway, landed=way.landed, failed=way.failed)
    frame.claim = run.landing = way.claim
    await way.going
    if run.fatal is not None:
        # The COMMIT has failed before this turn came.
        raise run.fatal
    take_effect(run, frame, plan)
    run.log.flush()
    way.in_effect = True
    if way.claim.landed:
        # The disk was faster, or the transaction was shared.
        way.tell()


class _OnItsWay:
    """A frame between its last statement and the disk. Its three callbacks come on the loop, between two turns."""

    def __init__(self, run: Run, frame: Frame) -> None:
        self._run = run
        self._frame = frame
        self._since = frame.since
        self.going: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the engine may go on; it raises when there is nothing to go on with."""
        self.claim = Claim()
        self.in_effect = False

    def underway(self) -> None:
        if not self.going.done():
            self.going.set_result(None)

    def landed(self) -> None:
        self._run.landing = None
        self._frame.phase_ms["commit"] = (perf_counter() - self._since) * 1000
        self.claim.settle(True)
        self.underway()
        if self.in_effect:
            self.tell()

    def failed(self, error: BaseException) -> None:
        self._run.landing = None
        self.claim.settle(False)
        if self.going.done():
            self._run.fail(error)
        else:
            self.going.set_exception(error)

    def tell(self) -> None:
        """Report the frame; what an observer raises ends the run, as it does anywhere in a frame."""
        try:
            tell(self._run, self._frame)
        except BaseException as error:  # noqa: BLE001 - raised by the drive loop
            self._run.fail(error)
