"""Who may read and write what: one thread per Runtime, one Runtime per tracked run (R-3, R-4, Z-24).

Several Runtimes may share a thread. The one that was last at work there is *entered*; it stays so when its work is
done, so that the paths that every read and write takes test one attribute and compare one thread id. Another one
enters by displacing it, for good if it was idle, else (a run of one reads a node of the other) for as long as it works.
"""

from __future__ import annotations

import threading
from _thread import get_ident
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast
from weakref import ReferenceType, ref

from smithers_reactive.errors import CycleError, Failure, ForeignSignalError, ForeignThreadError, WriteInPureError
from smithers_reactive.flags import BUSY, IDLE, UNSURE

if TYPE_CHECKING:
    from smithers_reactive.graph import Node, Runtime

T = TypeVar("T")

_entered: dict[int, ReferenceType[Runtime]] = {}
"""Thread id -> the Runtime entered there, held weakly: it may be over."""

_foreign = threading.local()
_PENDING = object()


class ForeignLog(list["Node"]):
    """Takes the place of a Runtime's log while another Runtime works inside its run; no tracked read may land there."""

    def __init__(self, behind: list[Node] | None) -> None:
        super().__init__()
        self.behind = behind

    def append(self, node: Node, /) -> None:
        current = entered_here()
        if current is not None and current.log is not None:
            raise ForeignSignalError(node.label)


def entered_here() -> Runtime | None:
    """The Runtime entered on this thread, at work or not."""
    reference = _entered.get(get_ident())
    return None if reference is None else reference()


def enter(runtime: Runtime) -> Runtime:
    """Make `runtime` the one entered on its thread; returns the one displaced from its work, for `leave`. If there
    was none, returns `runtime` itself, and there is nothing to undo."""
    reference = _entered.get(runtime.thread)
    outer = None if reference is None else reference()
    if outer is runtime:
        return runtime
    _entered[runtime.thread] = ref(runtime)
    runtime.entered = runtime.thread
    if outer is None:
        return runtime
    outer.entered = 0
    if not outer.at_work:
        return runtime
    outer.log = ForeignLog(outer.log)
    return outer


def leave(runtime: Runtime, outer: Runtime) -> None:
    """Undo `enter`."""
    runtime.entered = 0
    _entered[outer.thread] = ref(outer)
    outer.entered = outer.thread
    if isinstance(outer.log, ForeignLog):
        outer.log = outer.log.behind


def untracked(fn: Callable[[], T]) -> T:
    """Run `fn` and return its result without registering what it reads. Writes stay as forbidden as around it (R-1)."""
    runtime = entered_here()
    if runtime is None:
        return fn()
    log = runtime.log
    runtime.log = None
    try:
        return fn()
    finally:
        runtime.log = log


def admit_reader(node: Node) -> bool:
    """Enter the node's Runtime, if this is its thread and no other is at work here; returns whether it is entered.

    Raises ForeignSignalError if this thread's run is tracked and is not one of the node's Runtime.
    """
    current = entered_here()
    if current is not None and current is not node.rt and current.log is not None:
        raise ForeignSignalError(node.label)
    return _enter_if_free(node.rt, current)


def _enter_if_free(runtime: Runtime, current: Runtime | None) -> bool:
    free = get_ident() == runtime.thread and (current is None or not current.at_work)
    if free:
        enter(runtime)
    return free


def admit_writer(node: Node) -> None:
    """Raise WriteInPureError, naming the node, if this thread is in the middle of a Computed or a Scope run."""
    current = entered_here()
    if current is not None and current.path:
        run = current.members()[-1]
        if run.pure:
            raise WriteInPureError(node.label, run.label)
    _enter_if_free(node.rt, current)


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
