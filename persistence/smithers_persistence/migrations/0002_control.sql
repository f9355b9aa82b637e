-- People, commands, conversations, and what a crash leaves to be found again.

-- A question to a person (P-1): asked by a tool call that the policy says to ask about, by a Human node, or by a resume.
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

-- What people ask of an execution (C-7): durable rows, answered by its engine in the transaction of their effect.
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

-- A conversation, one row a message, appended at each checkpoint: its cost follows what was said since (G-3).
CREATE TABLE agent_messages (
    execution_id TEXT NOT NULL,
    node_id TEXT NOT NULL,
    mounted_frame INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    message_json TEXT NOT NULL,
    PRIMARY KEY (execution_id, node_id, mounted_frame, seq)
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

-- Until when a provider's model is not asked (E-2); shared by all processes on this database.
CREATE TABLE model_windows (
    model_key TEXT NOT NULL PRIMARY KEY,  -- provider:model
    closed_until INTEGER NOT NULL,
    reason TEXT,
    updated_at INTEGER NOT NULL
) WITHOUT ROWID;

-- `crashes`: attempts that died with their engine (Z-7). `blocked_json`: {"reason", "until"} while the task waits.
ALTER TABLE tasks ADD COLUMN crashes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE tasks ADD COLUMN blocked_json TEXT;
ALTER TABLE effects ADD COLUMN wrote_vol INTEGER NOT NULL DEFAULT 0;
ALTER TABLE executions ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;
