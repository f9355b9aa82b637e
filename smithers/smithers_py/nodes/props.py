"""Props: the JSON form that plans store, and the errors for wrong ones."""

import math
from collections.abc import Iterable, Mapping
from enum import Enum
from itertools import islice
from types import CodeType
from typing import TYPE_CHECKING, Any, Final

from smithers_py.errors import (
    InvalidPropError,
    MissingPropError,
    PlanError,
    UnknownEventError,
    UnknownPropError,
)
from smithers_py.nodes.builder import PlanItem, current_path
from smithers_py.nodes.shape import prop_defaults
from smithers_py.where import Where, column_of, did_you_mean

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Site = tuple[CodeType, int]


def qualified_name(value: Any) -> str:
    """`module:qualname` of a class or function."""
    return f"{value.__module__}:{value.__qualname__}"


def plan_value(value: Any) -> Any:
    """The JSON form of a prop's value: types by qualified name, paths as text, other objects by their type's name.

    It is what people see and what the plan hash covers (Z-4), not a codec: it does not come back.
    """
    if isinstance(value, Enum):
        return plan_value(value.value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        # Half a surrogate pair (a file name that is not UTF-8) has no JSON form.
        return value if value.isascii() else value.encode(errors="backslashreplace").decode()
    if isinstance(value, int):
        return value if -(2**63) <= value < 2**64 else str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, type):
        return qualified_name(value)
    if isinstance(value, list | tuple):
        return [plan_value(item) for item in value]
    if isinstance(value, set | frozenset):
        return sorted((plan_value(item) for item in value), key=repr)
    if isinstance(value, Mapping):
        return {str(key): plan_value(item) for key, item in value.items()}
    return _plan_object(value)


def _plan_object(value: Any) -> Any:
    import dataclasses
    import datetime as dt
    from pathlib import PurePath

    from pydantic import BaseModel

    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, PlanItem):
        return getattr(value, "value", value.label) if value.label == "Text" else value.label
    if isinstance(value, BaseModel):
        return plan_value(value.model_dump())
    if dataclasses.is_dataclass(value):
        return {field.name: plan_value(getattr(value, field.name)) for field in dataclasses.fields(value)}
    named = value if hasattr(value, "__qualname__") else type(value)
    return qualified_name(named)


def site_line(site: Site | None) -> tuple[str, int] | None:
    """File and line (from 1) of a call site (code object, offset of the call in its bytecode)."""
    if site is None:
        return None
    code, offset = site
    for start, end, line in code.co_lines():
        if start <= offset < end and line is not None:
            return code.co_filename, line
    return code.co_filename, code.co_firstlineno


def site_place(site: Site | None) -> tuple[str, int, int | None] | None:
    """The same with the column (from 1) at which the call begins, where Python knows it."""
    import linecache

    source = site_line(site)
    if site is None or source is None:
        return None
    line, _, start, _ = next(islice(site[0].co_positions(), site[1] // 2, None), (None,) * 4)
    if line != source[1] or start is None:
        return *source, None
    return *source, column_of(linecache.getline(*source), start)


def place(label: str, site: Site | None) -> Where:
    """`Where` of something named `label` that is made at `site`."""
    path = current_path()
    source = site_line(site)
    node = f"{path} > {label}" if path else label
    return Where(node=node, file=source[0] if source else None, line=source[1] if source else None)


EVENTS: Final = {
    "on_start": "lambda: ...",
    "on_finished": "lambda r: ...",
    "on_error": "lambda e: ...",
    "on_progress": "lambda event: ...",
    "on_iteration": "lambda n: ...",
    "on_complete": "lambda r: ...",
    "on_approve": "lambda r: ...",
    "on_reject": "lambda r: ...",
}
"""Every event with a handler that takes what it is called with (Z-13)."""


def own_props(node_type: Any) -> list[str]:
    """The props of a node type, those that are its own first; `children` is no prop one would misspell."""
    fields = prop_defaults(node_type)
    own = [name for base in node_type.__mro__ for name in getattr(base, "__annotations__", ()) if name in fields]
    return [name for name in dict.fromkeys(own) if name not in ("id", "key", "children")] + ["id", "key"]


def unknown_prop(owner: str, name: str, known: Iterable[str], events: Iterable[str], where: Where) -> PlanError:
    """The error for a prop that `owner` does not have; a name like on_x or onX is meant as an event."""
    if name.startswith("on_") or (name[:2] == "on" and name[2:3].isupper()):
        return unknown_event(owner, name, events, where)
    known = tuple(known)
    hint = did_you_mean(name, known, label=f"Props of {owner}") if known else f"{owner} has no props."
    if not hint.startswith("Did"):
        hint += _others("prop", name)
    return UnknownPropError(f"{owner} has no prop {name!r}", hint=hint, where=where)


def unknown_event(owner: str, name: str, events: Iterable[str], where: Where) -> UnknownEventError:
    """The error for an event that `owner` does not have."""
    events = tuple(events)
    hint = did_you_mean(name, events, label=f"Events of {owner}") if events else f"{owner} has no events."
    if not hint.startswith("Did"):
        hint += _others("event", name)
    return UnknownEventError(f"{owner} has no event {name!r}", hint=hint, where=where)


def _others(what: str, name: str) -> str:
    """Which other nodes have it: the author may have the wrong node."""
    from smithers_py import nodes  # the types are made with this module

    types = [getattr(nodes, one) for one in nodes.__all__]
    owners = [
        one.type_name
        for one in types
        if one is not nodes.BaseNode and one is not nodes.Runnable and issubclass(one, nodes.BaseNode)
        if name in (one.events if what == "event" else prop_defaults(one))
    ]
    article = "an" if what == "event" else "a"
    return f" {name} is {article} {what} of {', '.join(owners)}." if owners else ""


def prop_error(node_type: Any, detail: "ErrorDetails", where: Where) -> PlanError:
    """Pydantic's first complaint about a node's props as one of our errors."""
    owner = node_type.type_name
    name = str(detail["loc"][0]) if detail["loc"] else ""
    kind = detail["type"]
    hint = node_type.hints.get(name)
    if kind == "missing" or (name == "children" and detail["input"] == []):
        return MissingPropError(f"{owner} needs the prop {name!r}", hint=hint or f"Pass {name}=...", where=where)
    if kind == "extra_forbidden":
        return unknown_prop(owner, name, own_props(node_type), node_type.events, where)
    reason = detail["msg"].removeprefix("Value error, ")
    if not name:
        what, _, mend = reason.partition(". ")
        return InvalidPropError(f"{owner} {what}", hint=mend, where=where)
    given = detail["input"]
    shown = repr(given)
    shown = shown if len(shown) <= 80 else shown[:79] + "…"
    reason = reason.replace("Input should", "it should", 1)
    index = "".join(f"[{part}]" for part in detail["loc"][1:] if isinstance(part, int))
    return InvalidPropError(
        f"the prop {name + index!r} of {owner} is {shown} ({type(given).__name__}), {reason}",
        hint=hint or "`smithers explain E103` says more.",
        where=where,
    )
