"""What a render returned, made flat: one (segment, description) per position (Z-2)."""

from collections.abc import Iterator
from typing import Any

from smithers_py.dsl.component import Element
from smithers_py.engine.instance import Instance
from smithers_py.errors import DuplicateKeyError, InvalidOutputError, MissingKeyError, Where
from smithers_py.nodes import BaseNode, Text

Slot = tuple[str, BaseNode | Element]


def slots(raw: Any, owner: Instance, prefix: str = "") -> list[Slot]:
    """The descriptions in `raw`, each with its path segment `k:{key}` or `i:{index}`.

    An index counts holes (None, True, False, ""), so that `cond and <node>` does not shift its neighbours; a nested
    list is one position and counts inside itself.

    Raises:
        InvalidOutputError: something in it is no part of a plan.
        DuplicateKeyError: two siblings have the same key.
    """
    found: list[Slot] = []
    seen: dict[str, BaseNode | Element] = {}
    for segment, desc in _flatten(raw, owner, prefix):
        if segment in seen:
            raise _duplicate(segment, desc, seen[segment], owner)
        seen[segment] = desc
        found.append((segment, desc))
    return found


def keyed_slots(raw: Any, owner: Instance) -> list[Slot]:
    """The same for the items of an `Each`, which must all have a key (N-1)."""
    found = slots(raw, owner)
    for segment, desc in found:
        if not segment.startswith("k:"):
            raise MissingKeyError(
                f"{type_name(desc)} made for an item of Each has no key",
                hint='Give it key=..., for example Each(files, children=lambda f, i: Step(name=f"check {f}", key=f)).',
                where=where(desc, owner),
            )
    return found


def _flatten(raw: Any, owner: Instance, prefix: str) -> Iterator[Slot]:
    items = raw if isinstance(raw, list | tuple) else [raw]
    for index, item in enumerate(items):
        if item is None or item is True or item is False:
            continue
        if isinstance(item, BaseNode | Element):
            key = item.identity
            yield (f"i:{prefix}{index}" if key is None else f"k:{prefix}{key}"), item
        elif isinstance(item, list | tuple):
            yield from _flatten(item, owner, f"{prefix}{index}.")
        elif isinstance(item, str | int | float):
            if item == "":
                continue
            text = Text(str(item))
            # Made here, it would have no line of the user's.
            object.__setattr__(text, "site", owner.desc.site)
            yield f"i:{prefix}{index}", text
        else:
            raise InvalidOutputError(
                f"{owner.type_name} has a child of type {type(item).__name__}, which is no part of a plan",
                where=where(owner.desc, owner, itself=True),
            )


def type_name(desc: BaseNode | Element) -> str:
    """The type as users know it: the node class, or the component's name."""
    return desc.component.name if isinstance(desc, Element) else desc.type_name


def where(desc: Any, owner: Instance, *, itself: bool = False) -> Where:
    """Path and file:line of a description below (or of) `owner`."""
    source = getattr(desc, "source", None)
    path = owner.path() if itself else f"{owner.path()} > {type_name(desc)}"
    return Where(node=path, file=source[0] if source else None, line=source[1] if source else None)


def _duplicate(segment: str, desc: BaseNode | Element, first: BaseNode | Element, owner: Instance) -> DuplicateKeyError:
    source = first.source
    also = f"; the first is at {source[0]}:{source[1]}" if source else ""
    word, hint = "key", None
    if desc.id is not None:
        word, hint = "id", "Give one of them another id."
    elif desc.key is None:
        word, hint = "name", "Rename one of them, or tell them apart with key=..."
    return DuplicateKeyError(
        f"two children of {owner.path_name} have the {word} {segment.removeprefix('k:')!r}{also}",
        hint=hint,
        where=where(desc, owner),
    )
