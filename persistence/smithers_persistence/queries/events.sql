-- name: last_seq
SELECT max(seq) FROM events WHERE execution_id = ?;

-- name: insert_event
INSERT INTO events (execution_id, seq, timestamp, level, type, source, node_id, frame_index, payload_json)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: insert_stream_event
INSERT INTO agent_stream_events (execution_id, node_id, mounted_frame, attempt, kind, payload_json, timestamp)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: read_events
SELECT execution_id, seq, timestamp, level, type, source, node_id, frame_index, payload_json
FROM events WHERE execution_id = ? AND seq > ? ORDER BY seq LIMIT ?;

-- name: read_stream
SELECT id, execution_id, node_id, mounted_frame, attempt, kind, payload_json, timestamp
FROM agent_stream_events WHERE id > ? AND execution_id = ? ORDER BY id LIMIT ?;

-- name: read_node_stream
SELECT id, execution_id, node_id, mounted_frame, attempt, kind, payload_json, timestamp
FROM agent_stream_events WHERE execution_id = ? AND node_id = ? AND id > ? ORDER BY id LIMIT ?;
