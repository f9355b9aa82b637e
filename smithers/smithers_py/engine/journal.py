"""A task body's queued writes as text, kept with its result until a flush has applied them (Z-0)."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import orjson

from smithers_py.state.actions import Action, SignalSet, Update, VolDelete, VolInit, VolSet, VolUpdate

_VOLATILE = (VolSet, VolInit, VolUpdate, VolDelete, SignalSet)


def journal_text(actions: Sequence[Action]) -> str | None:
    """The durable actions as a JSON list, None when there are none. Volatile ones die with the process anyway.

    An `update` holds a function, which cannot be stored: its entry says so, and a resume that finds one runs the task
    again instead of losing the write.
    """
    entries: list[dict[str, Any]] = []
    for action in actions:
        if isinstance(action, _VOLATILE):
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
