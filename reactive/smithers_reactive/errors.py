"""What can go wrong in the graph, as one tree.

    ReactiveError
    ├── CycleError            a value needs itself, or effects never settle (`.members` names them)
    ├── WriteInPureError      a Signal was written while a Computed or a Scope ran
    ├── ForeignSignalError    a tracked run read a node of another Runtime
    └── ForeignThreadError    a thread that does not own the Runtime tried to change it

Errors raised by users' own functions are never wrapped: a failing Computed re-raises the very exception, and several
failing effects of one flush arrive as one ExceptionGroup.
"""

from __future__ import annotations


class ReactiveError(Exception):
    """Base of every error this package raises on its own account."""


class CycleError(ReactiveError):
    """A cycle. `members` are the labels of the nodes on it, in the order they needed each other (R-3)."""

    def __init__(self, message: str, members: tuple[str, ...]) -> None:
        super().__init__(message)
        self.members = members


class WriteInPureError(ReactiveError):
    """A write inside a run that must be pure. `name` labels the Signal, `inside` the run (R-3)."""

    def __init__(self, name: str, inside: str) -> None:
        super().__init__(
            f"{name!r} was written while {inside!r} was being computed; "
            "a Computed or a render only reads: write from an Effect or an event handler"
        )
        self.name = name
        self.inside = inside


class ForeignSignalError(ReactiveError):
    """A node of one Runtime was read in a tracked run of another, where the read could not be followed (Z-24)."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} belongs to another Runtime, so this run would never hear of its changes; "
            "create it in this Runtime, or read it inside untracked()"
        )
        self.name = name


class ForeignThreadError(ReactiveError):
    """A Runtime is confined to the thread that made it; other threads may read (untracked) but not change it (Z-24)."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"{name!r} was changed from a thread that does not own its Runtime; "
            "hand the value to the owning thread (for asyncio: loop.call_soon_threadsafe)"
        )
        self.name = name


class Failure:
    """An exception kept as a value, with its traceback beside it: every raise lengthens the exception's own."""

    __slots__ = ("error", "traceback")

    def __init__(self, error: Exception) -> None:
        self.error = error
        ours = error.__traceback__
        self.traceback = ours.tb_next if ours is not None else None  # begins at the user's function

    def again(self) -> Exception:
        """The exception, ready to be raised once more."""
        return self.error.with_traceback(self.traceback)
