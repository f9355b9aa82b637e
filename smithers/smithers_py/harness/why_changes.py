"""What a changed key says: its old and new value, who wrote it and where, as data and as a sentence (S-5, O-3)."""

import json
from typing import Any

from smithers_persistence.records import NodeRecord, TransitionRecord
from smithers_py.harness import convert
from smithers_py.harness.labels import node_label
from smithers_py.harness.why_history import CONTAINERS, History, status_word
from smithers_py.harness.why_models import Change

_LONGEST = 80
_SHORT_ID = 8
_LOOKED_AT = ("file:", "exists:", "glob:")
_TASK_EVENTS = {"succeeded": "on_finished", "failed": "on_error"}
_CONTAINER_EVENTS = {"running": "on_start", "succeeded": "on_complete", "failed": "on_error"}


def name_of(history: History, node_id: str | None) -> str:
    """How sentences call a node: the explicit id, else type and name with the beginning of the id."""
    if not node_id:
        return f"`{history.root_name}`"
    lives = history.nodes.get(node_id)
    return called(lives[-1]) if lives else f"`{node_id}`"


def called(row: NodeRecord) -> str:
    """The same, of a row."""
    label = node_label(row.node_type, row.name, row.node_id, {})
    if label == f"{row.node_type} {row.node_id.rpartition('/')[2]}":
        return f"`{row.node_id}`"
    return f"{label} ({row.node_id if '/' in row.node_id or len(row.node_id) != 16 else row.node_id[:_SHORT_ID]})"


def key_change(history: History, key: str, frame: int) -> Change:
    """The change of `key` that a scope which ran in `frame` ran for."""
    if key.startswith(_LOOKED_AT):
        kind, _, path = key.partition(":")
        what = f"the files that match {path!r}" if kind == "glob" else f"the file {path!r}"
        return Change(key=key, frame=frame, text=f"{what} changed on disk, noticed in frame {frame}")
    if key.startswith("vol:"):
        return _vol_change(history, key, frame)
    row = history.last_change(key, frame)
    if row is None and key.endswith("*"):
        row = _came_or_went(history, key[:-1], frame)
    if row is None:
        return Change(key=key, frame=frame - 1, text=f"`{key}` changed before frame {frame} (a Signal: no values kept)")
    return change(history, row)


def change(history: History, row: TransitionRecord) -> Change:
    """A stored transition."""
    node_id, handler = row.node_id, row.handler
    if row.key.startswith(("$node/", "$loop/")):
        node_id, handler = row.key.partition("/")[2], _event(history, row)
    facts: dict[str, Any] = {
        "key": row.key,
        "old": convert.decoded(row.old_value_json),
        "new": convert.decoded(row.new_value_json),
        "deleted": row.deleted,
        "trigger": row.trigger,
        "node_id": node_id,
        "handler": handler,
        "frame": row.frame_index,
        "transition": row.id,
    }
    return Change(**facts, text=_text(history, row))


def value_text(value: Any) -> str:
    """A value on one line, cut."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def read_text(history: History, keys: list[str], frame: int) -> str:
    """The keys that something read, with the values that frame `frame` saw: `count` = 3, `done` absent."""
    seen = history.seen(frame)
    told = [
        f"`{key}` = {value_text(convert.decoded(seen[key]))}"
        if key in seen
        else (f"`{key}`" if key.startswith(("vol:", *_LOOKED_AT)) or key.endswith("*") else f"`{key}` absent")
        for key in keys
    ]
    return ", ".join(told) or "nothing that can change"


def _text(history: History, row: TransitionRecord) -> str:
    if row.key.startswith("$node/"):
        node = name_of(history, row.key.removeprefix("$node/"))
        return (
            f"{node} {_became(status_word(row))} in frame {row.frame_index} ({_from_to(row)}, {_writer(history, row)})"
        )
    return f"key {_from_to(row)}, {_writer(history, row)}"


def _from_to(row: TransitionRecord) -> str:
    if row.old_value_json is None and row.new_value_json is None and row.delta_json is not None:
        return f"`{row.key}` changed by {_cut(row.delta_json)}"
    old = "absent" if row.old_value_json is None else _cut(row.old_value_json)
    new = "absent" if row.new_value_json is None else _cut(row.new_value_json)
    return f"`{row.key}` went {old} → {new}"


def _writer(history: History, row: TransitionRecord) -> str:
    frame = f"in frame {row.frame_index}"
    trigger = f" (trigger {row.trigger!r})" if row.trigger not in (None, row.handler, "render") else ""
    if row.frame_index < 0:
        return "given at the start"
    if row.handler == "init":
        return f"set first by ctx.state.init of {name_of(history, row.node_id)} {frame}{trigger}"
    if row.key.startswith("$"):
        event = _event(history, row)
        return f"written by the engine at its {event}" if event else "written by the engine"
    if row.node_id is None:
        return f"set from outside the plan {frame}{trigger}"
    by = {"task": "the work", "effect": "the effect", "cleanup": "the clean-up"}.get(row.handler or "", row.handler)
    return f"written by {by} of {name_of(history, row.node_id)} {frame}{trigger}"


def _event(history: History, row: TransitionRecord) -> str | None:
    """The event of a node that a change of its `$` key comes with."""
    if row.key.startswith("$loop/"):
        value = convert.decoded(row.new_value_json)
        return "on_iteration" if isinstance(value, list) and value[-1] == "between" else None
    lives = history.nodes.get(row.key.removeprefix("$node/"))
    events = _CONTAINER_EVENTS if lives and lives[-1].node_type in CONTAINERS else _TASK_EVENTS
    return events.get(status_word(row))


def _became(status: str) -> str:
    return {"running": "began", "blocked": "had to wait", "skipped": "was skipped", "cancelled": "was cancelled"}.get(
        status, status
    )


def _vol_change(history: History, key: str, frame: int) -> Change:
    name = key.removeprefix("vol:")
    wrote = [row for row in history.frames if row.frame_index < frame and key in row.keys_written]
    if not wrote:
        return Change(key=key, text=f"the volatile key `{name}` changed (its values are not kept)")
    at = wrote[-1].frame_index
    return Change(key=key, frame=at, text=f"the volatile key `{name}` changed in frame {at} (its values are not kept)")


def _came_or_went(history: History, prefix: str, frame: int) -> TransitionRecord | None:
    """The last key below a prefix that appeared or went, for a scope that listed the prefix."""
    rows = [
        row
        for key, changes in history.changes.items()
        if key.startswith(prefix) and (prefix[:1] == "$" or not key.startswith("$"))
        for row in changes
        if row.frame_index < frame and (row.deleted or (row.old_value_json is None and row.delta_json is None))
    ]
    return max(rows, key=lambda row: row.id, default=None)


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
