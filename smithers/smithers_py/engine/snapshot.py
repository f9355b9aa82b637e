"""Phase 1, snapshot: fix what this frame is about.

State needs no copy: it changes only in a flush, and no flush runs inside a frame's render. What can change under the
frame (finished tasks, files, the clock) is taken here, once.
"""

from smithers_py.engine.run import Run
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.work import Frame


def take_snapshot(run: Run, triggers: list[Trigger]) -> Frame:
    """The frame to be: its number, time, triggers, the completions and operator actions it will handle."""
    frame = Frame(index=run.next_frame, now_ms=run.clock.now_ms(), triggers=triggers)
    run.files.begin_frame()
    # Before the dirty scopes are taken: a changed file marks its readers (Z-1).
    run.files.refresh()
    if run.inbox:
        frame.completions = list(run.inbox)
        run.inbox.clear()
    if run.operator:
        frame.operator, run.operator = run.operator, []
    if run.commands.inbox:
        frame.commands = run.commands.take()
    if run.blocked:
        frame.blocked = list(run.blocked)
        run.blocked.clear()
    if run.tool_writes:
        frame.tool_writes, run.tool_writes = run.tool_writes, []
    if run.progress:
        frame.progress, run.progress = run.progress, {}
    run.content.begin(frame.index, frame.now_ms)
    frame.dirty = run.rt.take_dirty()
    return frame
