-- name: insert_task
INSERT INTO tasks (
    execution_id, node_id, mounted_frame, attempt, kind, signature, status, lease_owner, lease_epoch, hb_seq,
    lease_expires_at, next_retry_at, scheduled_at, scheduled_frame, started_at, process_json
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: claim_task
UPDATE tasks
SET status = 'running', lease_owner = ?, lease_epoch = ?, hb_seq = hb_seq + 1, lease_expires_at = ?, started_at = ?,
    process_json = ?, next_retry_at = NULL, blocked_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND attempt = ? AND status = 'scheduled';

-- name: finish_task
UPDATE tasks
SET status = ?, result_json = ?, last_error_json = ?, journal_json = ?, ended_at = ?, handled_frame = ?,
    lease_owner = NULL, lease_expires_at = NULL, process_json = NULL, blocked_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND attempt = ? AND status = 'running' AND lease_epoch = ?;

-- name: retry_task
UPDATE tasks
SET status = 'scheduled', attempt = attempt + 1, last_error_json = ?, next_retry_at = ?, backoff_ms = ?,
    started_at = NULL, lease_owner = NULL, lease_expires_at = NULL, process_json = NULL, blocked_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND attempt = ? AND status = 'running' AND lease_epoch = ?;

-- name: task_started_at
SELECT started_at FROM tasks WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND attempt = ?;

-- name: handle_task
UPDATE tasks SET handled_frame = ?, status = ?, journal_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: drop_task
UPDATE tasks SET status = 'cancelled', ended_at = ?, handled_frame = ?
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND status = 'scheduled';

-- name: set_task_process
UPDATE tasks SET process_json = ?
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND attempt = ? AND status = 'running' AND lease_epoch = ?;

-- name: insert_past_attempt
INSERT INTO past_attempts (execution_id, node_id, mounted_frame, attempt, started_at, ended_at, outcome, error_json)
VALUES (?, ?, ?, ?, ?, ?, 'failed', ?);

-- It is there already when only the handler of an attempt was called again.
-- name: keep_attempt
INSERT OR IGNORE INTO past_attempts (
    execution_id, node_id, mounted_frame, attempt, started_at, ended_at, outcome, error_json
)
SELECT execution_id, node_id, mounted_frame, attempt, started_at, ended_at, status, last_error_json
FROM tasks
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND status <> ?;

-- name: put_agent
INSERT INTO agents (
    execution_id, node_id, mounted_frame, attempt, run_id, model, status, started_at, ended_at, cost_usd, usage_json,
    error_json, output_text, output_structured_json, history_json
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id, node_id, mounted_frame, attempt) DO UPDATE SET
    run_id = excluded.run_id, model = excluded.model, status = excluded.status, started_at = excluded.started_at,
    ended_at = excluded.ended_at, cost_usd = excluded.cost_usd, usage_json = excluded.usage_json,
    error_json = excluded.error_json, output_text = excluded.output_text,
    output_structured_json = excluded.output_structured_json, history_json = excluded.history_json;

-- name: read_tasks
SELECT execution_id, node_id, mounted_frame, attempt, kind, signature, status, lease_owner, lease_epoch, hb_seq,
    lease_expires_at, next_retry_at, backoff_ms, scheduled_at, started_at, ended_at, handled_frame, process_json,
    coalesce(scheduled_frame, mounted_frame), last_error_json, journal_json, result_json, blocked_json, uncounted
FROM tasks WHERE execution_id = ? ORDER BY scheduled_at, node_id, mounted_frame;

-- name: read_attempts
SELECT execution_id, node_id, mounted_frame, attempt, started_at, ended_at, outcome, error_json
FROM task_attempts WHERE execution_id = ? ORDER BY node_id, mounted_frame, attempt;

-- name: read_agents
SELECT execution_id, node_id, mounted_frame, attempt, run_id, model, status, started_at, ended_at, cost_usd,
    usage_json, error_json, output_text, output_structured_json, history_json
FROM agents WHERE execution_id = ? ORDER BY started_at, node_id, mounted_frame, attempt;

-- name: crashed_tasks
SELECT node_id, mounted_frame, crashes FROM tasks WHERE execution_id = ? AND crashes > 0;

-- name: restart_task
UPDATE tasks
SET status = 'scheduled', attempt = attempt + ?, crashes = crashes + ?,
    uncounted = CASE WHEN ? THEN attempt ELSE uncounted + ? END, started_at = NULL,
    ended_at = NULL, handled_frame = NULL, next_retry_at = NULL, lease_owner = NULL, lease_expires_at = NULL,
    process_json = NULL, result_json = NULL, journal_json = NULL, blocked_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: keep_crashed
INSERT INTO past_attempts (execution_id, node_id, mounted_frame, attempt, started_at, ended_at, outcome, error_json)
SELECT execution_id, node_id, mounted_frame, attempt, started_at, ?, 'crashed', NULL
FROM tasks WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: keep_ended
INSERT OR IGNORE INTO past_attempts (
    execution_id, node_id, mounted_frame, attempt, started_at, ended_at, outcome, error_json
)
SELECT execution_id, node_id, mounted_frame, attempt, started_at, ended_at, status, last_error_json
FROM tasks WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND ended_at IS NOT NULL;

-- name: fail_orphan
UPDATE tasks
SET status = 'failed', last_error_json = ?, ended_at = ?, crashes = crashes + 1,
    lease_owner = NULL, lease_expires_at = NULL, process_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND status = 'running';

-- name: rehandle_task
UPDATE tasks
SET status = CASE WHEN result_json IS NULL THEN 'failed' ELSE 'succeeded' END, handled_frame = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND ended_at IS NOT NULL;

-- name: abandon_orphan
UPDATE tasks
SET status = 'abandoned', ended_at = ?, handled_frame = mounted_frame, lease_owner = NULL, lease_expires_at = NULL,
    process_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND status = 'running';
