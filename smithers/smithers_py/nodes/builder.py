"""Where a node attaches when it is made inside a `with` or a `@plan` body (Z-12).

A `Builder` is open while a component's function runs. Its `target` is the list that a new node is appended to: the
children of the innermost open `with`, else the output list of a plan, else nothing (plain components return their
nodes). Each attached item remembers its *place*, (list, index). When it is given to another node afterwards it is
taken out of its place in O(1): from the end if it is last, else its slot is marked vacant, and the vacant slots are
squeezed out when the `with` or the body ends. So `Phase("x", children=[...100,000 nodes...])` in a plan body is linear.
"""

from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from contextvars import ContextVar, Token
from types import CoroutineType
from typing import TYPE_CHECKING, Any, Final

from smithers_py.errors import InvalidOutputError

Place = tuple[list[Any] | None, int]

_VACANT: Final = object()
GIVEN: Final[Place] = (None, -1)
"""The place of an item that belongs to another node by now."""


class PlanItem:
    """What may stand in a plan: nodes and elements. Both have a `place`."""

    __slots__ = ()

    if TYPE_CHECKING:  # Pydantic would make fields of them
        place: Place | None

        @property
        def label(self) -> str: ...


class Builder:
    """One run of a component's function. `output` is None when nodes do not attach by being made."""

    __slots__ = ("gaps", "loose", "output", "path", "stack", "target", "token")

    def __init__(self, path: str | Callable[[], str], output: list[Any] | None) -> None:
        self.path = path
        self.output = output
        self.target = output
        self.stack: list[tuple[PlanItem, list[Any]]] = []
        self.loose: PlanItem | None = None
        """The last item that attached to nothing: a component that returns nothing has lost it."""
        self.gaps: dict[int, list[Any]] = {}
        """Lists with vacant slots, by their id()."""
        self.token: Token[Builder | None] | None = None
        """Set when a `with` outside any component opened this builder, and has to close it."""

    def attach(self, item: PlanItem) -> None:
        """Append a new item to the target, if there is one."""
        target = self.target
        if target is not None:
            object.__setattr__(item, "place", (target, len(target)))
            target.append(item)
        else:
            self.loose = item

    def push(self, item: PlanItem, children: list[Any]) -> None:
        """Enter `with item:`."""
        self.stack.append((item, children))
        self.target = children

    def pop(self) -> None:
        """Leave the innermost `with`."""
        _, children = self.stack.pop()
        if self.gaps.pop(id(children), None) is not None:
            _squeeze(children)
        self.target = self.stack[-1][1] if self.stack else self.output

    def close(self) -> None:
        """Squeeze out what vacant slots are left; the builder is done."""
        for items in self.gaps.values():
            _squeeze(items)


_current: ContextVar[Builder | None] = ContextVar("smithers_builder", default=None)
_prefix: ContextVar[str | Callable[[], str]] = ContextVar("smithers_path", default="")


current_builder: Callable[[], Builder | None] = _current.get
"""The builder of the component that is running, if any. (Bound, not wrapped: every node's constructor asks.)"""


def enter(item: PlanItem, children: list[Any]) -> None:
    """Begin `with item:`. Outside a component too nodes attach to the item; whoever opened it returns it."""
    builder = _current.get()
    if builder is None:
        builder = Builder(path_prefix(), None)
        builder.token = _current.set(builder)
    builder.push(item, children)


def leave() -> None:
    """End the innermost `with`."""
    builder = _current.get()
    if builder is None:
        return
    builder.pop()
    if builder.token is not None and not builder.stack:
        builder.close()
        _current.reset(builder.token)


@contextmanager
def building(path: str | Callable[[], str], output: list[Any] | None) -> Generator[Builder]:
    """Open a builder for the duration of one call; nested calls have their own."""
    builder = Builder(path, output)
    token = _current.set(builder)
    try:
        yield builder
        builder.close()
    finally:
        _current.reset(token)


def call_plain(fn: Callable[..., Any], *args: Any) -> Any:
    """Run a callable of the user with no builder open: Each children, lazy conditions, loop bodies (Z-12)."""
    with building(current_path, None):
        value = fn(*args)
    if isinstance(value, CoroutineType):
        value.close()  # or Python warns that nobody awaited it
        raise InvalidOutputError(
            "an async function was given to a node that calls it in render, where nothing can wait",
            hint="Pass a plain function; let a Task find out what takes time and write it to ctx.state.",
        )
    return value


class at_path:  # noqa: N801 - used as a function; a generator in its place costs every frame three calls more
    """Name the place in the plan that is rendered meanwhile; a callable is asked only when an error needs it."""

    __slots__ = ("_path", "_token")

    def __init__(self, path: str | Callable[[], str]) -> None:
        self._path = path

    def __enter__(self) -> None:
        self._token = _prefix.set(self._path)

    def __exit__(self, *_: object) -> None:
        _prefix.reset(self._token)


def current_path() -> str:
    """`App > Phase 'build'`: the component being rendered and the `with`s open in it; empty outside."""
    builder = _current.get()
    path = _prefix.get() if builder is None else builder.path
    text = path if isinstance(path, str) else path()
    if builder is None:
        return text
    return " > ".join(part for part in (text, *(item.label for item, _ in builder.stack)) if part)


def path_prefix() -> str | Callable[[], str]:
    """What `at_path` was given, or an empty text."""
    return _prefix.get()


def release(value: Any) -> None:
    """Take the items in `value` (an item, or nested lists of them) out of the places they attached to."""
    if isinstance(value, PlanItem):
        place = value.place
        if place is not None:
            _vacate(value, place)
    elif isinstance(value, list | tuple):
        # The last one made is the last of its list: going backwards each removal is a pop.
        for item in reversed(value):
            release(item)


def _vacate(item: PlanItem, place: Place) -> None:
    target, index = place
    object.__setattr__(item, "place", GIVEN)
    if target is None or index >= len(target) or target[index] is not item:
        return  # already given away, or the user edited the list
    target[index] = _VACANT
    if index == len(target) - 1:
        while target and target[-1] is _VACANT:
            target.pop()
        return
    builder = _current.get()
    if builder is None:
        _squeeze(target)
    else:
        builder.gaps[id(target)] = target


def _squeeze(items: list[Any]) -> None:
    """Remove the vacant slots of a list and mend the places of what stays."""
    items[:] = [item for item in items if item is not _VACANT]
    for index, item in enumerate(items):
        if isinstance(item, PlanItem) and item.place is not None and item.place[0] is items:
            object.__setattr__(item, "place", (items, index))


def unplaced(items: Iterable[Any]) -> list[Any]:
    """Those of `items` that have no place yet (a plan returned them, but they attached nowhere)."""
    return [item for item in items if not (isinstance(item, PlanItem) and item.place is not None)]
