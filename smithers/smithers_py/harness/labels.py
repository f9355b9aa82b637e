"""How a node is called on a screen: its type and the one thing that tells it from its siblings."""

import re
import shlex
from collections.abc import Mapping
from typing import Any

_HASHED = re.compile(r"[0-9a-f]{16}")
_LONGEST = 60


def node_label(type_name: str, name: str | None, node_id: str, props: Mapping[str, Any]) -> str:
    """E.g. `Phase build`, `Command pytest -q`, `Claude sonnet`, `Task w` (its explicit id)."""
    explicit = _explicit(node_id)
    # The name of a Task is its function's: many tasks share one, so the id the user gave says more.
    told = (explicit if type_name == "Task" else "") or name or explicit or _telling_prop(props)
    told = " ".join(told.split())
    if len(told) > _LONGEST:
        told = told[: _LONGEST - 1] + "…"
    return f"{type_name} {told}" if told else type_name


def _explicit(node_id: str) -> str:
    last = node_id.rpartition("/")[2]
    return "" if _HASHED.fullmatch(last) else last


def _telling_prop(props: Mapping[str, Any]) -> str:
    argv = props.get("argv")
    if isinstance(argv, list):
        return shlex.join(str(part) for part in argv)
    for prop in ("shell", "fn", "model", "value", "reason"):
        told = props.get(prop)
        if isinstance(told, str) and told:
            return told.rpartition(":")[2] if prop == "fn" else told
    return ""
