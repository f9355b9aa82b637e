"""Volatile state (S-2): like durable state but in memory, for any value.

Values are handed out as they are, not copied. Two are equal when they are the same object, or of one type and `==`;
a comparison that raises or has no truth value (arrays) counts as different.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from smithers_py.errors import StateActionError, StateValueError
from smithers_py.state.actions import VolAction, VolDelete, VolInit, VolSet
from smithers_py.state.codec import encode
from smithers_py.state.tracking import KeyNodes, is_under
from smithers_py.state.values import add_digests, digest_of
from smithers_py.where import an
from smithers_reactive import Runtime


class _Absent:
    """The value of a key that is not there."""


ABSENT = _Absent()


@dataclass(frozen=True, slots=True)
class VolChange:
    """One change of a volatile key in a flush; `value` is ABSENT when it was deleted."""

    key: str
    value: Any
    trigger: str | None
    node_id: str | None
    handler: str | None

    @property
    def deleted(self) -> bool:
        """Whether the key is gone."""
        return self.value is ABSENT


class VolStore:
    """The volatile state of one execution; key nodes are named `vol:<key>`."""

    def __init__(self, rt: Runtime) -> None:
        self._rt = rt
        self._nodes = KeyNodes(rt, "vol:")
        self._values: dict[str, Any] = {}
        self._digests: dict[str, int] = {}
        self._unhashed: set[str] = set()
        self._total = 0
        self._serial = 0

    def get(self, key: str, default: Any = None) -> Any:
        """The value of `key`, tracked."""
        self._nodes.track(key)
        return self._values.get(key, default)

    def keys(self, prefix: str = "") -> list[str]:
        """The keys that begin with `prefix`, sorted; tracked."""
        self._nodes.track_prefix(prefix)
        return sorted(key for key in list(self._values) if is_under(key, prefix))

    def has(self, key: str) -> bool:
        """Whether `key` has a value; not tracked."""
        return key in self._values

    def peek(self, key: str) -> Any:
        """The value or ABSENT; not tracked."""
        return self._values.get(key, ABSENT)

    def publish(self, values: Mapping[str, Any]) -> None:
        """Take over what a flush decided (ABSENT deletes) and mark the readers."""
        moved = [key for key, value in values.items() if (key in self._values) == (value is ABSENT)]
        for key, value in values.items():
            if value is ABSENT:
                self._values.pop(key, None)
            else:
                self._values[key] = value
        self._unhashed.update(values)
        with self._rt.batch():
            self._nodes.touch(values, moved)

    def digest(self) -> bytes:
        """16 bytes that stand for all values (Z-20); made on demand, for the keys changed since the last call.

        A value that has no JSON form counts as new each time it was written.
        """
        for key in self._unhashed:
            old = self._digests.pop(key, 0)
            value = self._values.get(key, ABSENT)
            new = 0 if value is ABSENT else self._digests.setdefault(key, self._digest_of(key, value))
            self._total = add_digests(self._total, old, new)
        self._unhashed.clear()
        return self._total.to_bytes(16, "big")

    def _digest_of(self, key: str, value: Any) -> int:
        try:
            return digest_of(key, encode(key, value)[0])
        except StateValueError:
            self._serial += 1
            made = blake2b(f"{key}\0{self._serial}".encode(), digest_size=16)
            return int.from_bytes(made.digest(), "big")


def apply_vol(action: VolAction, old: Any) -> Any:
    """The value after `action` on `old` (ABSENT where there is none). Raises whatever an update's function raised."""
    match action:
        case VolSet():
            return action.value
        case VolInit():
            return action.value if old is ABSENT else old
        case VolDelete():
            return ABSENT
        case _:
            return action.fn(None if old is ABSENT and not action.tells_absent else old)


def same(one: Any, other: Any) -> bool:
    """Equality of volatile values; never raises."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    try:
        return bool(one == other)
    except Exception:  # noqa: BLE001 - a comparison that fails says nothing, so the value counts as changed
        return False


def _need(empty: Callable[[], Any], kind: type | tuple[type, ...], value: Any, what: str) -> Any:
    """`value` if it is of `kind`, what `empty` makes if it is ABSENT."""
    if value is ABSENT:
        return empty()
    if not isinstance(value, kind):
        raise StateActionError(f"{what}, but the key holds {an(type(value).__name__)}")
    return value


def appended(value: Any, items: tuple[Any, ...]) -> list[Any]:
    """A new list with `items` at the end; ABSENT counts as empty. Raises StateActionError."""
    return [*_need(list, list, value, "vol.append needs a list"), *items]


def incremented(value: Any, by: float) -> Any:
    """The sum; ABSENT counts as 0. Raises StateActionError."""
    if isinstance(value, bool):
        raise StateActionError("vol.increment needs a number, but the key holds a bool")
    return _need(int, (int, float), value, "vol.increment needs a number") + by


def merged(value: Any, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A new dict with the entries set; ABSENT counts as empty. Raises StateActionError."""
    return {**_need(dict, dict, value, "vol.merge needs a dict"), **mapping}


def removed(value: Any, path: tuple[str | int, ...]) -> Any:
    """A copy without what is at `path`, `value` itself when nothing is there. Raises StateActionError."""
    if value is ABSENT:
        return value
    if not isinstance(value, dict | list):
        raise StateActionError(f"vol.remove needs a dict or list, but found {an(type(value).__name__)}")
    part = path[0]
    there = part in value if isinstance(value, dict) else isinstance(part, int) and -len(value) <= part < len(value)
    if not there:
        return value
    copy: Any = value.copy()
    if len(path) == 1:
        del copy[part]
    else:
        copy[part] = removed(copy[part], path[1:])
    return copy
