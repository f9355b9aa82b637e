-- name: insert_command
INSERT INTO commands (execution_id, verb, node_id, args_json, status, asked_at, asked_by, asked_from)
VALUES (?, ?, ?, ?, 'queued', ?, ?, ?);

-- name: read_command
SELECT id, execution_id, verb, node_id, args_json, status, asked_at, asked_by, asked_from, seen_at, answered_at,
    frame_index, answer_json
FROM commands WHERE id = ?;

-- name: read_commands
SELECT id, execution_id, verb, node_id, args_json, status, asked_at, asked_by, asked_from, seen_at, answered_at,
    frame_index, answer_json
FROM commands WHERE execution_id = ? ORDER BY id;

-- name: open_commands
SELECT id, execution_id, verb, node_id, args_json, status, asked_at, asked_by, asked_from, seen_at, answered_at,
    frame_index, answer_json
FROM commands WHERE execution_id = ? AND status IN ('queued', 'seen') ORDER BY id;

-- name: commands_after
SELECT id, execution_id, verb, node_id, args_json, status, asked_at, asked_by, asked_from, seen_at, answered_at,
    frame_index, answer_json
FROM commands WHERE id > ? ORDER BY id;

-- name: last_command
SELECT max(id) FROM commands;

-- Only by the engine that owns the execution: another one may have taken over meanwhile.
-- name: see_command
UPDATE commands SET status = 'seen', seen_at = ?
WHERE id = ? AND status = 'queued' AND EXISTS (
    SELECT 1 FROM executions WHERE execution_id = commands.execution_id AND owner = ? AND epoch = ?
);

-- name: answer_command
UPDATE commands SET status = ?, answered_at = ?, frame_index = ?, answer_json = ?
WHERE id = ? AND execution_id = ? AND status IN ('queued', 'seen');

-- name: set_paused
UPDATE executions SET paused = ? WHERE execution_id = ?;

-- name: read_paused
SELECT paused FROM executions WHERE execution_id = ?;

-- name: block_task
UPDATE tasks SET blocked_json = ?
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND status = 'running';

-- Put back as if they had not been started: whoever goes on begins the same attempt again.
-- name: suspend_tasks
UPDATE tasks
SET status = 'scheduled', started_at = NULL, lease_owner = NULL, lease_expires_at = NULL, process_json = NULL
WHERE execution_id = ? AND status = 'running' AND lease_epoch = ?;
