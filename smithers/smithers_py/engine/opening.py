"""The rows of a frame's opening: what the commit phase writes (F-6, F-7)."""

import orjson

from smithers_persistence.rows import FrameFlush, FrameOpening, FrameWrite, InstanceRow, TaskClaim, TaskRow
from smithers_py.engine.causes import keys_read, scopes_text
from smithers_py.engine.run import Run
from smithers_py.engine.work import Frame
from smithers_py.nodes import NodeKind

_WAITING = ("scheduled", "blocked")


def write_of(run: Run, frame: Frame, opens: FrameOpening | None, flush: FrameFlush | None) -> FrameWrite:
    """The store's write for this frame."""
    triggers = frame.triggers
    return FrameWrite(
        frame.index,
        frame.now_ms,
        triggers[0].kind if triggers else "flush",
        [str(triggers[0])] if len(triggers) == 1 else list(dict.fromkeys(map(str, triggers))),
        opens,
        flush,
        bool(frame.starts),
        None if frame.opened or run.held else run.times,
        run.take_unrecorded(),
    )


def opening(run: Run, frame: Frame) -> FrameOpening:
    """What phase 4 writes."""
    changes = frame.changes
    opens = FrameOpening(None, run.tree.plan_hash_bytes)
    if changes.patches:
        opens.delta = orjson.dumps(changes.patches)
        _tell_changes(opens, frame)
    if frame.draft.rendered or frame.draft.asked:
        opens.scopes = len(frame.draft.rendered)
        opens.keys_read = keys_read(frame.draft)
        opens.scopes_json = scopes_text(frame.draft, opens.keys_read)
    if frame.scheduled:
        opens.new_tasks = [
            TaskRow(inst.node_id, inst.mounted_frame, inst.type_name, frame.now_ms, inst.extra.signature)
            for inst in frame.scheduled
        ]
    if frame.starts:
        until = frame.now_ms + run.limits.lease_ms
        opens.claims = [
            TaskClaim(inst.node_id, inst.mounted_frame, inst.extra.attempt, frame.now_ms, until)
            for inst in frame.starts
        ]
        opens.events = [run.event("task.started", inst.node_id) for inst in frame.starts]
    opens.dropped += [inst.key for inst in frame.withdrawn]
    opens.restarts = frame.restarts
    opens.rehandled = [inst.key for inst in frame.rehandled]
    return opens


def _tell_changes(opens: FrameOpening, frame: Frame) -> None:
    changes = frame.changes
    opens.mounted = len(changes.mounted)
    opens.unmounted = len(changes.unmounted)
    opens.updated = len(changes.updated) + len(changes.moved)
    opens.instances = [
        InstanceRow(
            inst.node_id,
            (inst.parent.node_id or None) if inst.parent else None,
            inst.type_name,
            inst.name,
            inst.status if inst.is_item else None,
            inst.source,
        )
        for inst in changes.mounted
    ]
    opens.closed = [inst.key for inst in changes.unmounted]
    opens.dropped = [
        inst.key for inst in changes.unmounted if inst.kind is NodeKind.RUNNABLE and inst.status in _WAITING
    ]
