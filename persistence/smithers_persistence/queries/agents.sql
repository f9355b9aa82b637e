-- name: add_message
INSERT INTO agent_messages (execution_id, node_id, mounted_frame, seq, message_json) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (execution_id, node_id, mounted_frame, seq) DO UPDATE SET message_json = excluded.message_json;

-- name: read_messages
SELECT message_json FROM agent_messages WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? ORDER BY seq;

-- name: forget_messages
DELETE FROM agent_messages WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: put_tool_call
INSERT INTO tool_calls (
    execution_id, node_id, mounted_frame, turn, call_id, tool, status, safe, started_at, ended_at, args_json,
    result_json, journal_json
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id, node_id, mounted_frame, turn, call_id) DO UPDATE SET
    status = excluded.status, safe = excluded.safe, started_at = excluded.started_at, ended_at = excluded.ended_at,
    args_json = excluded.args_json, result_json = excluded.result_json, journal_json = excluded.journal_json;

-- name: apply_tool_journal
UPDATE tool_calls SET journal_json = NULL
WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? AND turn = ? AND call_id = ?;

-- name: interrupt_agents
UPDATE agents SET status = 'interrupted', ended_at = ? WHERE execution_id = ? AND status = 'running';

-- name: forget_tool_calls
DELETE FROM tool_calls WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: read_node_tool_calls
SELECT execution_id, node_id, mounted_frame, turn, call_id, tool, status, safe, started_at, ended_at, args_json,
    result_json, journal_json
FROM tool_calls WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? ORDER BY turn, started_at;

-- name: read_tool_calls
SELECT execution_id, node_id, mounted_frame, turn, call_id, tool, status, safe, started_at, ended_at, args_json,
    result_json, journal_json
FROM tool_calls WHERE execution_id = ? ORDER BY started_at, node_id, turn;

-- name: read_tool_journals
SELECT node_id, mounted_frame, turn, call_id, journal_json
FROM tool_calls WHERE execution_id = ? AND journal_json IS NOT NULL ORDER BY ended_at, node_id, turn;

-- name: read_node_agents
SELECT execution_id, node_id, mounted_frame, attempt, run_id, model, status, started_at, ended_at, cost_usd,
    usage_json, error_json, output_text, output_structured_json, history_json
FROM agents WHERE execution_id = ? AND node_id = ? AND mounted_frame = ? ORDER BY attempt;
