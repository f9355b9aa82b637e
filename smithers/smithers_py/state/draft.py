"""One key while a flush is being planned: the committed value and what has been done to it so far.

A draft never touches the committed value. It is either *whole* (a text, or absent) or *stepped*: the committed large
value plus ops, with a working copy made only when an op must look at what earlier ones left.
"""

import math
from typing import Any, NamedTuple

import orjson

from smithers_py.errors import StateActionError, StateValueError
from smithers_py.state.actions import Append, Delete, Increment, Init, Merge, Remove, Set, StateAction, Update
from smithers_py.state.codec import TAG, decode, dumps, encode, revive, to_plain, type_name_of
from smithers_py.state.deltas import Op, append_op, apply_on_copy, merge_op, remove_op, size_of
from smithers_py.state.values import LARGE, Entry
from smithers_py.where import an


class Mark(NamedTuple):
    """Where a draft stood before a batch, to compare with and to go back to."""

    text: str | None
    stepped: bool
    ops: int
    size: int


class Draft:
    """See the module. `text` is meaningful while not `stepped`; None is absent."""

    __slots__ = ("_work", "_work_ops", "entry", "key", "ops", "size", "stepped", "text")

    def __init__(self, key: str, entry: Entry | None) -> None:
        self.key = key
        self.entry = entry
        self.ops: list[Op] = []
        self.stepped = entry is not None and entry.large
        self.text = entry.text() if entry is not None and not entry.large else None
        self.size = entry.size if entry is not None else 0
        self._work: Any = None
        self._work_ops = 0

    def mark(self) -> Mark:
        """Remember this point."""
        return Mark(self.text, self.stepped, len(self.ops), self.size)

    def back(self, mark: Mark) -> None:
        """Return to a point, dropping what was done since."""
        self.text, self.stepped, _, self.size = mark
        del self.ops[mark.ops :]
        self._work = None

    @property
    def absent(self) -> bool:
        """Whether the key has no value now."""
        return not self.stepped and self.text is None

    def whole(self) -> str | None:
        """The text now, None when absent; O(size) for a stepped draft with ops."""
        if not self.stepped:
            return self.text
        return self.whole_at(len(self.ops))

    def whole_at(self, count: int) -> str:
        """The text of a stepped draft after its first `count` ops."""
        entry = self._held()
        if count == 0:
            return entry.text()
        if count == len(self.ops) and self.stepped:
            return dumps(self._now())
        plain = entry.plain.copy()
        for op in self.ops[:count]:
            apply_on_copy(op, plain)
        return dumps(plain)

    def apply(self, action: StateAction) -> None:
        """Carry out one action on the draft.

        Raises:
            StateActionError: the action does not fit the value.
            StateValueError: the result cannot be stored.
            Exception: whatever the function of an `Update` raised.
        """
        match action:
            case Set():
                self.put(action.text)
            case Init():
                if self.absent:
                    self.put(action.text)
            case Delete():
                self.put(None)
            case Update():
                self._update(action)
            case Append():
                self._append(action)
            case Increment():
                self._increment(action)
            case Merge():
                self._merge(action)
            case Remove():
                self._remove(action)

    def put(self, text: str | None) -> None:
        """Replace the value by an encoded text, None: take it away."""
        self.stepped = False
        self.text = text
        self.size = 0 if text is None else size_of(text)

    def _now(self) -> Any:
        """Plain data now, to look at and not to change: the committed value itself while nothing was done to it."""
        if not self.stepped:
            return None if self.text is None else orjson.loads(self.text)
        plain = self._held().plain
        if not self.ops:
            return plain
        if self._work is None:
            self._work = plain.copy()
            self._work_ops = 0
        for op in self.ops[self._work_ops :]:
            apply_on_copy(op, self._work)
        self._work_ops = len(self.ops)
        return self._work

    def _held(self) -> Entry:
        if self.entry is None:
            raise RuntimeError("a draft has steps only over a committed value")
        return self.entry

    def _update(self, action: Update) -> None:
        text = self.whole()
        value = action.fn(None if text is None else decode(text, self.key))
        self.put(encode(self.key, value)[0])

    def _append(self, action: Append) -> None:
        items = orjson.loads(action.items)
        # While it is large only its kind and emptiness matter, which ops cannot change: no working copy is made.
        plain = self._held().plain if self.stepped else [] if self.absent else self._now()
        if type(plain) is not list:
            raise self._misfit("append", "a list", plain)
        if self.stepped:
            if items:
                self._step(append_op(plain, items, size_of(action.items)))
            return
        if self.text is None or self.text == "[]":
            self.put(action.items)
        elif items:
            self.put(f"{self.text[:-1]},{action.items[1:]}")

    def _merge(self, action: Merge) -> None:
        entries = orjson.loads(action.mapping)
        plain: Any = {} if self.absent else self._now()
        escaped = type(plain) is dict and plain.get(TAG) == "dict"
        if type(plain) is not dict or (TAG in plain and not escaped):
            raise self._misfit("merge", "a dict", plain)
        if escaped or TAG in entries:
            # The key "$type" changes how the whole dict is written; rare enough to write it all.
            inner: dict[str, Any] = plain["v"] if escaped else plain
            self.put(dumps({TAG: "dict", "v": {**inner, **entries}}))
            return
        if self.stepped:
            op = merge_op(plain, entries)
            if op is not None:
                self._step(op)
            return
        self.put(dumps({**plain, **entries}))

    def _remove(self, action: Remove) -> None:
        if self.absent:
            return
        plain = self._now()
        try:
            op = remove_op(plain, action.path)
        except LookupError as error:
            raise StateActionError(
                f"remove of {list(action.path)} from state key {self.key!r}: {error.args[0]}",
                hint="Use ctx.state.update for values that are not plain dicts and lists.",
            ) from error
        if op is None:
            return
        if self.stepped:
            self._step(op)
            return
        apply_on_copy(op, plain)
        self.put(dumps(plain))

    def _increment(self, action: Increment) -> None:
        number = 0 if self.absent else revive(self._now(), self.key)
        if type(number) not in (int, float):
            raise self._misfit("increment", "a number", self._now())
        try:
            total = number + action.by
        except OverflowError:
            total = math.inf
        self.put(encode(self.key, total)[0])

    def _step(self, op: Op) -> None:
        self.ops.append(op)
        self.size += op.growth
        if self.size <= LARGE:
            # Small again: from here on its text is the shorter record.
            self.put(self.whole_at(len(self.ops)))

    def _misfit(self, what: str, needs: str, plain: Any) -> StateActionError:
        found = type_name_of(plain) or type(plain).__name__
        return StateActionError(
            f"{what} needs {needs}, but state key {self.key!r} holds {an(found)}",
            hint="Use ctx.state.set or ctx.state.update to replace the value.",
        )


def plain_list(key: str, items: tuple[Any, ...]) -> str:
    """The text of an `Append`'s items. Raises StateValueError."""
    return dumps(to_plain(key, list(items)))


def plain_mapping(key: str, mapping: Any) -> str:
    """The text of a `Merge`'s mapping. Raises StateValueError."""
    if type(mapping) is not dict:
        raise StateValueError(key, type(mapping).__name__, detail="merge takes a dict", hint="Pass a dict.")
    plain = to_plain(key, mapping)
    return dumps(plain["v"] if TAG in plain else plain)
