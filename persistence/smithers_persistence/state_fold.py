"""State over time: the fold of the transitions is the state (S-5), large values by reversible deltas (S-7).

A delta is one of
    {"append": [items]}                          on a list (absent counts as [])
    {"merge": {new}, "was": {old of those that existed}}   on an object (absent counts as {})
    {"remove": [path], "was": old}               the last step of the path is dropped from its object or list
    {"increment": by}                            on a number (absent counts as 0)
    {"splice": [start, "removed", "inserted"]}   on the encoded text, in characters
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from smithers_persistence.errors import DeltaError
from smithers_persistence.packing import unpack
from smithers_persistence.sql import Q


class Folder:
    """One key's value while deltas are folded onto it: decoded or encoded, whichever the last delta needed."""

    __slots__ = ("_decoded", "_text", "_value", "size")

    def __init__(self, text: str | None) -> None:
        self._text = text
        self._value: Any = None
        self._decoded = False
        self.size = len(text or "")  # about the length of the text, known without encoding it

    @property
    def absent(self) -> bool:
        return not self._decoded and self._text is None

    def text(self) -> str | None:
        """The encoded value, None when absent."""
        if self._text is None and self._decoded:
            self._text = orjson.dumps(self._value).decode()
            self.size = len(self._text)
        return self._text

    def apply(self, delta_json: str) -> None:
        """Step forward. Raises DeltaError where the delta does not fit."""
        delta: dict[str, Any] = orjson.loads(delta_json)
        self.size += len(delta_json)
        try:
            if "splice" in delta:
                start, removed, inserted = delta["splice"]
                self._splice(start, removed, inserted)
            elif "append" in delta:
                self._changed([]).extend(delta["append"])
            elif "merge" in delta:
                self._changed({}).update(delta["merge"])
            elif "increment" in delta:
                self._changed(0)
                self._value += delta["increment"]
            elif "remove" in delta:
                container, last = _target(self._changed(None), delta["remove"])
                del container[last]
            else:
                raise DeltaError(f"unknown state delta {delta_json[:80]}")
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise DeltaError(f"the state delta {delta_json[:80]} does not fit its value: {error}") from error

    def revert(self, delta_json: str) -> None:
        """Step back. A key put back into an object by the reverse of `remove` comes last. Raises DeltaError."""
        delta: dict[str, Any] = orjson.loads(delta_json)
        try:
            if "splice" in delta:
                start, removed, inserted = delta["splice"]
                self._splice(start, inserted, removed)
            elif "append" in delta:
                value, count = self._changed([]), len(delta["append"])
                if count and value[-count:] != delta["append"]:
                    raise DeltaError("the value does not end with what the delta appended")
                del value[len(value) - count :]
            elif "merge" in delta:
                value, was = self._changed({}), delta.get("was", {})
                for key in delta["merge"]:
                    if key not in was:
                        del value[key]
                value.update(was)
            elif "increment" in delta:
                self._changed(0)
                self._value -= delta["increment"]
            elif "remove" in delta:
                container, last = _target(self._changed(None), delta["remove"])
                if isinstance(container, list):
                    container.insert(last, delta["was"])
                else:
                    container[last] = delta["was"]
            else:
                raise DeltaError(f"unknown state delta {delta_json[:80]}")
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise DeltaError(f"the state delta {delta_json[:80]} cannot be taken back: {error}") from error

    def _changed(self, absent: Any) -> Any:
        """The decoded value, about to be changed in place."""
        if not self._decoded:
            self._value = absent if self._text is None else orjson.loads(self._text)
            self._decoded = True
        self._text = None
        return self._value

    def _splice(self, start: int, removed: str, inserted: str) -> None:
        text = self.text() or ""
        end = start + len(removed)
        if text[start:end] != removed:
            raise DeltaError(f"the text at {start} is not what the splice removes")
        self._text = text[:start] + inserted + text[end:]
        self._value, self._decoded = None, False
        self.size = len(self._text)


def _target(value: Any, path: list[Any]) -> tuple[Any, Any]:
    for step in path[:-1]:
        value = value[step]
    return value, path[-1]


def fold(base_text: str | None, deltas: Iterable[str]) -> str:
    """The text after `deltas`, in order, on `base_text` (None: absent). Raises DeltaError."""
    folder = Folder(base_text)
    for delta in deltas:
        folder.apply(delta)
    return folder.text() or ""


def unfold(text: str, deltas: Iterable[str]) -> str:
    """The text before `deltas`, given in the order they were applied. Raises DeltaError."""
    folder = Folder(text)
    for delta in reversed(list(deltas)):
        folder.revert(delta)
    return folder.text() or ""


def changes(
    conn: sqlite3.Connection, execution_id: str, upto: int
) -> Iterator[tuple[int, str, str | None, str | None]]:
    """(id, key, new text or None, delta or None) of the transitions of the frames before `upto`, in order."""
    for row_id, key, new, delta in conn.execute(Q["changes_before"], (execution_id, upto)):
        yield row_id, key, unpack(new), unpack(delta)


def state_at(conn: sqlite3.Connection, execution_id: str, frame_index: int) -> dict[str, str]:
    """The state frame `frame_index` saw: key to JSON text, from the transitions of the frames before it."""
    found: dict[str, Folder] = {}
    for _, key, new, delta in changes(conn, execution_id, frame_index):
        if delta is not None:
            found.setdefault(key, Folder(None)).apply(delta)
        elif new is None:
            found.pop(key, None)
        else:
            found[key] = Folder(new)
    return {key: folder.text() or "" for key, folder in sorted(found.items())}


def current_state(conn: sqlite3.Connection, execution_id: str) -> dict[str, str]:
    """The state now: the rows of state_kv, later deltas folded onto the keyframes of large values."""
    found: dict[str, Folder] = {}
    bases: dict[str, int] = {}
    for key, base, text in conn.execute(Q["state_rows"], (execution_id,)):
        found[key] = Folder(unpack(text))
        if base is not None:
            bases[key] = base
    if bases:
        # One pass for all of them: ids ascend with the frames of an execution.
        for row_id, key, delta in conn.execute(Q["deltas_since"], (min(bases.values()), execution_id)):
            if row_id > bases.get(key, row_id):
                found[key].apply(unpack(delta) or "")
    return {key: folder.text() or "" for key, folder in found.items()}
