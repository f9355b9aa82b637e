"""Rows of the store turned into read models: the one place that knows both."""

from typing import Any

import orjson

from smithers_persistence.people import ApprovalRecord
from smithers_persistence.records import (
    AgentRecord,
    EventRecord,
    ExecutionRecord,
    FrameRecord,
    NodeRecord,
    StreamRecord,
    TaskRecord,
    ToolCallRecord,
    TransitionRecord,
)
from smithers_py.harness.answer_fields import describe
from smithers_py.harness.models import (
    AgentView,
    ApprovalView,
    Execution,
    ExecutionSummary,
    FrameView,
    LogLine,
    NodeView,
    PlanNode,
    TaskView,
    ToolCallView,
    TransitionView,
)
from smithers_py.harness.run_state import ENDED, task_word

_PRINTED = frozenset({"stdout", "stderr", "text", "tool", "answer", "retry"})


def decoded(text: str | bytes | None) -> Any:
    """The value of a stored JSON text; None where there is none."""
    return None if text is None else orjson.loads(text)


def duration(started: int | None, ended: int | None) -> int | None:
    """Milliseconds between two stored times; None while one of them is unknown."""
    return None if started is None or ended is None else max(0, ended - started)


def execution_summary(row: ExecutionRecord, state: str, now: int) -> ExecutionSummary:
    """One row of the list; `now` (ms since the epoch) ends the duration of a running one."""
    return ExecutionSummary(**_summary_fields(row, state, now))


def execution(row: ExecutionRecord, state: str, now: int) -> Execution:
    """Everything stored about an execution."""
    return Execution(
        **_summary_fields(row, state, now),
        script_hash=row.script_hash,
        engine_version=row.engine_version,
        root_component=row.root_component,
        config=decoded(row.config_json),
        input=decoded(row.input_json),
        stop_reason=row.stop_reason,
        summary=decoded(row.summary_json),
        head_frame=row.head_frame if row.head_frame >= 0 else None,
        owner=row.owner,
        epoch=row.epoch,
        lease_expires_at=row.lease_expires_at,
    )


def _summary_fields(row: ExecutionRecord, state: str, now: int) -> dict[str, Any]:
    # One that has no engine any more has run until its last write.
    until = row.ended_at or (now if state not in ENDED and state != "orphaned" else row.updated_at)
    return {
        "execution_id": row.execution_id,
        "name": row.name,
        "status": row.status,
        "status_reason": row.status_reason,
        "state": state,
        "script": row.script,
        "tags": row.tags,
        "exit_code": row.exit_code,
        "frames": row.frames,
        "parent_id": row.parent_id,
        "created_at": row.created_at,
        "started_at": row.started_at,
        "ended_at": row.ended_at,
        "updated_at": row.updated_at,
        "duration_ms": duration(row.started_at, until),
    }


def node(row: NodeRecord) -> NodeView:
    """One incarnation of a node."""
    return NodeView(
        execution_id=row.execution_id,
        node_id=row.node_id,
        parent_id=row.parent_id,
        type=row.node_type,
        name=row.name,
        status=row.status or "idle",
        mounted_frame=row.mounted_frame,
        unmounted_frame=row.unmounted_frame,
        source=row.source,
    )


def task(row: TaskRecord, now: int) -> TaskView:
    """The work of one incarnation; `now` (ms since the epoch) ends the duration of a running one."""
    until = row.ended_at if row.ended_at is not None or row.status != "running" else now
    return TaskView(
        execution_id=row.execution_id,
        task_id=row.task_id,
        node_id=row.node_id,
        mounted_frame=row.mounted_frame,
        attempt=row.attempt,
        kind=row.kind,
        status=task_word(row),
        result=decoded(row.result_json),
        error=decoded(row.last_error_json),
        lease_epoch=row.lease_epoch,
        blocked=decoded(row.blocked_json),
        next_retry_at=row.next_retry_at,
        scheduled_at=row.scheduled_at,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_ms=duration(row.started_at, until),
    )


