-- name: insert_execution
INSERT INTO executions (
    execution_id, status, owner, epoch, hb_seq, lease_expires_at, head_frame, head_chain, created_at, started_at,
    updated_at, parent_id, name, tags_json, script, script_hash, engine_version, root_component, owner_ident,
    config_json, input_json
) VALUES (?, ?, ?, 1, 1, ?, -1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: fence
UPDATE executions SET updated_at = ? WHERE execution_id = ? AND owner = ? AND epoch = ?
RETURNING head_frame, head_chain;

-- name: set_head
UPDATE executions SET head_frame = ?, head_chain = ? WHERE execution_id = ?;

-- name: set_status
UPDATE executions SET status = ?, status_reason = ? WHERE execution_id = ?;

-- name: end_execution
UPDATE executions
SET status = ?, status_reason = ?, exit_code = ?, stop_reason = ?, summary_json = ?, ended_at = ?
WHERE execution_id = ?;

-- name: release_execution
UPDATE executions SET owner = NULL, owner_ident = NULL, lease_expires_at = NULL WHERE execution_id = ?;
