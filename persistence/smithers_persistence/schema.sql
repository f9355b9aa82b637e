-- Generated from migrations/ (tests/persistence/test_schema.py holds the two equal): do not edit.

CREATE TABLE agent_messages (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    message_json TEXT NOT NULL,
    PRIMARY KEY (execution_id, node_id, mounted_frame, seq)
) WITHOUT ROWID;

CREATE TABLE agent_stream_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    payload_json TEXT,
    timestamp INTEGER NOT NULL
);

CREATE INDEX agent_stream_events_by_node ON agent_stream_events (execution_id, node_id);

CREATE TABLE agents (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    model TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    cost_usd REAL,
    usage_json TEXT,
    error_json TEXT,
    output_text TEXT,
    output_structured_json TEXT,
    history_json TEXT,
    PRIMARY KEY (execution_id, node_id, mounted_frame, attempt)
) WITHOUT ROWID;

CREATE TABLE approvals (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    request_key TEXT NOT NULL,            -- which question of that node: the tool call's id, or "" for a Human
    kind TEXT NOT NULL,                   -- file_edit, command_exec, external_api, human_review
    status TEXT NOT NULL,                 -- pending, approved, denied, cancelled
    title TEXT NOT NULL,
    payload_json TEXT,                    -- what is asked: the diff, the command line, the schema of the answer
    asked_at INTEGER NOT NULL,
    answered_at INTEGER,
    answered_by TEXT,                     -- user@host
    answered_from TEXT,                   -- terminal, cli, mcp
    comment TEXT,
    output_json TEXT,                     -- the typed answer of a Human with a schema
    UNIQUE (execution_id, node_id, mounted_frame, request_key)
);

CREATE TABLE commands (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    execution_id TEXT NOT NULL,
    verb TEXT NOT NULL,
    node_id TEXT,
    args_json TEXT,
    status TEXT NOT NULL,                 -- queued, seen, done, refused
    asked_at INTEGER NOT NULL,
    asked_by TEXT NOT NULL,               -- user@host
    asked_from TEXT NOT NULL,             -- terminal, cli, mcp
    seen_at INTEGER,
    answered_at INTEGER,
    frame_index INTEGER,                  -- the frame that answered it
    answer_json TEXT
);

CREATE INDEX commands_by_execution ON commands (execution_id, status);

CREATE TABLE effects (
    execution_id TEXT NOT NULL,
    effect_id TEXT NOT NULL,
    has_cleanup INTEGER NOT NULL,
    ran_frame INTEGER NOT NULL,
    deps_json TEXT, wrote_vol INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (execution_id, effect_id)
) WITHOUT ROWID;

CREATE TABLE events (
    execution_id TEXT NOT NULL,
    seq INTEGER NOT NULL,                 -- 1, 2, 3… within the execution
    timestamp INTEGER NOT NULL,
    level TEXT,                           -- NULL: info
    type TEXT NOT NULL,
    source TEXT,
    node_id TEXT,
    frame_index INTEGER,
    payload_json TEXT,
    PRIMARY KEY (execution_id, seq)
) WITHOUT ROWID;

