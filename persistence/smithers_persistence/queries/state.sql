-- name: insert_transition
INSERT INTO transitions (
    execution_id, frame_index, key, old_value_json, new_value_json, delta_json, deleted, trigger, node_id, handler,
    event_id, timestamp
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: put_state
INSERT INTO state_kv (execution_id, key, base_transition, updated_at, updated_by, type_name, value_json)
VALUES (?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (execution_id, key) DO UPDATE SET
    base_transition = excluded.base_transition, updated_at = excluded.updated_at, updated_by = excluded.updated_by,
    type_name = excluded.type_name, value_json = excluded.value_json;

-- name: delete_state
DELETE FROM state_kv WHERE execution_id = ? AND key = ?;

-- name: put_effect
INSERT INTO effects (execution_id, effect_id, has_cleanup, ran_frame, deps_json) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (execution_id, effect_id) DO UPDATE SET
    has_cleanup = excluded.has_cleanup, ran_frame = excluded.ran_frame, deps_json = excluded.deps_json;

-- name: delete_effect
DELETE FROM effects WHERE execution_id = ? AND effect_id = ?;
