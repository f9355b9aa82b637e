"""What the engine hands to the store: rows, JSON as text, times in integer ms, hashes as 16 bytes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

NodeKey = tuple[str, int]
"""(node_id, mounted_frame): one incarnation of a node."""

PHASES = ("snapshot", "render", "reconcile", "commit", "execute", "effects", "flush")


@dataclass(slots=True)
class EventRow:
    """One event (O-1); `seq` and `id` are given by the store. `frame_index` None takes that of the frame write."""

    type: str
    timestamp: int
    payload_json: str | None = None
    node_id: str | None = None
    source: str | None = None
    level: str = "info"
    frame_index: int | None = None


@dataclass(slots=True)
class TransitionRow:
    """One change of one key (S-5): `old`/`new` texts (None: absent), or for a large value `delta_json` alone."""

    key: str
    old_value_json: str | None
    new_value_json: str | None
    timestamp: int
    delta_json: str | None = None
    deleted: bool = False
    trigger: str | None = None
    node_id: str | None = None
    handler: str | None = None
    event_id: int | None = None


@dataclass(slots=True)
class KvWrite:
    """The new row of a key in state_kv; `value_json` None deletes it.

    `keyframe`: later transitions of this key may be deltas, which fold on top of this text. `transition` is the index,
    in the same flush's transitions, of the one this text includes; None: the last one of this key.
    """

    key: str
    value_json: str | None
    updated_at: int
    type_name: str | None = None
    keyframe: bool = False
    transition: int | None = None


@dataclass(slots=True)
class InstanceRow:
    """A node mounted by this frame."""

    node_id: str
    parent_id: str | None
    node_type: str
    name: str | None = None
    status: str | None = None
    source: str | None = None


@dataclass(slots=True)
class TaskRow:
    """A runnable's work, written as `scheduled`."""

    node_id: str
    mounted_frame: int
    kind: str
    scheduled_at: int
    signature: bytes | None = None
    attempt: int = 1
    status: str = "scheduled"
    next_retry_at: int | None = None


@dataclass(slots=True)
class TaskClaim:
    """Record 1 of H-3: this attempt is running under the store's owner and epoch."""

    node_id: str
    mounted_frame: int
    attempt: int
    started_at: int
    lease_expires_at: int | None = None
    process_json: str | None = None


@dataclass(slots=True)
class EffectRow:
    """The deps an effect last ran with (Z-16); `removed` deletes the row (the effect is unmounted)."""

    effect_id: str
    deps_json: str | None
    has_cleanup: bool = False
    removed: bool = False


@dataclass(slots=True)
class Restart:
    """A task that is scheduled again. `crashed`: its last attempt died with its engine, which counts apart. `anew`: a
    person wants it tried again, so the next attempt is the first that its `retries` count. Else the same attempt is
    begun again (it was stopped, not tried).
    """

    node_id: str
    mounted_frame: int
    crashed: bool = False
    anew: bool = False


@dataclass(slots=True)
class FrameOpening:
    """What phase 4 commits: the plan's delta and the rows of what it mounted. `delta` None: the plan is as before.

    `scopes_json`: for each scope that ran [node_id, read] and, unless it was mounted by this frame, why: "asked", the
    list of keys that had changed, or null (the parent), then such a list if there is one. Keys are positions in
    `keys_read`, or names.
    """

    delta: bytes | None
    plan_hash: bytes
    mounted: int = 0
    unmounted: int = 0
    updated: int = 0
    scopes: int = 0
    keys_read: list[str] = field(default_factory=list)
    scopes_json: str | None = None
    instances: list[InstanceRow] = field(default_factory=list)
    closed: list[NodeKey] = field(default_factory=list)
    new_tasks: list[TaskRow] = field(default_factory=list)
    claims: list[TaskClaim] = field(default_factory=list)
    dropped: list[NodeKey] = field(default_factory=list)
    """Scheduled tasks whose nodes left the plan before they started: cancelled, with no attempt."""
    restarts: list[Restart] = field(default_factory=list)
    rehandled: list[NodeKey] = field(default_factory=list)
    """Tasks that a person has tried again: their work, or only their handler (Z-7)."""
    events: list[EventRow] = field(default_factory=list)


@dataclass(slots=True)
class CommandAnswer:
    """The answer to a command: `status` done or refused, `answer_json` {"message": …} for whoever asked."""

    id: int
    status: Literal["done", "refused"]
    at: int
    answer_json: str | None = None


@dataclass(slots=True)
class FrameFlush:
    """What phase 7 commits.

    `statuses`: (node_id, mounted_frame, status) of nodes. `handled`: record 3 of H-3, (node_id, mounted_frame, final
    status) of tasks. `keys_written` may name more than the transitions do (volatile keys). `blocked`: what running
    tasks wait for, as JSON {"reason", "until"}, None: nothing any more. `commands`: what this frame did for people.
    `paused`: the execution is from now on, or not; None: as before.
    """

    transitions: list[TransitionRow]
    kv: list[KvWrite]
    state_hash: bytes
    statuses: list[tuple[str, int, str]] = field(default_factory=list)
    handled: list[tuple[str, int, str]] = field(default_factory=list)
    applied_tools: list[tuple[str, int, int, str]] = field(default_factory=list)
    """Tool calls whose journaled writes are among these transitions: (node_id, mounted_frame, turn, call_id)."""
    effects: list[EffectRow] = field(default_factory=list)
    phase_ms: dict[str, float] = field(default_factory=dict)
    keys_written: list[str] = field(default_factory=list)
    events: list[EventRow] = field(default_factory=list)
    blocked: Sequence[tuple[NodeKey, str | None]] = ()
    commands: Sequence[CommandAnswer] = ()
    paused: bool | None = None


