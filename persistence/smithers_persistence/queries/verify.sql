-- name: integrity_check
PRAGMA integrity_check;

-- The columns from epoch to scopes_json in the order in which the chain covers them.
-- name: verify_frames
SELECT frame_index, delta, chain, last_transition_id, transition_count, flushed, state_hash, keys_written_json,
    phase_ms_json, epoch, created_at, mounted, unmounted, updated, scopes, plan_hash, reason, triggers_json, keys_read_json,
    scopes_json
FROM frames WHERE execution_id = ? ORDER BY frame_index;

-- name: verify_transitions
SELECT execution_id, frame_index, key, old_value_json, new_value_json, delta_json, deleted
FROM transitions WHERE id > ? AND id <= ? ORDER BY id;

-- name: count_transitions
SELECT count(*) FROM transitions WHERE execution_id = ?;

-- name: keyframes
SELECT frame_index, keyframe FROM frames WHERE execution_id = ? AND keyframe IS NOT NULL ORDER BY frame_index;
