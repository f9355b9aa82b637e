-- name: insert_execution
INSERT INTO executions (
    execution_id, status, owner, epoch, hb_seq, lease_expires_at, head_frame, head_chain, created_at, started_at,
    updated_at, parent_id, name, tags_json, script, script_hash, engine_version, root_component, owner_ident,
    config_json, input_json
) VALUES (?, ?, ?, 1, 1, ?, -1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: fence
UPDATE executions SET updated_at = ? WHERE execution_id = ? AND owner = ? AND epoch = ?
RETURNING head_frame, head_chain;

-- name: fenced_head
SELECT
    head_frame,
    head_chain,
    (SELECT max(seq) FROM events WHERE execution_id = ?1),
    (SELECT max(id) FROM transitions)
FROM executions
WHERE execution_id = ?1 AND owner = ?2 AND epoch = ?3;

-- name: set_head
UPDATE executions SET head_frame = ?, head_chain = ?, updated_at = ? WHERE execution_id = ?;

-- name: set_status
UPDATE executions SET status = ?, status_reason = ? WHERE execution_id = ?;

-- name: end_execution
UPDATE executions
SET status = ?, status_reason = ?, exit_code = ?, stop_reason = ?, summary_json = ?, ended_at = ?
WHERE execution_id = ?;

-- name: read_owner
SELECT status, owner, owner_ident, epoch, hb_seq, lease_expires_at FROM executions WHERE execution_id = ?;

-- What it had ended as stands beside `recovering` until the resume has written what runs again.
-- name: take_execution
UPDATE executions
SET owner = ?, owner_ident = ?, epoch = epoch + 1, hb_seq = hb_seq + 1, lease_expires_at = ?, status = ?,
    status_reason = CASE status WHEN 'recovering' THEN status_reason ELSE status END, stop_reason = NULL, exit_code = NULL, summary_json = NULL, ended_at = NULL, updated_at = ?
WHERE execution_id = ? AND epoch = ? AND hb_seq = ?;

-- name: renew_execution
UPDATE executions SET hb_seq = hb_seq + 1, lease_expires_at = ? WHERE execution_id = ? AND owner = ? AND epoch = ?;

-- A change of hb_seq here too: whoever judged the holder silent must look again.
-- name: release_execution
UPDATE executions SET owner = NULL, owner_ident = NULL, lease_expires_at = NULL, hb_seq = hb_seq + 1
WHERE execution_id = ?;

-- name: read_execution
SELECT execution_id, status, status_reason, name, tags_json, parent_id, script, script_hash, engine_version,
    root_component, config_json, input_json, stop_reason, summary_json, exit_code, head_frame, head_chain, owner,
    owner_ident, epoch, hb_seq, lease_expires_at, created_at, started_at, ended_at, updated_at
FROM executions WHERE execution_id = ?;

-- name: newest_executions
SELECT execution_id FROM executions
WHERE created_at >= 0 AND (?1 IS NULL OR status = ?1)
ORDER BY created_at DESC, execution_id DESC LIMIT ?2;

-- name: executions_between
SELECT execution_id FROM executions WHERE execution_id >= ? AND execution_id < ? ORDER BY execution_id LIMIT ?;

-- name: set_script_hash
UPDATE executions SET script_hash = ?, engine_version = ? WHERE execution_id = ?;
