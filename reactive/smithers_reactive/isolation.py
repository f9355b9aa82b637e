"""Who may read and write what: one thread per Runtime, one Runtime per tracked run (R-3, R-4, Z-24).

`inside` says, for each thread, which Runtime is at work there: pulling, flushing or running a Scope. It is empty most
of the time, so the paths that every read and write takes test only whether it is.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

from smithers_reactive.errors import CycleError, Failure, ForeignSignalError, ForeignThreadError, WriteInPureError
from smithers_reactive.flags import BUSY, IDLE, UNSURE
from smithers_reactive.headroom import STEP_LEVELS

if TYPE_CHECKING:
    from smithers_reactive.graph import Node, Runtime

T = TypeVar("T")

inside: dict[int, Runtime] = {}
"""Thread id -> the innermost Runtime at work on it."""

_foreign = threading.local()
_PENDING = object()


class ForeignLog(list["Node"]):
    """Takes the place of a Runtime's log while another Runtime works inside its run; no tracked read may land there."""

    def __init__(self, behind: list[Node] | None) -> None:
        super().__init__()
        self.behind = behind

    def append(self, node: Node, /) -> None:
        if inside[get_ident()].log is not None:
            raise ForeignSignalError(node.label)


def enter(runtime: Runtime) -> Runtime | None:
    """Make `runtime` the one at work on its thread; returns the one that was, for `leave`."""
    outer = inside.get(runtime.thread)
    inside[runtime.thread] = runtime
    runtime.entered = True
    if outer is not None:
        outer.log = ForeignLog(outer.log)
        outer.entered = False
    return outer


def leave(runtime: Runtime, outer: Runtime | None) -> None:
    """Undo `enter`."""
    runtime.entered = False
    if outer is None:
        del inside[runtime.thread]
    else:
        inside[runtime.thread] = outer
        outer.entered = True
        if isinstance(outer.log, ForeignLog):
            outer.log = outer.log.behind
    if runtime.deep != STEP_LEVELS and not runtime.path:
        runtime.give_back_stack()


def untracked(fn: Callable[[], T]) -> T:
    """Run `fn` and return its result without registering what it reads. Writes stay as forbidden as around it (R-1)."""
    runtime = inside.get(get_ident())
    if runtime is None:
        return fn()
    log = runtime.log
    runtime.log = None
    try:
        return fn()
    finally:
        runtime.log = log


def refuse_foreign_read(node: Node) -> None:
    """Raise ForeignSignalError if this thread's run is tracked and is not one of the node's Runtime."""
    current = inside.get(get_ident())
    if current is not None and current is not node.rt and current.log is not None:
        raise ForeignSignalError(node.label)


def refuse_in_pure(node: Node) -> None:
    """Raise WriteInPureError, naming the node, if this thread is in the middle of a Computed or a Scope run."""
    current = inside.get(get_ident())
    if current is not None and current.path and current.path[-1].pure:
        raise WriteInPureError(node.label, current.path[-1].label)


def refuse_foreign_thread(node: Node) -> None:
    """Raise ForeignThreadError, naming the node, unless called on the thread of its Runtime."""
    if get_ident() != node.rt.thread:
        raise ForeignThreadError(node.label)


def read_from_foreign_thread(node: Node) -> Any:
    """The value of a computed for a thread that may not touch the graph (R-4).

    A value that is up to date is taken as it is. Otherwise the function is run here and its result thrown away
    afterwards; within one such read each computed runs once. Exceptions of the function propagate, uncached.
    """
    changed_at, value = node.changed_at, node.value
    # Read twice, since the owner may be at work: it marks the node busy before it changes the value.
    if _is_settled(node) and node.changed_at == changed_at and node.value is value:
        if isinstance(value, Failure):
            raise value.again()
        return value
    memo: dict[Node, Any] | None = getattr(_foreign, "memo", None)
    outermost = memo is None
    if memo is None:
        memo = _foreign.memo = {}
    if node in memo:
        if memo[node] is _PENDING:
            members = tuple(n.label for n, v in memo.items() if v is _PENDING)
            raise CycleError(f"{node.label!r} depends on itself: {' -> '.join(members)}", members)
        return memo[node]
    memo[node] = _PENDING
    try:
        value = memo[node] = cast("Callable[[], Any]", node.fn)()
    except BaseException:
        del memo[node]
        raise
    finally:
        if outermost:
            del _foreign.memo
    return value


def _is_settled(node: Node) -> bool:
    """Whether the cached value is right as it is."""
    flags = node.flags
    return not flags & (UNSURE | BUSY) and (not flags & IDLE or node.verified_at == node.rt.clock)