CREATE TABLE executions (
    execution_id TEXT NOT NULL PRIMARY KEY,
    status TEXT NOT NULL,
    owner TEXT,
    epoch INTEGER NOT NULL,
    hb_seq INTEGER NOT NULL,
    lease_expires_at INTEGER,
    head_frame INTEGER NOT NULL,          -- -1 before the first frame
    head_chain BLOB NOT NULL,             -- covers the head frame and its flush
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER,
    updated_at INTEGER NOT NULL,
    status_reason TEXT,
    stop_reason TEXT,
    exit_code INTEGER,
    parent_id TEXT,
    name TEXT,
    tags_json TEXT,                       -- NULL: no tags
    script TEXT,
    script_hash TEXT,
    engine_version TEXT,
    root_component TEXT,
    owner_ident TEXT,
    config_json TEXT,
    summary_json TEXT,
    input_json TEXT
, paused INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;

CREATE INDEX executions_by_time ON executions (created_at);

CREATE TABLE frames (
    execution_id TEXT NOT NULL,
    frame_index INTEGER NOT NULL,         -- -1 carries the state given at the start, no plan
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    flushed INTEGER NOT NULL,
    mounted INTEGER NOT NULL,
    unmounted INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    scopes INTEGER NOT NULL,
    last_transition_id INTEGER NOT NULL,  -- of the flush; with transition_count it bounds the flush's ids
    transition_count INTEGER NOT NULL,
    bytes INTEGER NOT NULL,               -- logical bytes of this row, keyframe apart
    chain BLOB NOT NULL,
    plan_hash BLOB,                       -- NULL: as in the frame before
    state_hash BLOB,                      -- NULL: as in the frame before
    reason TEXT NOT NULL,
    triggers_json TEXT,                   -- NULL: [reason]
    keys_read_json TEXT,                  -- NULL: none
    scopes_json TEXT,                     -- what each scope that ran has read and why it ran; NULL: nothing to tell
    keys_written_json TEXT,               -- NULL: the keys of its transitions
    phase_ms_json TEXT,                   -- seven numbers in phase order
    delta BLOB,                           -- NULL: the plan did not change
    keyframe BLOB,                        -- zstd of the flat plan after this frame; a cache
    PRIMARY KEY (execution_id, frame_index)
) WITHOUT ROWID;

CREATE TABLE model_windows (
    model_key TEXT NOT NULL PRIMARY KEY,  -- provider:model
    closed_until INTEGER NOT NULL,
    reason TEXT,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE node_instances (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    unmounted_frame INTEGER,
    parent_id TEXT,
    node_type TEXT NOT NULL,
    name TEXT,
    status TEXT,
    source TEXT,
    PRIMARY KEY (execution_id, node_id, mounted_frame)
) WITHOUT ROWID;

CREATE TABLE past_attempts (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    started_at INTEGER,
    ended_at INTEGER NOT NULL,
    outcome TEXT NOT NULL,
    error_json TEXT,
    PRIMARY KEY (execution_id, node_id, mounted_frame, attempt)
) WITHOUT ROWID;

CREATE TABLE schema_migrations (
    version INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    applied_at INTEGER NOT NULL
);

CREATE TABLE state_kv (
    execution_id TEXT NOT NULL,
    key TEXT NOT NULL,
    base_transition INTEGER,              -- set: a keyframe; deltas of later transitions fold on top of it
    updated_at INTEGER NOT NULL,
    updated_by INTEGER NOT NULL,          -- transitions.id that wrote this row
    type_name TEXT,
    value_json TEXT NOT NULL,
    PRIMARY KEY (execution_id, key)
) WITHOUT ROWID;

CREATE VIEW task_attempts AS
SELECT execution_id, node_id, mounted_frame, attempt, started_at, ended_at, outcome, error_json
FROM past_attempts
UNION ALL
SELECT execution_id, node_id, mounted_frame, attempt, started_at, ended_at,
    CASE WHEN ended_at IS NULL THEN NULL ELSE status END,
    CASE WHEN ended_at IS NOT NULL AND status <> 'succeeded' THEN last_error_json END
FROM tasks
WHERE started_at IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM past_attempts AS past
    WHERE past.execution_id = tasks.execution_id AND past.node_id = tasks.node_id
        AND past.mounted_frame = tasks.mounted_frame AND past.attempt = tasks.attempt
);

CREATE TABLE tasks (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL,
    signature BLOB,
    status TEXT NOT NULL,
    lease_owner TEXT,
    lease_epoch INTEGER NOT NULL,
    hb_seq INTEGER NOT NULL,
    lease_expires_at INTEGER,
    next_retry_at INTEGER,
    backoff_ms INTEGER,
    scheduled_at INTEGER NOT NULL,
    scheduled_frame INTEGER,              -- NULL: the frame that mounted it
    started_at INTEGER,
    ended_at INTEGER,
    handled_frame INTEGER,                -- NULL after the end: finished, handler pending
    process_json TEXT,
    last_error_json TEXT,
    journal_json TEXT,
    result_json TEXT, crashes INTEGER NOT NULL DEFAULT 0, blocked_json TEXT, uncounted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (execution_id, node_id, mounted_frame)
) WITHOUT ROWID;

CREATE TABLE tool_calls (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    turn INTEGER NOT NULL,                -- seq of the message that made the call: providers may repeat ids
    call_id TEXT NOT NULL,
    tool TEXT NOT NULL,
    status TEXT NOT NULL,                 -- open, done, failed, denied
    safe INTEGER NOT NULL,                -- may be run again when its engine died meanwhile
    started_at INTEGER NOT NULL,
    ended_at INTEGER,
    args_json TEXT,
    result_json TEXT,
    journal_json TEXT,                    -- state writes of a tool, applied with its checkpoint (Z-0)
    process_json TEXT,
    PRIMARY KEY (execution_id, node_id, mounted_frame, turn, call_id)
) WITHOUT ROWID;

CREATE TABLE transitions (
    id INTEGER PRIMARY KEY,
    execution_id TEXT NOT NULL,
    frame_index INTEGER NOT NULL,         -- the frame whose flush wrote it; -1 for the state given at the start
    key TEXT NOT NULL,
    old_value_json TEXT,                  -- NULL: absent before, or a delta
    new_value_json TEXT,                  -- NULL: deleted, or a delta
    delta_json TEXT,
    deleted INTEGER,                      -- NULL: no
    trigger TEXT,
    node_id TEXT,
    handler TEXT,
    event_id INTEGER,
    timestamp INTEGER NOT NULL
);
