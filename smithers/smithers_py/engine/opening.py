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
    triggers = list(dict.fromkeys(str(trigger) for trigger in frame.triggers))
    reason = frame.triggers[0].kind if frame.triggers else "flush"
    return FrameWrite(
        frame.index,
        frame.now_ms,
        reason,
        triggers,
        opening=opens,
        flush=flush,
        durable=bool(frame.starts),
        before=None if frame.opened or run.held else run.times,
        finished=run.take_unrecorded(),
    )


def opening(run: Run, frame: Frame) -> FrameOpening:
    """What phase 4 writes."""
    changes, draft = frame.changes, frame.draft
    read = keys_read(draft)
    return FrameOpening(
        delta=orjson.dumps(changes.patches) if changes.patches else None,
        plan_hash=run.tree.plan_hash_bytes,
        mounted=len(changes.mounted),
        unmounted=len(changes.unmounted),
        updated=len(changes.updated) + len(changes.moved),
        scopes=len(draft.rendered),
        keys_read=read,
        scopes_json=scopes_text(draft, read),
        instances=[
            InstanceRow(
                inst.node_id,
                (inst.parent.node_id or None) if inst.parent else None,
                inst.type_name,
                inst.name,
                inst.status if inst.is_item else None,
                inst.source,
            )
            for inst in changes.mounted
        ],
        closed=[inst.key for inst in changes.unmounted],
        new_tasks=[
            TaskRow(inst.node_id, inst.mounted_frame, inst.type_name, frame.now_ms, inst.extra.signature)
            for inst in frame.scheduled
        ],
        claims=[
            TaskClaim(
                inst.node_id,
                inst.mounted_frame,
                inst.extra.attempt,
                frame.now_ms,
                frame.now_ms + run.limits.lease_ms,
            )
            for inst in frame.starts
        ],
        dropped=[inst.key for inst in changes.unmounted if inst.kind is NodeKind.RUNNABLE and inst.status in _WAITING]
        + [inst.key for inst in frame.withdrawn],
        restarts=frame.restarts,
        rehandled=[inst.key for inst in frame.rehandled],
        events=[run.event("task.started", inst.node_id) for inst in frame.starts],
    )
