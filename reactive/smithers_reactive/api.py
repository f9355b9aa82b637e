"""What users hold: Signal, Computed, Effect, batch, untracked.

Each binds to `Runtime.current()` when it is created. All of them are nodes of graph.py; the classes here add types,
checks at the door and, for the Effect, its life.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, cast

from smithers_reactive.flags import BUSY, CHECK, DIRTY, DISPOSED, IDLE, STALE
from smithers_reactive.graph import Node, Runtime
from smithers_reactive.isolation import admit_reader, admit_writer, enter, leave, refuse_foreign_thread, untracked
from smithers_reactive.sink import Sink

if TYPE_CHECKING:
    from smithers_reactive.scope import Scope

__all__ = ["Computed", "Effect", "Signal", "batch", "untracked"]

T = TypeVar("T")

_ASYNC_CODE = 0x80 | 0x200  # inspect.CO_COROUTINE, CO_ASYNC_GENERATOR; importing inspect takes 10 ms


class Signal(Node, Generic[T]):
    """A value that can be watched (R-1).

    `equals(old, new)` decides what counts as no change; by default the same object, or the same type and `==`. So a
    container changed in place and set again is no change: set a new one, or give `equals=lambda a, b: False`.
    """

    __slots__ = ()

    def __init__(
        self,
        value: T,
        equals: Callable[[T, T], bool] | None = None,
        name: Any = None,
        runtime: Runtime | None = None,
    ) -> None:
        Node.__init__(self, runtime or Runtime.current(), value, None, equals, name)

    def get(self) -> T:
        """The value, registered as a dependency of the running Computed, Effect or Scope. Raises ForeignSignalError in
        a tracked run of another Runtime."""
        rt = self.rt
        if get_ident() != rt.entered and not admit_reader(self):
            return self.value
        log = rt.log
        if log is not None:
            log.append(self)
        return self.value  # Node.get without what only a computed needs; and reads stay quick where one class is read

    if TYPE_CHECKING:

        def peek(self) -> T: ...

    def set(self, value: T) -> None:
        """Change the value and propagate: at once, or when the outermost batch ends.

        With `Runtime(on_write=…)` the write is handed over instead, from whichever thread. Raises WriteInPureError
        inside a Computed or a Scope run, ForeignThreadError off the owning thread, and what the Effects raised.
        """
        rt = self.rt
        if rt.path or get_ident() != rt.entered:
            admit_writer(self)
            if rt.on_write is None:
                refuse_foreign_thread(self)
        if rt.on_write is not None:
            rt.on_write(self, value, False)
            return
        self.write(value)

    def update(self, fn: Callable[[T], T]) -> None:
        """Set the value to `fn(value)`, untracked. Raises like `set`, and what `fn` raises."""
        rt = self.rt
        admit_writer(self)
        if rt.on_write is not None:
            rt.on_write(self, fn, True)
            return
        refuse_foreign_thread(self)
        self.write(untracked(lambda: fn(cast("T", self.value))))


class Computed(Node, Generic[T]):
    """A value derived from others by a pure function: computed when read, kept until a dependency really changed (R-1).

    `equals` as for Signal: an equal result stops the change from spreading further. Not for coroutine functions.
    """

    __slots__ = ()

    def __init__(
        self,
        fn: Callable[[], T],
        equals: Callable[[T, T], bool] | None = None,
        name: Any = None,
        runtime: Runtime | None = None,
    ) -> None:
        _refuse_async(fn)
        Node.__init__(self, runtime or Runtime.current(), None, fn, equals, name, IDLE)

    if TYPE_CHECKING:

        def get(self) -> T: ...
        def peek(self) -> T: ...


class Effect(Sink):
    """Runs `fn` now and again whenever what it read changed, until `dispose()` (R-1, Z-24).

    `fn` may write Signals; that takes effect after it returned. It may return a function, which then runs before the
    next run and at disposal, untracked. An Effect made inside another lives on its own: return its `dispose` as the
    cleanup, or give both an `owner`.

    Raises what the first run raises (the Effect is disposed then), WriteInPureError inside a Computed or a Scope run.
    """

    __slots__ = ("cleanup", "owner")
    pure: ClassVar[bool] = False

    def __init__(
        self,
        fn: Callable[[], object],
        name: Any = None,
        runtime: Runtime | None = None,
        owner: Scope | None = None,
    ) -> None:
        _refuse_async(fn)
        rt = runtime or (owner.rt if owner is not None else Runtime.current())
        Node.__init__(self, rt, None, fn, None, name, DIRTY, None)
        if rt.path or get_ident() != rt.entered:
            admit_writer(self)
        self.cleanup: Callable[[], object] | None = None
        self.owner = owner
        try:
            with rt:
                self._first_run()
        except BaseException:  # also when what it wrote made another Effect fail: nobody would hold this one
            self.dispose()
            raise
        if owner is not None:
            owner.own(self)

    def _first_run(self) -> None:
        rt = self.rt
        outer = rt if rt.entered else enter(rt)
        errors: list[Exception] = []
        try:
            self.fire(errors)
        finally:
            if outer is not rt:
                leave(rt, outer)
        if errors:
            raise errors[0]

    def fire(self, errors: list[Exception]) -> None:
        """Run cleanup and function; what they raise is appended to `errors`. Only interruptions propagate."""
        rt = self.rt
        outer_log = rt.log
        started = rt.clock
        log: list[Node] = []
        rt.path.append(self)
        self.flags = BUSY
        try:
            if self.cleanup is not None:
                rt.log = None
                self.clean_up(errors)
            if self.flags == BUSY:  # the cleanup did not dispose of it
                rt.log = log
                result = self.fn()  # type: ignore[misc]  an Effect has one
                if result is not None and callable(result):
                    self.cleanup = result
        except Exception as error:  # noqa: BLE001  one failing effect does not stop the others; the flush raises it
            errors.append(error)
        except BaseException:
            if not self.flags & DISPOSED:
                self.flags |= DIRTY  # it is still queued, and runs again
            raise
        finally:
            rt.path.pop()
            rt.log = outer_log
            self.flags = 0 if self.flags == BUSY else self.flags & ~BUSY
        if self.flags and self.flags & DISPOSED:
            self.clean_up(errors)
            return
        self.verified_at = started
        if log != self.deps:
            self.rewire(log)
        if rt.clock != started and not self.flags & STALE:
            # It wrote. What it read before that, for the first time, had nobody to mark yet.
            self.flags |= CHECK
            rt.queue.append(self)

    def clean_up(self, errors: list[Exception]) -> None:
        """Run the cleanup of the last run, once."""
        cleanup, self.cleanup = self.cleanup, None
        if cleanup is not None:
            try:
                untracked(cleanup)
            except Exception as error:  # noqa: BLE001  reported by the caller together with the rest
                errors.append(error)

    def dispose(self) -> None:
        """Stop: leave the graph and run the cleanup; a second call does nothing. Inside its own run, the run goes on
        to its end and is the last. Raises what the cleanup raises, ForeignThreadError off the owning thread."""
        if not self.detach():
            return
        if self.owner is not None:
            self.owner.disown(self)
        errors: list[Exception] = []
        if not self.flags & BUSY:
            self.clean_up(errors)
        if errors:
            raise errors[0]


def batch() -> AbstractContextManager[None]:
    """`with batch():` lets Effects wait until the outermost block ended; see `Runtime.batch`."""
    return Runtime.current().batch()


def _refuse_async(fn: Callable[[], object]) -> None:
    """A coroutine would do its reads after the tracked run is over, unseen."""
    code = getattr(fn, "__code__", None)
    if code is not None and code.co_flags & _ASYNC_CODE:
        raise TypeError(f"{fn!r} is async: its reads could not be tracked; read first, then start the async work")
