-- name: insert_frame
INSERT INTO frames (
    execution_id, frame_index, epoch, created_at, flushed, mounted, unmounted, updated, scopes,
    last_transition_id, transition_count, bytes, chain, plan_hash, state_hash, reason, triggers_json,
    keys_read_json, scopes_json, keys_written_json, phase_ms_json, delta
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: flush_frame
UPDATE frames
SET flushed = 1, last_transition_id = ?, transition_count = ?, bytes = bytes + ?, state_hash = ?,
    keys_written_json = ?, phase_ms_json = ?
WHERE execution_id = ? AND frame_index = ? AND flushed = 0;

-- name: set_phase_times
UPDATE frames SET phase_ms_json = ? WHERE execution_id = ? AND frame_index = ?;

-- name: set_keyframe
UPDATE frames SET keyframe = ? WHERE execution_id = ? AND frame_index = ?;

-- name: insert_instance
INSERT INTO node_instances (
    execution_id, node_id, mounted_frame, parent_id, node_type, name, status, source
) VALUES (?, ?, ?, ?, ?, ?, ?, ?);

-- name: close_instance
UPDATE node_instances SET unmounted_frame = ? WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: set_instance_status
UPDATE node_instances SET status = ? WHERE execution_id = ? AND node_id = ? AND mounted_frame = ?;

-- name: nearest_keyframe
SELECT frame_index, keyframe FROM frames
WHERE execution_id = ? AND frame_index <= ? AND keyframe IS NOT NULL
ORDER BY frame_index DESC LIMIT 1;

-- name: frame_deltas
SELECT frame_index, delta FROM frames
WHERE execution_id = ? AND frame_index > ? AND frame_index <= ? AND delta IS NOT NULL
ORDER BY frame_index;

-- name: frame_exists
SELECT 1 FROM frames WHERE execution_id = ? AND frame_index = ?;

-- name: read_frames
SELECT frame_index, epoch, created_at, flushed, reason, triggers_json, mounted, unmounted, updated, scopes,
    keys_read_json, keys_written_json, phase_ms_json, bytes, plan_hash, state_hash, chain, last_transition_id,
    transition_count
FROM frames WHERE execution_id = ? AND frame_index BETWEEN ? AND ? ORDER BY frame_index;

-- name: read_scope_runs
SELECT frame_index, keys_read_json, scopes_json
FROM frames WHERE execution_id = ? AND frame_index BETWEEN ? AND ? AND scopes_json IS NOT NULL ORDER BY frame_index;

-- name: plan_hash_before
SELECT plan_hash FROM frames
WHERE execution_id = ? AND frame_index < ? AND plan_hash IS NOT NULL ORDER BY frame_index DESC LIMIT 1;

-- name: state_hash_before
SELECT state_hash FROM frames
WHERE execution_id = ? AND frame_index < ? AND state_hash IS NOT NULL ORDER BY frame_index DESC LIMIT 1;

-- name: keys_between
SELECT DISTINCT key FROM transitions WHERE id > ? AND id <= ? ORDER BY key;

-- name: read_nodes
SELECT execution_id, node_id, mounted_frame, unmounted_frame, parent_id, node_type, name, status, source
FROM node_instances WHERE execution_id = ? ORDER BY mounted_frame, node_id;
