-- name: last_transition
SELECT max(id) FROM transitions;

-- name: insert_transition
INSERT INTO transitions (
    id, execution_id, frame_index, key, old_value_json, new_value_json, delta_json, deleted, trigger, node_id, handler,
    event_id, timestamp
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

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

-- name: changes_before
SELECT t.id, t.key, t.new_value_json, t.delta_json
FROM frames AS f
JOIN transitions AS t ON t.id > f.last_transition_id - f.transition_count AND t.id <= f.last_transition_id
WHERE f.execution_id = ? AND f.frame_index < ?
ORDER BY f.frame_index, t.id;

-- name: state_rows
SELECT key, base_transition, value_json FROM state_kv WHERE execution_id = ? ORDER BY key;

-- name: deltas_since
SELECT t.id, t.key, t.delta_json
FROM transitions AS base
JOIN frames AS f ON f.execution_id = base.execution_id AND f.frame_index >= base.frame_index
JOIN transitions AS t ON t.id > f.last_transition_id - f.transition_count AND t.id <= f.last_transition_id
WHERE base.id = ? AND base.execution_id = ? AND t.delta_json IS NOT NULL
ORDER BY f.frame_index, t.id;

-- name: read_transitions
SELECT t.id, t.execution_id, t.frame_index, t.key, t.old_value_json, t.new_value_json, t.delta_json,
    t.deleted, t.trigger, t.node_id, t.handler, t.event_id, t.timestamp
FROM frames AS f
JOIN transitions AS t ON t.id > f.last_transition_id - f.transition_count AND t.id <= f.last_transition_id
WHERE f.execution_id = ? AND f.frame_index BETWEEN ? AND ?
ORDER BY f.frame_index, t.id;

-- name: read_effects
SELECT execution_id, effect_id, has_cleanup, ran_frame, deps_json
FROM effects WHERE execution_id = ? ORDER BY effect_id;

-- name: last_change_before
SELECT max(t.frame_index)
FROM frames AS f
JOIN transitions AS t ON t.id > f.last_transition_id - f.transition_count AND t.id <= f.last_transition_id
WHERE f.execution_id = ? AND f.frame_index < ? AND t.key = ?;

-- name: last_changes
SELECT t.key, max(t.frame_index)
FROM frames AS f
JOIN transitions AS t ON t.id > f.last_transition_id - f.transition_count AND t.id <= f.last_transition_id
WHERE f.execution_id = ? GROUP BY t.key;
