"""Values to JSON text and back (S-1, Z-15).

The text is strict JSON. What JSON has no form for is written as `{"$type": name, "v": parts}`; a user's dict that
has a `$type` key of its own is written the same way under the name `dict`, so no text is ambiguous. The walk is ours
and not orjson's, because orjson silently turns NaN into null and an enum into its value.

Equality of two values is equality of their texts: 1, True and 1.0 differ.
"""

import math
from collections.abc import Callable, Coroutine
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from smithers_py.errors import StateValueError
from smithers_py.state.classes import Refused, class_name, find_class, is_storable, parts_of, rebuild
from smithers_py.where import an

TAG = "$type"
MAX_DEPTH = 100
"""Levels of the stored JSON; readers of the database (orjson, Pydantic, SQLite) all manage this."""

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def dumps(plain: Any) -> str:
    """JSON text of plain data that has already been checked."""
    return orjson.dumps(plain).decode()


def encode(key: str, value: Any) -> tuple[str, str | None]:
    """The text of `value` and the name of its registered type (None for plain JSON).

    Raises:
        StateValueError: the value, or something inside it, cannot be stored; names key, place, type and the mend.
    """
    if value is None or value is True or value is False:
        return _CONSTANTS[value], None
    plain = to_plain(key, value)
    name = plain[TAG] if type(plain) is dict and TAG in plain else None
    return dumps(plain), name


def to_plain(key: str, value: Any) -> Any:
    """`value` as plain JSON data, all containers new.

    Raises:
        StateValueError: as `encode`.
    """
    try:
        return _walk(value, 0)
    except Refused as refused:
        raise StateValueError(
            key, refused.type_name, path=refused.place(), detail=refused.detail, hint=refused.mend
        ) from refused.__cause__


def decode(text: str, key: str = "") -> Any:
    """The value of a text made by `encode`; every container is new.

    Raises:
        StateValueError: the text names a class that is not loaded, or that no longer fits what was stored.
    """
    plain = orjson.loads(text)
    return revive(plain, key) if '"$type"' in text else plain


def revive(plain: Any, key: str = "") -> Any:
    """The value of plain JSON data; every container is new. Raises as `decode`."""
    kind = type(plain)
    if kind is list:
        return [revive(item, key) for item in plain]
    if kind is not dict:
        return plain
    if TAG not in plain:
        return {name: revive(item, key) for name, item in plain.items()}
    name = str(plain[TAG])
    try:
        if name == "dict":
            return {inner: revive(item, key) for inner, item in plain["v"].items()}
        parts = revive(plain["v"], key)
        reader = _READERS.get(name)
        return _rebuild(key, name, parts) if reader is None else reader(parts)
    except (ValueError, TypeError, KeyError, AttributeError, ArithmeticError) as error:
        raise StateValueError(key, name, detail=f"what was stored no longer fits it ({error})") from error


def _rebuild(key: str, name: str, parts: Any) -> Any:
    cls = find_class(name)
    if cls is None or not is_storable(cls):
        raise StateValueError(
            key,
            name,
            detail="no loaded module defines this class",
            hint="Import the module that defines it in the plan script, or delete the key.",
        )
    return rebuild(cls, parts)


def type_name_of(plain: Any) -> str | None:
    """The registered type's name of plain data, None for plain JSON."""
    return plain[TAG] if type(plain) is dict and TAG in plain else None


_CONSTANTS = {None: "null", True: "true", False: "false"}


def _walk(value: Any, depth: int) -> Any:
    kind = type(value)
    if kind is str:
        return value if value.isascii() else _text(value)
    if kind is int:
        return value if _INT_MIN <= value <= _INT_MAX else {TAG: "int", "v": hex(value)}
    if kind is bool or value is None:
        return value
    if kind is float:
        if math.isfinite(value):
            return value
        raise Refused("float", f"{value} has no JSON form", "Store None instead of NaN or an infinity.")
    if depth >= MAX_DEPTH:
        raise Refused(kind.__name__, f"it is nested deeper than {MAX_DEPTH} levels (or contains itself)")
    if kind is list:
        return _items(value, depth + 1)
    if kind is dict:
        return _mapping(value, depth)
    if kind is tuple:
        return {TAG: "tuple", "v": _items(value, depth + 2)}
    writer = _WRITERS.get(kind)
    if writer is not None:
        return {TAG: kind.__name__, "v": writer(value)} if kind is not UUID else {TAG: "uuid", "v": str(value)}
    if is_storable(kind):
        return {TAG: class_name(kind), "v": _parts(value, depth)}
    raise _refusal(value)


