"""What code asks of state: actions, queued by an activity and applied by the flush (S-3, S-4, S-7).

Values are encoded when the action is made, so a wrong value raises at the user's line and a later mutation of the
object changes nothing. An action holds text, never the user's object; the exceptions are functions (`Update`) and
volatile values.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Set:
    """`set(key, value)`; `text` is the encoded value, `type_name` its registered type."""

    key: str
    text: str
    type_name: str | None = None
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """`update(key, fn)`: `fn` gets the latest value at the flush, None when absent (Z-15)."""

    key: str
    fn: Callable[[Any], Any]
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """`delete(key)`."""

    key: str
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Init:
    """`init(key, value)`: a `Set` only if the key is absent at the flush."""

    key: str
    text: str
    type_name: str | None = None
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Append:
    """`append(key, *items)`; `items` is the text of the list of encoded items."""

    key: str
    items: str
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Increment:
    """`increment(key, by)`; `by` is a finite int or float."""

    key: str
    by: int | float
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Merge:
    """`merge(key, mapping)`; `mapping` is the text of the encoded values by name, not itself encoded as a value."""

    key: str
    mapping: str
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class Remove:
    """`remove(key, path)`: take out the dict entry or list item at `path` (never empty)."""

    key: str
    path: tuple[str | int, ...]
    trigger: str | None = None


StateAction = Set | Update | Delete | Init | Append | Increment | Merge | Remove


@dataclass(frozen=True, slots=True)
class VolSet:
    """`vol.set(key, value)`: any value."""

    key: str
    value: Any
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class VolInit:
    """`vol.init(key, value)`: only if absent."""

    key: str
    value: Any
    trigger: str | None = None


@dataclass(frozen=True, slots=True)
class VolUpdate:
    """`vol.update(key, fn)`, and the other changes of a volatile value written as functions.

    An absent value is None to a user's function; to ours (`tells_absent`) it is `vol.ABSENT`.
    """

    key: str
    fn: Callable[[Any], Any]
    trigger: str | None = None
    tells_absent: bool = False


@dataclass(frozen=True, slots=True)
class VolDelete:
    """`vol.delete(key)`."""

    key: str
    trigger: str | None = None


VolAction = VolSet | VolInit | VolUpdate | VolDelete


class SignalNode(Protocol):
    """What the flush needs of a Signal's node."""

    value: Any

    def is_same(self, old: Any, new: Any) -> bool:
        """Equality as the Signal defines it."""
        ...

    def write(self, value: Any) -> None:
        """Store the value and mark the readers."""
        ...


@dataclass(frozen=True, slots=True)
class SignalSet:
    """A write to a Signal inside an execution, queued until the flush (Z-24)."""

    node: SignalNode
    value: Any
    is_update: bool = False


Action = StateAction | VolAction | SignalSet


@dataclass(frozen=True, slots=True)
class Batch:
    """The actions of one handler, effect, task, operator command or of the engine itself: applied whole or not at all.

    `order` is the node's place in plan order; batches are applied by (operator last, frame, order), and in the order
    given where these are equal (S-4, Z-15). `trigger` serves the actions that name none.
    """

    node_id: str | None
    handler: str | None = None
    trigger: str | None = None
    actions: list[Action] = field(default_factory=list)
    frame: int = 0
    kind: str = "handler"
    order: int = 0
