"""A task body's queued writes as text, kept with its result until a flush has applied them (Z-0)."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson

from smithers_py.state.actions import (
    Action,
    Append,
    Delete,
    Increment,
    Init,
    Merge,
    Remove,
    Set,
    SignalSet,
    Update,
    VolDelete,
    VolInit,
    VolSet,
    VolUpdate,
)

_VOLATILE = (VolSet, VolInit, VolUpdate, VolDelete, SignalSet)
_STORED = {kind.__name__.lower(): kind for kind in (Set, Delete, Init, Append, Increment, Merge, Remove)}


def is_volatile(action: Action) -> bool:
    """True for what lives in memory only."""
    return isinstance(action, _VOLATILE)


def journal_text(actions: Sequence[Action]) -> str | None:
    """The durable actions as a JSON list, None when there are none. Volatile ones die with the process anyway.

    An `update` holds a function, which cannot be stored: its entry says so, and a resume that finds one runs the task
    again instead of losing the write.
    """
    entries: list[dict[str, Any]] = []
    for action in actions:
        if is_volatile(action):
            continue
        entry: dict[str, Any] = {"do": type(action).__name__.lower()}
        for name in (field.name for field in fields(action)):
            value = getattr(action, name)
            if value is not None and not callable(value):
                entry[name] = value
        if isinstance(action, Update):
            entry["lost"] = True
        entries.append(entry)
    return orjson.dumps(entries).decode() if entries else None


def read_journal(text: str | None) -> list[Action] | None:
    """The actions of a journal; None when one of them was lost with its process, so that the task must run again."""
    actions: list[Action] = []
    for entry in orjson.loads(text) if text else ():
        if entry.pop("lost", False):
            return None
        kind: Any = _STORED[entry.pop("do")]
        if "path" in entry:
            entry["path"] = tuple(entry["path"])
        actions.append(kind(**entry))
    return actions