def _parts(value: Any, depth: int) -> Any:
    parts = parts_of(value)
    return _entries(parts, depth + 2) if type(parts) is dict else _walk(parts, depth + 1)


def _mapping(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    if TAG in value:
        return {TAG: "dict", "v": _entries(value, depth + 2)}
    return _entries(value, depth + 1)


def _entries(value: dict[Any, Any], depth: int) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, item in value.items():
        if type(name) is not str:
            raise Refused(
                "dict", f"its key {name!r} is {an(type(name).__name__)}, not text", "Use str(...) for the keys."
            )
        try:
            _text(name)
            out[name] = _walk(item, depth)
        except Refused as refused:
            refused.path.append(name)
            raise
    return out


def _items(value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
    out: list[Any] = []
    for index, item in enumerate(value):
        try:
            out.append(_walk(item, depth))
        except Refused as refused:
            refused.path.append(index)
            raise
    return out


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused(
            "str", "it has lone surrogates, which are not text", "Decode the bytes with errors='replace'."
        ) from None
    return value


_MENDS = {
    "bytes": "Decode it to text (or base64), or write a file with ctx.fs and store its path.",
    "bytearray": "Decode it to text (or base64), or write a file with ctx.fs and store its path.",
    "set": "Store a list: sorted(value).",
    "frozenset": "Store a list: sorted(value).",
    "generator": "Store a list: list(value).",
    "coroutine": "Await it first, and store what it returns.",
}


def _refusal(value: Any) -> Refused:
    kind = type(value)
    if isinstance(value, Coroutine):
        value.close()  # else Python warns later, far from here, that it was never awaited
    mend = _MENDS.get(kind.__name__)
    if mend is None:
        base = next((base for base in (str, int, float, list, dict, tuple) if isinstance(value, base)), None)
        mend = f"Store {base.__name__}(value): a subclass would not come back as one." if base else None
    return Refused(kind.__qualname__, "no codec is registered for this type", mend)


def _write_datetime(value: datetime) -> str | list[str]:
    zone = value.tzinfo
    return [value.isoformat(), zone.key] if isinstance(zone, ZoneInfo) and zone.key else value.isoformat()


def _read_datetime(parts: Any) -> datetime:
    if isinstance(parts, str):
        return datetime.fromisoformat(parts)
    instant = datetime.fromisoformat(parts[0])
    zone = ZoneInfo(parts[1])
    for fold in (0, 1):
        wall = instant.replace(tzinfo=zone, fold=fold)
        if wall.utcoffset() == instant.utcoffset():
            return wall
    return instant.astimezone(zone)  # the zone's rules have changed since: keep the instant


def _write_time(value: time) -> str:
    if value.tzinfo is not None and value.utcoffset() is None:
        raise Refused("time", "its time zone has no fixed offset", "Store a datetime, or a time with a fixed offset.")
    return value.isoformat()


# A Decimal NaN is a value of its own with a text form, so it is kept; it equals its text, as all values here do.
_WRITERS: dict[type, Callable[[Any], Any]] = {
    datetime: _write_datetime,
    date: date.isoformat,
    time: _write_time,
    timedelta: lambda value: [value.days, value.seconds, value.microseconds],
    Decimal: str,
    UUID: str,
}

_READERS: dict[str, Callable[[Any], Any]] = {
    "datetime": _read_datetime,
    "date": date.fromisoformat,
    "time": time.fromisoformat,
    "timedelta": lambda parts: timedelta(*parts),
    "Decimal": Decimal,
    "uuid": UUID,
    "tuple": tuple,
    "int": lambda parts: int(parts, 16),
}
