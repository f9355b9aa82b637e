-- name: read_window
SELECT closed_until FROM model_windows WHERE model_key = ?;

-- name: close_window
INSERT INTO model_windows (model_key, closed_until, reason, updated_at) VALUES (?, ?, ?, ?)
ON CONFLICT (model_key) DO UPDATE SET
    closed_until = excluded.closed_until, reason = excluded.reason, updated_at = excluded.updated_at
WHERE excluded.closed_until > model_windows.closed_until;

-- name: spent_by_agents
SELECT total(cost_usd), total(usage_json ->> 'input_tokens') + total(usage_json ->> 'output_tokens'),
    total(usage_json ->> 'tool_calls')
FROM agents WHERE execution_id = ?;

-- name: begun_agents
SELECT DISTINCT node_id, mounted_frame FROM agents WHERE execution_id = ?;
