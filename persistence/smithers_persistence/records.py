"""What the readers return: frozen records, JSON as text, times in integer ms, lists ascending (Z-22)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExecutionRecord:
    execution_id: str
    status: str
    status_reason: str | None
    name: str | None
    tags: list[str]
    parent_id: str | None
    script: str | None
    script_hash: str | None
    engine_version: str | None
    root_component: str | None
    config_json: str | None
    input_json: str | None
    stop_reason: str | None
    summary_json: str | None
    exit_code: int | None
    head_frame: int
    head_chain: bytes
    owner: str | None
    owner_ident: str | None
    epoch: int
    hb_seq: int
    lease_expires_at: int | None
    created_at: int
    started_at: int | None
    ended_at: int | None
    updated_at: int

    @property
    def frames(self) -> int:
        """How many frames were committed."""
        return self.head_frame + 1


@dataclass(frozen=True, slots=True)
class FrameRecord:
    """One frame, its "as before" and derived columns filled in. `phase_ms` is empty until the flush."""

    execution_id: str
    frame_index: int
    epoch: int
    created_at: int
    flushed: bool
    reason: str
    triggers: list[str]
    mounted: int
    unmounted: int
    updated: int
    scopes: int
    keys_read: list[str]
    keys_written: list[str]
    phase_ms: dict[str, float]
    bytes: int
    plan_hash: bytes | None
    state_hash: bytes | None
    chain: bytes
    last_transition_id: int
    transition_count: int


@dataclass(frozen=True, slots=True)
class ScopeRun:
    """One scope of the plan that ran in a frame (F-7, R-6): what it read, and why it ran.

    `why`: "mounted"; "keys": what it had read changed, `changed` says which keys; "parent": the component above gave it
    something else to show (also: its loop began an iteration), and `changed` is what had changed besides; "asked": not
    a scope, but a loop's condition or a phase's `skip_if`, read this once. `node_id` is "" for the entry component.
    """

    frame_index: int
    node_id: str
    why: str
    read: list[str]
    changed: list[str]


@dataclass(frozen=True, slots=True)
class TransitionRecord:
    """One change. `old`/`new` are None when absent, and when the value is larger than 64 kB (then see `delta_json`)."""

    id: int
    execution_id: str
    frame_index: int
    key: str
    old_value_json: str | None
    new_value_json: str | None
    delta_json: str | None
    deleted: bool
    trigger: str | None
    node_id: str | None
    handler: str | None
    event_id: int | None
    timestamp: int


@dataclass(frozen=True, slots=True)
class NodeRecord:
    execution_id: str
    node_id: str
    mounted_frame: int
    unmounted_frame: int | None
    parent_id: str | None
    node_type: str
    name: str | None
    status: str | None
    source: str | None


@dataclass(frozen=True, slots=True)
class TaskRecord:
    execution_id: str
    node_id: str
    mounted_frame: int
    attempt: int
    kind: str
    signature: bytes | None
    status: str
    lease_owner: str | None
    lease_epoch: int
    hb_seq: int
    lease_expires_at: int | None
    next_retry_at: int | None
    backoff_ms: int | None
    scheduled_at: int
    started_at: int | None
    ended_at: int | None
    handled_frame: int | None
    process_json: str | None
    scheduled_frame: int
    last_error_json: str | None
    journal_json: str | None
    result_json: str | None
    blocked_json: str | None = None
    """{"reason", "until"} while a running task waits for something."""
    uncounted: int = 0
    """Of the attempts before this one, how many its `retries` do not count (Z-7)."""

    @property
    def task_id(self) -> str:
        """execution/node/attempt, the idempotency key of this attempt."""
        return f"{self.execution_id}/{self.node_id}/{self.attempt}"


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """`outcome` None: running."""

    execution_id: str
    node_id: str
    mounted_frame: int
    attempt: int
    started_at: int | None
    ended_at: int | None
    outcome: str | None
    error_json: str | None


@dataclass(frozen=True, slots=True)
class AgentRecord:
    execution_id: str
    node_id: str
    mounted_frame: int
    attempt: int
    run_id: str
    model: str
    status: str
    started_at: int | None
    ended_at: int | None
    cost_usd: float | None
    usage_json: str | None
    error_json: str | None
    output_text: str | None
    output_structured_json: str | None
    history_json: str | None


@dataclass(frozen=True, slots=True)
class ToolCallRecord:
    """A tool call of a conversation; see `rows.ToolCallRow`."""

    execution_id: str
    node_id: str
    mounted_frame: int
    turn: int
    call_id: str
    tool: str
    status: str
    safe: bool
    started_at: int
    ended_at: int | None
    args_json: str | None
    result_json: str | None
    journal_json: str | None


@dataclass(frozen=True, slots=True)
class AgentSession:
    """A conversation as far as it got: its messages in order, its tool calls, and the attempts that held it."""

    messages: list[str]
    tools: list[ToolCallRecord]
    attempts: list[AgentRecord]


@dataclass(frozen=True, slots=True)
class EventRecord:
    execution_id: str
    seq: int
    timestamp: int
    level: str
    type: str
    source: str | None
    node_id: str | None
    frame_index: int | None
    payload_json: str | None


@dataclass(frozen=True, slots=True)
class StreamRecord:
    id: int
    execution_id: str
    node_id: str
    mounted_frame: int
    attempt: int
    kind: str
    payload_json: str | None
    timestamp: int


@dataclass(frozen=True, slots=True)
class EffectRecord:
    execution_id: str
    effect_id: str
    has_cleanup: bool
    ran_frame: int
    deps_json: str | None
