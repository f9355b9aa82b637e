-- A question that was withdrawn and is asked again is open again; one that was answered keeps its answer.
-- name: insert_approval
INSERT INTO approvals (
    execution_id, node_id, mounted_frame, request_key, kind, status, title, payload_json, asked_at
) VALUES (?, ?, ?, ?, ?, 'pending', ?, ?, ?)
ON CONFLICT (execution_id, node_id, mounted_frame, request_key) DO UPDATE SET
    status = 'pending', kind = excluded.kind, title = excluded.title, payload_json = excluded.payload_json,
    asked_at = excluded.asked_at, answered_at = NULL, answered_by = NULL, answered_from = NULL, comment = NULL,
    output_json = NULL
WHERE status = 'cancelled';

-- name: read_approval_of
SELECT id, execution_id, node_id, mounted_frame, request_key, kind, status, title, payload_json, asked_at,
    answered_at, answered_by, answered_from, comment, output_json
FROM approvals WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND request_key = ?;

-- name: read_approval
SELECT id, execution_id, node_id, mounted_frame, request_key, kind, status, title, payload_json, asked_at,
    answered_at, answered_by, answered_from, comment, output_json
FROM approvals WHERE id = ?;

-- name: read_approvals
SELECT id, execution_id, node_id, mounted_frame, request_key, kind, status, title, payload_json, asked_at,
    answered_at, answered_by, answered_from, comment, output_json
FROM approvals WHERE execution_id = ? ORDER BY id;

-- name: pending_approvals
SELECT id, execution_id, node_id, mounted_frame, request_key, kind, status, title, payload_json, asked_at,
    answered_at, answered_by, answered_from, comment, output_json
FROM approvals WHERE id > 0 AND status = 'pending' ORDER BY id;

-- Only a Human's answers are refused, and it has one question.
-- name: last_told
SELECT type FROM events
WHERE execution_id = ? AND node_id = ? AND timestamp >= ?
    AND (type = 'approval.refused' OR (type = 'approval.told' AND json_extract(payload_json, '$.approval') = ?))
ORDER BY seq DESC LIMIT 1;

-- name: answer_approval
UPDATE approvals
SET status = ?, answered_at = ?, answered_by = ?, answered_from = ?, comment = ?, output_json = ?
WHERE id = ? AND status = 'pending';

-- name: reopen_approval
UPDATE approvals
SET status = 'pending', answered_at = NULL, answered_by = NULL, answered_from = NULL, comment = NULL,
    output_json = NULL, payload_json = ?
WHERE id = ? AND execution_id = ?;

-- What a person said no to is asked anew when its node is tried again.
-- name: ask_again
UPDATE approvals SET status = 'cancelled'
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND request_key = '' AND status = 'denied';

-- name: cancel_approval
UPDATE approvals SET status = 'cancelled' WHERE id = ? AND status = 'pending';

-- name: cancel_approvals
UPDATE approvals SET status = 'cancelled' WHERE execution_id = ? AND status = 'pending';
