"""The order of one parent's children while the patches of a frame are made.

Patches are applied one by one, forward or backward. A move therefore names the sibling that stands before the child at
the moment it moves: in the list of the last frame that may be one that has left, or has moved already.
"""

from collections.abc import Iterable

from smithers_py.engine.instance import Instance


class Siblings:
    """A linked list; every operation is O(1)."""

    __slots__ = ("_after", "_before")

    def __init__(self, children: Iterable[Instance]) -> None:
        self._before: dict[Instance, Instance | None] = {}
        self._after: dict[Instance | None, Instance] = {}
        """By previous sibling; None for the first."""
        previous: Instance | None = None
        for child in children:
            self._before[child] = previous
            self._after[previous] = child
            previous = child

    def insert(self, child: Instance, previous: Instance | None) -> None:
        """Put `child` behind `previous`; None: first."""
        following = self._after.get(previous)
        self._before[child] = previous
        self._after[previous] = child
        if following is not None:
            self._before[following] = child
            self._after[child] = following

    def remove(self, child: Instance) -> str | None:
        """Take `child` out; returns the id of the sibling that stood before it."""
        previous = self._before.pop(child)
        following = self._after.pop(child, None)
        if following is None:
            del self._after[previous]
        else:
            self._before[following] = previous
            self._after[previous] = following
        return previous.node_id if previous is not None else None
