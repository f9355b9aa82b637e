"""Changes inside a large value: what is written instead of the value itself (S-7).

An `Op` is one structured change of a plain container, with what is needed to take it back. Its JSON form is what a
transition stores; the reader of the database folds the same forms. A changed text without a known cause becomes a
splice: the range that differs.
"""

from dataclasses import dataclass
from typing import Any, Literal

from smithers_py.state.codec import dumps
from smithers_py.where import an

Path = tuple[str | int, ...]


def size_of(text: str) -> int:
    """Bytes of a text in UTF-8."""
    return len(text) if text.isascii() else len(text.encode())


@dataclass(frozen=True, slots=True)
class Op:
    """`append`: data is the list of items. `merge`: data is the new entries, was the old ones of keys that existed.

    `remove`: path leads to the item, was is the item. All plain data. `growth` is the change of the text's length in
    bytes.
    """

    kind: Literal["append", "merge", "remove"]
    data: Any
    was: Any = None
    path: Path = ()
    growth: int = 0

    def text(self) -> str:
        """The JSON stored in the transition."""
        if self.kind == "append":
            return '{"append":' + dumps(self.data) + "}"
        if self.kind == "merge":
            return '{"merge":' + dumps(self.data) + ',"was":' + dumps(self.was) + "}"
        return '{"remove":' + dumps(self.path) + ',"was":' + dumps(self.was) + "}"


def append_op(plain: list[Any], items: list[Any], items_size: int) -> Op:
    """The op for `items`; `items_size` is the length in bytes of their text with brackets."""
    comma = 1 if plain and items else 0
    return Op("append", items, growth=items_size - 2 + comma)


def merge_op(plain: dict[str, Any], entries: dict[str, Any]) -> Op | None:
    """The op that sets `entries`, without those that are equal already; None when all are."""
    changed: dict[str, Any] = {}
    was: dict[str, Any] = {}
    growth = 0
    for name, new in entries.items():
        new_text = dumps(new)
        if name in plain:
            old_text = dumps(plain[name])
            if old_text == new_text:
                continue
            was[name] = plain[name]
            growth += size_of(new_text) - size_of(old_text)
        else:
            growth += size_of(dumps(name)) + size_of(new_text) + 2
        changed[name] = new
    return Op("merge", changed, was, growth=growth) if changed else None


def remove_op(plain: Any, path: Path) -> Op | None:
    """The op that takes out what is at `path`; None when nothing is there.

    Raises:
        LookupError: the path leads through something that is not a plain dict or list; the text names it.
    """
    steps: list[str | int] = []
    holder = plain
    for place, part in enumerate(path):
        if type(holder) is dict and holder.get("$type") == "dict":
            # A user's dict that has a "$type" key: its entries are stored one level down.
            steps.append("v")
            holder = holder["v"]
        found = _step(holder, part, path[:place])
        if found is None:
            return None
        if place == len(path) - 1:
            was = holder[found]
            gone = size_of(dumps(was)) + (size_of(dumps(found)) + 1 if type(holder) is dict else 0)
            comma = 1 if len(holder) > 1 else 0
            return Op("remove", None, was, (*steps, found), growth=-gone - comma)
        steps.append(found)
        holder = holder[found]
    return None


def _step(holder: Any, part: str | int, so_far: Path) -> str | int | None:
    """The real key or index that `part` means in `holder`, None when absent."""
    kind = type(holder)
    if kind is dict and isinstance(part, str) and not _tagged(holder):
        return part if part in holder else None
    if kind is list and isinstance(part, int):
        index = part + len(holder) if part < 0 else part
        return index if 0 <= index < len(holder) else None
    what = {dict: "a dict", list: "a list"}.get(kind, an(kind.__name__))
    if _tagged(holder):
        what = f"a {holder['$type']}"
    place = f"what is at {list(so_far)}" if so_far else "the value"
    raise LookupError(f"{place} is {what}, which has no {part!r} to remove")


def _tagged(holder: Any) -> bool:
    """Whether it stands for a typed value. The entries of an escaped dict have a `$type` too, but no such form."""
    return type(holder) is dict and holder.keys() == {"$type", "v"} and isinstance(holder["$type"], str)


def apply_op(op: Op, plain: Any) -> None:
    """Carry `op` out on `plain` itself."""
    if op.kind == "append":
        plain.extend(op.data)
    elif op.kind == "merge":
        plain.update(op.data)
    else:
        holder = plain
        for part in op.path[:-1]:
            holder = holder[part]
        del holder[op.path[-1]]


def apply_on_copy(op: Op, plain: Any) -> None:
    """As `apply_op`, for a `plain` whose inner containers belong to someone else: those on the path are copied."""
    if op.kind != "remove":
        apply_op(op, plain)
        return
    holder = plain
    for part in op.path[:-1]:
        holder[part] = holder[part].copy()
        holder = holder[part]
    del holder[op.path[-1]]


def join_ops(ops: list[Op]) -> Op | None:
    """One op that does what `ops` do in a row, None when there is no such op (the caller compares the texts then)."""
    if len(ops) == 1:
        return ops[0]
    kinds = {op.kind for op in ops}
    if kinds == {"append"}:
        items = [item for op in ops for item in op.data]
        return Op("append", items, growth=sum(op.growth for op in ops))
    if kinds == {"merge"}:
        was: dict[str, Any] = {}
        changed: dict[str, Any] = {}
        for op in ops:
            for name in op.data:
                if name not in changed and name in op.was:
                    was[name] = op.was[name]
            changed.update(op.data)
        if any(name in was and dumps(was[name]) == dumps(new) for name, new in changed.items()):
            return None
        return Op("merge", changed, was, growth=sum(op.growth for op in ops))
    return None


def splice(old: str, new: str) -> str:
    """The delta `{"splice": [start, removed, inserted]}` from `old` to `new`; `start` counts characters."""
    start = _common(old, new)
    rest = min(len(old), len(new)) - start
    tail = _common(old[::-1][:rest], new[::-1][:rest]) if rest else 0
    removed, inserted = old[start : len(old) - tail], new[start : len(new) - tail]
    return dumps({"splice": [start, removed, inserted]})


def _common(one: str, other: str) -> int:
    """Length of the common prefix: doubling then halving steps, so the comparing is done in C."""
    length, step = 0, 64
    limit = min(len(one), len(other))
    while length < limit and one[length : length + step] == other[length : length + step]:
        length += step
        step *= 2
    while step > 0:
        if one[length : length + step] == other[length : length + step] and length + step <= limit:
            length += step
        step //= 2
    return min(length, limit)
