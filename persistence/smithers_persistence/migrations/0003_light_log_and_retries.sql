-- The two tables that every frame appends to, with fewer pages written for each row: events are found by their number
-- within the execution, without an id and an index beside it; transitions are never deleted, so that no sequence needs
-- to remember the highest id.
ALTER TABLE events RENAME TO former_events;
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
INSERT INTO events (execution_id, seq, timestamp, level, type, source, node_id, frame_index, payload_json)
SELECT execution_id, seq, timestamp, level, type, source, node_id, frame_index, payload_json
FROM former_events ORDER BY execution_id, seq;
DROP TABLE former_events;

ALTER TABLE transitions RENAME TO former_transitions;
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
INSERT INTO transitions (
    id, execution_id, frame_index, key, old_value_json, new_value_json, delta_json, deleted, trigger, node_id, handler,
    event_id, timestamp
)
SELECT
    id, execution_id, frame_index, key, old_value_json, new_value_json, delta_json, deleted, trigger, node_id, handler,
    event_id, timestamp
FROM former_transitions ORDER BY id;
DROP TABLE former_transitions;

-- `uncounted`: attempts that `retries` does not count: those that died with their engine, and all before a person's retry
-- or the resume of a failed execution, which begin anew (Z-7). Where somebody has retried before, nothing tells how often.
ALTER TABLE tasks ADD COLUMN uncounted INTEGER NOT NULL DEFAULT 0;
UPDATE tasks SET uncounted = crashes WHERE crashes > 0;
