"""Scope: a sink that is run by somebody else, here the renderer (R-5, F-3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from smithers_reactive.flags import CHECK, DIRTY, DISPOSED
from smithers_reactive.graph import Node, Runtime
from smithers_reactive.isolation import enter, leave, refuse_foreign_thread
from smithers_reactive.sink import Sink

T = TypeVar("T")


class Scope(Sink):
    """A sink without a function of its own. A mark only lists it in `runtime.dirty`; whoever owns it then asks
    `is_stale()`, runs what belongs to it, and either commits the log of that run or leaves everything as it was.

        take_dirty ──▶ is_stale? ──▶ run ──▶ commit(log)
                           │no        └─raises─▶ requeue
                           ▼
                         clean

    `owner` is for the caller. Effects created with `owner=scope` are disposed with it.
    """

    __slots__ = ("owned", "owner", "ran_at")

    def __init__(self, rt: Runtime | None = None, *, owner: Any = None, name: Any = None) -> None:
        super().__init__(rt or Runtime.current(), name=name, flags=DIRTY, subs=None)
        self.owner = owner
        self.ran_at = 0  # clock when `run` began
        self.owned: dict[Sink, None] | None = None

    def run(self, fn: Callable[..., T], *args: Any) -> tuple[T, list[Node]]:
        """Call `fn(*args)` as a pure, tracked run; returns its value and what it read, in order, repetitions included.

        The scope's marks and dependencies do not change, whether `fn` returns or raises: the run is detached until
        `commit`. Raises what `fn` raises, WriteInPureError at a write, ForeignThreadError off the owning thread.
        """
        rt = self.rt
        refuse_foreign_thread(self)
        outer = rt if rt.entered else enter(rt)
        path = rt.path
        outer_log = rt.log
        log: list[Node] = []
        path.append(self)
        try:
            rt.log = log
            self.ran_at = rt.clock
            return fn(*args), log
        finally:
            path.pop()
            rt.log = outer_log
            if outer is not rt:
                leave(rt, outer)

    def commit(self, log: list[Node]) -> None:
        """Subscribe to exactly what the last `run` read, and be clean; does nothing on a disposed scope.

        If something changed between run and commit the scope is marked again at once, for the next `take_dirty`.
        """
        if self.flags & DISPOSED:
            return
        self.rewire(log)
        self.verified_at = self.ran_at
        self.flags = 0
        if self.rt.clock != self.ran_at:
            self.flags = CHECK
            self.rt.dirty.append(self)

    def dispose(self) -> None:
        """Leave the graph, with the Effects it owns; a second call does nothing.

        Raises what the cleanups raised, after all of them ran: the one exception, or an ExceptionGroup.
        """
        if not self.detach():
            return
        owned, self.owned = self.owned, None
        errors: list[Exception] = []
        for sink in owned or ():
            try:
                sink.dispose()
            except Exception as error:  # noqa: BLE001  the others must be disposed first
                errors.append(error)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("cleanups failed", errors)

    def own(self, sink: Sink) -> None:
        """Dispose `sink` together with this scope; at once if that is over already."""
        if self.flags & DISPOSED:
            sink.dispose()
            return
        if self.owned is None:
            self.owned = {}
        self.owned[sink] = None

    def disown(self, sink: Sink) -> None:
        """Forget a sink that was disposed on its own."""
        if self.owned is not None:
            self.owned.pop(sink, None)
