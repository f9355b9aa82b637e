"""The forms of `delta_text`, read by somebody who knows only their definition."""

import json
from typing import Any


def fold(text: str, delta: str) -> str:
    """The text after a delta."""
    change = json.loads(delta)
    if "splice" in change:
        start, removed, inserted = change["splice"]
        assert text[start : start + len(removed)] == removed
        return text[:start] + inserted + text[start + len(removed) :]
    value = json.loads(text)
    if "append" in change:
        value += change["append"]
    elif "merge" in change:
        was = {name: value[name] for name in change["merge"] if name in value}
        assert was == change["was"]
        value.update(change["merge"])
    else:
        *path, last = change["remove"]
        holder = walk(value, path)
        assert holder[last] == change["was"]
        del holder[last]
    return compact(value)


def unfold(text: str, delta: str) -> str:
    """The text before a delta; a removed dict entry comes back at the end."""
    change = json.loads(delta)
    if "splice" in change:
        start, removed, inserted = change["splice"]
        assert text[start : start + len(inserted)] == inserted
        return text[:start] + removed + text[start + len(inserted) :]
    value = json.loads(text)
    if "append" in change:
        del value[len(value) - len(change["append"]) :]
    elif "merge" in change:
        value = {name: item for name, item in value.items() if name not in change["merge"] or name in change["was"]}
        value.update(change["was"])
    else:
        *path, last = change["remove"]
        holder = walk(value, path)
        if isinstance(holder, list):
            holder.insert(last, change["was"])
        else:
            holder[last] = change["was"]
    return compact(value)


def walk(value: Any, path: list[Any]) -> Any:
    for part in path:
        value = value[part]
    return value


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