def agent(row: AgentRecord) -> AgentView:
    """One model run."""
    return AgentView(
        execution_id=row.execution_id,
        run_id=row.run_id,
        node_id=row.node_id,
        mounted_frame=row.mounted_frame,
        attempt=row.attempt,
        model=row.model,
        status=row.status,
        usage=decoded(row.usage_json),
        cost_usd=row.cost_usd,
        output_text=row.output_text,
        output_structured=decoded(row.output_structured_json),
        error=decoded(row.error_json),
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_ms=duration(row.started_at, row.ended_at),
    )


def approval(row: ApprovalRecord) -> ApprovalView:
    """A question to a person."""
    payload = decoded(row.payload_json)
    schema = payload.get("schema") if isinstance(payload, dict) else None
    return ApprovalView(
        execution_id=row.execution_id,
        id=row.id,
        node_id=row.node_id,
        mounted_frame=row.mounted_frame,
        kind=row.kind,
        status=row.status,
        title=row.title,
        payload=payload,
        fields=[] if schema is None else describe(schema),
        asked_at=row.asked_at,
        answered_at=row.answered_at,
        answered_by=row.answered_by,
        answered_from=row.answered_from,
        comment=row.comment,
        output=decoded(row.output_json),
    )


def tool_call(row: ToolCallRecord) -> ToolCallView:
    """One tool call of an agent; its result as the model got it."""
    result = decoded(row.result_json)
    return ToolCallView(
        execution_id=row.execution_id,
        node_id=row.node_id,
        mounted_frame=row.mounted_frame,
        turn=row.turn,
        call_id=row.call_id,
        tool=row.tool,
        status=row.status,
        args=decoded(row.args_json),
        result=result.get("content") if isinstance(result, dict) else result,
        started_at=row.started_at,
        ended_at=row.ended_at,
        duration_ms=duration(row.started_at, row.ended_at),
    )


def transition(row: TransitionRecord) -> TransitionView:
    """One change of a state key."""
    old, new = decoded(row.old_value_json), decoded(row.new_value_json)
    whole = row.old_value_json is not None or row.new_value_json is not None or row.deleted
    return TransitionView(
        execution_id=row.execution_id,
        id=row.id,
        frame=row.frame_index,
        key=row.key,
        old=old,
        new=new,
        delta=None if whole else decoded(row.delta_json),
        deleted=row.deleted,
        trigger=row.trigger,
        node_id=row.node_id,
        handler=row.handler,
        timestamp=row.timestamp,
    )


def frame(row: FrameRecord) -> FrameView:
    """One frame without its plan."""
    return FrameView(
        execution_id=row.execution_id,
        frame=row.frame_index,
        reason=row.reason,
        triggers=row.triggers,
        created_at=row.created_at,
        mounted=row.mounted,
        unmounted=row.unmounted,
        updated=row.updated,
        scopes=row.scopes,
        keys_read=row.keys_read,
        keys_written=row.keys_written,
        phase_ms=row.phase_ms,
        bytes=row.bytes,
        plan_hash=None if row.plan_hash is None else row.plan_hash.hex(),
        state_hash=None if row.state_hash is None else row.state_hash.hex(),
    )


def plan_nodes(flat: list[list[Any]]) -> list[PlanNode]:
    """A stored plan in plan order."""
    return [
        PlanNode(node_id=node_id, parent_id=parent, type=type_name, name=name, props=props)
        for node_id, parent, type_name, name, props in flat
    ]


def event_line(row: EventRecord) -> LogLine:
    """An event as a line of the log."""
    return LogLine(
        execution_id=row.execution_id,
        seq=row.seq,
        timestamp=row.timestamp,
        level=row.level,
        type=row.type,
        source=row.source,
        node_id=row.node_id,
        frame=row.frame_index,
        payload=decoded(row.payload_json),
    )


def output_line(row: StreamRecord) -> LogLine:
    """A line of output as a line of the log; what is not printed text (token counts) only shows at level debug."""
    return LogLine(
        execution_id=row.execution_id,
        seq=None,
        timestamp=row.timestamp,
        level="info" if row.kind in _PRINTED else "debug",
        type=row.kind,
        source=None,
        node_id=row.node_id,
        frame=None,
        payload=decoded(row.payload_json),
    )