@dataclass(slots=True)
class PhaseTimes:
    """What the phases of a frame took, in ms. The times of its own write are known only afterwards, so they go with
    the next one (F-7).
    """

    frame_index: int
    ms: dict[str, float]


@dataclass(slots=True)
class FrameWrite:
    """One transaction of one frame: its opening, its flush, or both at once (the common case). `before` completes the
    times of the frame before. `finished` are attempts that ended just before it: their second record rides along, ahead
    of what the frame decides from it.
    """

    frame_index: int
    created_at: int
    reason: str
    triggers: list[str]
    opening: FrameOpening | None = None
    flush: FrameFlush | None = None
    durable: bool = False
    before: PhaseTimes | None = None
    finished: Sequence[FinishedTask] = ()


@dataclass(slots=True)
class CommitInfo:
    """`last_transition_id` is 0 when the write had no transitions; `row_bytes` what it added to the frame's row."""

    frame_index: int
    first_transition_id: int
    last_transition_id: int
    delta_bytes: int
    row_bytes: int


@dataclass(slots=True)
class NewExecution:
    """A new execution, owned by `owner` in epoch 1. `initial` holds the state given at the start (frame -1)."""

    execution_id: str
    created_at: int
    owner: str
    name: str | None = None
    tags: tuple[str, ...] = ()
    parent_id: str | None = None
    status: str = "running"
    script: str | None = None
    script_hash: str | None = None
    engine_version: str | None = None
    root_component: str | None = None
    config_json: str | None = None
    input_json: str | None = None
    owner_ident: str | None = None
    lease_expires_at: int | None = None
    initial: FrameFlush | None = None
    events: list[EventRow] = field(default_factory=list)


@dataclass(slots=True)
class MessageRow:
    """One message of a conversation (G-3); `seq` counts from 0 within an incarnation of its node."""

    seq: int
    message_json: str


@dataclass(slots=True)
class ToolCallRow:
    """A tool call of a conversation as it stands: open when it is about to start, then done, failed or denied.

    `turn`: the seq of the message that made the call. `safe`: it may be run again when its engine died meanwhile.
    """

    turn: int
    call_id: str
    tool: str
    status: Literal["open", "done", "failed", "denied"]
    started_at: int
    safe: bool = False
    ended_at: int | None = None
    args_json: str | None = None
    result_json: str | None = None
    journal_json: str | None = None
    """State writes of the tool, until a flush has applied them (Z-0)."""


@dataclass(slots=True)
class AgentRow:
    """One model run of a task's attempt as it stands (G-3, G-7), and what its conversation gained since the last."""

    run_id: str
    model: str
    status: str
    history_json: str | None = None
    usage_json: str | None = None
    cost_usd: float | None = None
    output_text: str | None = None
    output_structured_json: str | None = None
    error_json: str | None = None
    started_at: int | None = None
    ended_at: int | None = None
    messages: Sequence[MessageRow] = ()
    tools: Sequence[ToolCallRow] = ()


@dataclass(slots=True)
class FinishedTask:
    """Record 2 of H-3: the attempt ended, its handler is pending; the task never runs again."""

    node_id: str
    mounted_frame: int
    attempt: int
    status: Literal["succeeded", "failed", "cancelled"]
    ended_at: int
    result_json: str | None = None
    error_json: str | None = None
    journal_json: str | None = None
    agent: AgentRow | None = None
    events: list[EventRow] = field(default_factory=list)


@dataclass(slots=True)
class RetryLater:
    """The attempt ended with a retryable error: the task is scheduled again as attempt + 1 (E-3)."""

    node_id: str
    mounted_frame: int
    attempt: int
    ended_at: int
    next_retry_at: int
    backoff_ms: int
    error_json: str
    agent: AgentRow | None = None
    events: list[EventRow] = field(default_factory=list)


@dataclass(slots=True)
class StreamRow:
    """One streamed piece of a task: text, tool, usage, stdout, stderr (G-2)."""

    node_id: str
    mounted_frame: int
    attempt: int
    kind: str
    payload_json: str | None
    timestamp: int


@dataclass(slots=True)
class EndExecution:
    """The closing record of an execution (Z-18). `before` completes the times of the last frame. `commands`: what is
    answered with it; `withdraw`: questions that are still open are asked no more.
    """

    status: str
    exit_code: int
    ended_at: int
    stop_reason: str | None = None
    summary_json: str | None = None
    status_reason: str | None = None
    before: PhaseTimes | None = None
    events: list[EventRow] = field(default_factory=list)
    commands: Sequence[CommandAnswer] = ()
    withdraw: bool = False
