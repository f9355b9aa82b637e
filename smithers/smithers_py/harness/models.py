"""The read models: what every surface shows and what `--json` prints (Z-22).

The field names are stable: fields are added, never renamed or removed. Times are integer milliseconds since the
Unix epoch, durations integer milliseconds. Lists of rows are ascending.
"""

from typing import Any

from pydantic import BaseModel, ConfigDict


class ReadModel(BaseModel):
    """Base of the read models: immutable facts at one moment."""

    model_config = ConfigDict(frozen=True)


class RunState(ReadModel):
    """What an execution is doing now, derived from rows by `run_state` (O-2).

    `state` is the stored status or, for one that is not over, what is really going on: recovering, stale, orphaned,
    waiting-<what>. `reason` is a sentence for people, with the next command where there is one.
    """

    state: str
    reason: str
    running: int = 0
    scheduled: int = 0
    blocked: int = 0
    failed: int = 0


class ExecutionSummary(ReadModel):
    """One row of `smithers list`."""

    execution_id: str
    name: str | None
    status: str
    status_reason: str | None
    state: str
    script: str | None
    tags: list[str]
    exit_code: int | None
    frames: int
    parent_id: str | None
    created_at: int
    started_at: int | None
    ended_at: int | None
    updated_at: int
    duration_ms: int | None


class Execution(ExecutionSummary):
    """Everything stored about an execution."""

    script_hash: str | None
    engine_version: str | None
    root_component: str | None
    config: Any
    input: Any
    stop_reason: str | None
    summary: Any
    head_frame: int | None
    owner: str | None
    epoch: int
    lease_expires_at: int | None


class NodeView(ReadModel):
    """One incarnation of a node. `source` is "file:line" of the call that made it."""

    execution_id: str
    node_id: str
    parent_id: str | None
    type: str
    name: str | None
    status: str
    mounted_frame: int
    unmounted_frame: int | None
    source: str | None


class TaskView(ReadModel):
    """The work of one incarnation of a runnable node. `task_id` is "{execution_id}/{node_id}/{attempt}".

    `blocked` is what it waits for while its status is that: {"reason", "until" (ms since the epoch, or null)}.
    """

    execution_id: str
    task_id: str
    node_id: str
    mounted_frame: int
    attempt: int
    kind: str
    status: str
    result: Any
    error: Any
    lease_epoch: int | None
    blocked: Any
    next_retry_at: int | None
    scheduled_at: int | None
    started_at: int | None
    ended_at: int | None
    duration_ms: int | None


class AgentView(ReadModel):
    """One model run of an agent node. `cost_usd` is in US dollars, None for a model without a known price."""

    execution_id: str
    run_id: str
    node_id: str
    mounted_frame: int
    attempt: int
    model: str
    status: str
    usage: Any
    cost_usd: float | None
    output_text: str | None
    output_structured: Any
    error: Any
    started_at: int | None
    ended_at: int | None
    duration_ms: int | None


class ApprovalView(ReadModel):
    """A question to a person. `payload` is what is asked (message, diff, command line, schema of the answer), `fields`
    tells the fields of a typed answer, `status` is pending, approved, denied or cancelled.
    """

    execution_id: str
    id: int
    node_id: str
    mounted_frame: int
    kind: str
    status: str
    title: str
    payload: Any
    fields: list[str]
    asked_at: int
    answered_at: int | None
    answered_by: str | None
    answered_from: str | None
    comment: str | None
    output: Any


class CommandView(ReadModel):
    """What a person asked of an execution. `status`: done, refused, seen, queued, or "queued until resume"."""

    execution_id: str
    id: int
    verb: str
    node_id: str | None
    args: Any
    status: str
    message: str | None
    asked_at: int
    asked_by: str
    asked_from: str
    seen_at: int | None
    answered_at: int | None
    frame: int | None


class ToolCallView(ReadModel):
    """A tool call of an agent: open while it runs, then done, failed or denied. `turn` is the message that made it."""

    execution_id: str
    node_id: str
    mounted_frame: int
    turn: int
    call_id: str
    tool: str
    status: str
    args: Any
    result: Any
    started_at: int
    ended_at: int | None
    duration_ms: int | None


class Inspection(ReadModel):
    """`smithers inspect --json`."""

    execution: Execution
    run_state: RunState
    nodes: list[NodeView]
    tasks: list[TaskView]
    agents: list[AgentView]
    tool_calls: list[ToolCallView]
    approvals: list[ApprovalView]


class TransitionView(ReadModel):
    """One change of a state key, in the frame whose flush wrote it (-1: before the first frame).

    For a value of 64 kB or more `old` and `new` are None and `delta` says what changed.
    """

    execution_id: str
    id: int
    frame: int
    key: str
    old: Any
    new: Any
    delta: Any
    deleted: bool
    trigger: str | None
    node_id: str | None
    handler: str | None
    timestamp: int


class FrameView(ReadModel):
    """One frame (F-7). `bytes` is the logical size of its row without keyframe, `phase_ms` ms of each phase."""

    execution_id: str
    frame: int
    reason: str
    triggers: list[str]
    created_at: int
    mounted: int
    unmounted: int
    updated: int
    scopes: int
    keys_read: list[str]
    keys_written: list[str]
    phase_ms: dict[str, float]
    bytes: int
    plan_hash: str | None
    state_hash: str | None


class FrameTrace(FrameView):
    """A frame with the names of the scopes that ran in it, each with the keys whose change made it run."""

    ran: list[str]


class PlanNode(ReadModel):
    """A node of a stored plan, in plan order; the tree is told by `parent_id`, since plans nest too deep for JSON."""

    node_id: str
    parent_id: str | None
    type: str
    name: str | None
    props: dict[str, Any]


class FrameSnapshot(FrameView):
    """A frame with its whole plan and the state that its render saw."""

    plan: list[PlanNode]
    state: dict[str, Any]


class LogLine(ReadModel):
    """An event of the log, or a line of output of a command or agent.

    An event has its `seq`; a line of output has none, and its `type` is "stdout", "stderr", "text" and the like.
    """

    execution_id: str
    seq: int | None
    timestamp: int
    level: str
    type: str
    source: str | None
    node_id: str | None
    frame: int | None
    payload: Any
