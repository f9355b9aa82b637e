"""The graph, told in the order things happen.

A Node is a signal (a value), a computed (a function and its cached value) or a sink (an Effect or a Scope, where the
graph ends). Only marks are pushed through it; values are pulled. DESIGN §2 has the measurements behind it.

1. Reading. While a function runs tracked, `runtime.log` is a list and every read appends its node to it; that is all a
   read costs. After the run the log *is* the dependency list: compared in C with that of the run before, and only if it
   differs are edges changed (`rewire`).
2. Writing. A node that changed takes a new `changed_at` from the runtime's clock and marks what depends on it: direct
   subscribers DIRTY, all beyond them CHECK. The walk stops at nodes already marked, so each is visited once. Sinks that
   get their first mark are listed in `runtime.queue` (Effects) or `runtime.dirty` (Scopes).
3. Flushing. When the outermost batch ends, the queued Effects are visited in order; a CHECK one asks its dependencies
   first whether anything really changed.
4. Pulling. A marked computed looks at its dependencies in the order it read them, bringing each up to date before
   looking. The first with `changed_at > verified_at` means: run again. None: a false alarm, the value stands. A run
   that yields an equal value leaves `changed_at` alone, so nothing beyond it runs: the cut-off. `pull` recurses, which
   is quicker, for the first levels only; `descend.py` does the same without, however far down.
5. Living and idling. What a sink reads, directly or not, is live: subscribed, told by marks. Any other computed is
   IDLE: nothing it reads knows of it, so it can be collected; it polls, comparing its `verified_at` with the clock.

The invariants (invariants.py checks them after every step of the tests):
  - a live node is in `subs` of each of its `deps`, and whoever is in `subs` lists the node in its `deps`;
  - an IDLE computed has no subscribers and subscribes to nothing; a live computed has a subscriber;
  - whatever subscribes to a marked node is marked;
  - the dependencies of a clean live node have `changed_at <= verified_at`.
"""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, cast

from smithers_reactive.errors import Failure
from smithers_reactive.flags import (
    BUSY,
    CHECK,
    CUT,
    DIRTY,
    ERROR,
    IDLE,
    LASTING,
    MUST_RUN,
    NEEDS_REFRESH,
    RETRY,
    STALE,
    UNKEPT,
    UNSURE,
)
from smithers_reactive.isolation import admit_reader, enter, leave, read_from_foreign_thread, untracked
from smithers_reactive.runtime import Runtime

__all__ = ["Node", "Runtime", "mark"]

LIST_LIMIT = 32
"""Subscribers kept in a list. More go to a dict: it removes without searching, and keeps the order of subscribing."""


class Node:
    """A signal or a computed; Effect and Scope derive from it. `name` is a label for people, any object."""

    __slots__ = ("changed_at", "deps", "equals", "flags", "fn", "name", "rt", "subs", "value", "verified_at")
    pure: ClassVar[bool] = True  # whether its run may only read

    def __init__(
        self,
        rt: Runtime,
        value: Any = None,
        fn: Callable[[], Any] | None = None,
        equals: Callable[[Any, Any], bool] | None = None,
        name: Any = None,
        flags: int = 0,
        subs: tuple[()] | None = (),
    ) -> None:
        self.value: Any = value
        self.rt = rt
        self.flags = flags
        self.subs: Sequence[Node] | dict[Node, None] | None = subs  # None: a sink
        self.changed_at = 0  # clock at the last change of value
        self.fn = fn
        self.deps: Sequence[Node] = ()  # in the order of reading, each once
        self.verified_at = 0  # clock at which value and deps were last known to be right; 0: never
        self.equals = equals
        self.name = name

    @property
    def label(self) -> str:
        """What errors call it: its name, else its function's, else its kind."""
        return str(self.name or getattr(self.fn, "__qualname__", None) or type(self).__name__)

    @property
    def observed(self) -> bool:
        """Whether anything is subscribed to it."""
        return bool(self.subs)

    # -- reading ------------------------------------------------------------------------------------------------

    def get(self) -> Any:
        """The value, registered as a dependency of the running Computed, Effect or Scope.

        Raises what the function raised, CycleError, or ForeignSignalError in a tracked run of another Runtime.
        """
        rt = self.rt
        if get_ident() != rt.entered and not admit_reader(self):
            return self.peek()
        log = rt.log
        if log is not None:
            log.append(self)  # before the pull: who reads a failing node hears when it recovers
        flags = self.flags
        if flags:
            if flags <= STALE or (flags & NEEDS_REFRESH and (flags != IDLE or self.verified_at != rt.clock)):
                self.pull()
                flags = self.flags
            if flags and flags & ERROR:
                raise self.value.again()
        return self.value

    def peek(self) -> Any:
        """The value, up to date, without registering. Raises like `get`, ForeignSignalError apart."""
        if self.flags & NEEDS_REFRESH:
            if get_ident() != self.rt.thread:
                return read_from_foreign_thread(self)
            self.refresh()
        if self.flags & ERROR:
            raise self.value.again()
        return self.value

    # -- writing ------------------------------------------------------------------------------------------------

    def write(self, value: Any) -> None:
        """Change a signal's value, unless it is equal, and propagate. For the owner of deferred writes: no checks.

        Raises what the Effects raised, unless a batch is open.
        """
        if self.is_same(self.value, value):
            return
        self.value = value
        rt = self.rt
        self.changed_at = rt.clock = rt.clock + 1
        if self.subs:
            mark(rt, self.subs)
            if rt.queue and not rt.batch_depth and not rt.flushing:
                rt.flush()

    def touch(self) -> None:
        """It changed; that it did was decided elsewhere. Marks all that depends on it. Raises like `write`.

        Idle computeds have no mark to get: the clock tells them, also when the node itself is dropped afterwards.
        """
        rt = self.rt
        self.changed_at = rt.clock = rt.clock + 1
        if self.subs:
            mark(rt, self.subs)
            if rt.queue and not rt.batch_depth and not rt.flushing:
                rt.flush()

    def is_same(self, old: Any, new: Any) -> bool:
        """Whether `new` counts as no change. `True` is not `1`; what cannot be compared is different."""
        try:
            if self.equals is not None:
                return self.is_equal_to_user(old, new)
            return old is new or (type(old) is type(new) and bool(old == new))
        except Exception:  # noqa: BLE001  DESIGN §2: a comparison that fails means "different", the safe answer
            return False

    def is_equal_to_user(self, old: Any, new: Any) -> bool:
        """What the `equals` given at creation says; its reads are nobody's dependencies."""
        equals = cast("Callable[[Any, Any], bool]", self.equals)
        return bool(untracked(lambda: equals(old, new)))

    # -- computing ----------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Bring a computed up to date (R-2), from outside. Raises CycleError if that is under way already."""
        rt = self.rt
        outer = rt if rt.entered else enter(rt)
        try:
            self.pull()
        finally:
            if outer is not rt:
                leave(rt, outer)

    def pull(self) -> None:
        """`refresh`, where the runtime is known to be at work on this thread: ask the dependencies, then run if one of
        them changed. Flags are compared where possible; every `&` costs as much as three comparisons."""
        rt = self.rt
        flags = self.flags
        verified = self.verified_at
        ask, busy = verified and flags == CHECK, BUSY
        if flags > STALE:
            if flags & BUSY:
                raise rt.cycle(self)
            ask = verified and not flags & MUST_RUN
            if ask and verified == rt.clock:
                return
            busy = flags & LASTING | BUSY
        path = rt.path
        if len(path) >= rt.deep:
            rt.with_headroom(self, asking=bool(ask))
            return
        outer_log = rt.log
        path.append(self)
        self.flags = busy
        failed, same = 0, False
        log: list[Node] = []
        try:
            if ask:
                for dep in self.deps:
                    flags = dep.flags
                    if flags:
                        if flags > STALE and flags & BUSY:
                            break  # a cycle: running meets the busy one again and reports it
                        if flags <= STALE or flags & NEEDS_REFRESH:
                            dep.pull()
                    if dep.changed_at > verified:
                        break
                else:
                    self.flags &= ~BUSY
                    self.verified_at = rt.clock
                    return
            rt.log = log
            value = self.fn()  # type: ignore[misc]  a computed has one
            if verified and (busy == BUSY or not busy & ERROR):
                old = self.value
                if type(value) is int and type(old) is int and self.equals is None:
                    same = value == old  # as `is_same` says, sooner
                else:
                    same = self.is_same(old, value)
        except BaseException as error:
            if self.is_cut_by(error):
                raise
            value, failed = Failure(cast("Exception", error)), ERROR
        finally:
            path.pop()
            rt.log = outer_log
        if log != self.deps:
            self.rewire(log)
        self.verified_at = clock = rt.clock
        if not same:
            self.value = value
            self.changed_at = clock
        self.flags = failed if self.flags == BUSY else self.lasting(failed)

    def is_cut_by(self, error: BaseException) -> bool:
        """Exceptions become the value (R-3), but for those that tell of the moment: recursion or memory running out,
        cancellation, interruption. Those propagate and leave the node to be tried again."""
        cut = not isinstance(error, Exception) or isinstance(error, RecursionError | MemoryError)
        if cut:
            self.give_up()
        return cut

    def lasting(self, failed: int) -> int:
        """The flags that remain of a run during which there were others than BUSY."""
        flags = self.flags
        if flags & RETRY:
            self.verified_at = 0
        return failed | (flags & UNKEPT)

    def give_up(self) -> None:
        """The run was cut short. Whoever catches that and goes on has seen no value to build on, so nobody on the way
        may keep a result either."""
        for node in reversed(self.rt.members()):
            if node.flags & CUT:
                break  # and so has everything above it
            if node.subs is not None:
                node.flags |= RETRY | CUT
        self.rewire([])
        self.verified_at = 0
        self.flags = (self.flags & ~(STALE | BUSY | CUT)) | RETRY

    # -- edges --------------------------------------------------------------------------------------------------

    def rewire(self, log: list[Node]) -> None:
        """Make `log`, without its repetitions, the dependencies."""
        new = list(dict.fromkeys(log)) if len(log) > 1 else log
        old = self.deps
        if new == old:
            return
        self.deps = new
        if self.flags & IDLE:
            return
        if not old:
            for dep in new:
                if dep.add_sub(self):
                    dep.wake()
            return
        kept = set(old)
        for dep in new:  # new ones first: a computed between should not fall idle to wake again
            if dep not in kept and dep.add_sub(self):
                dep.wake()
        kept.intersection_update(new)
        for dep in old:
            if dep not in kept and dep.remove_sub(self):
                dep.sleep()

    def add_sub(self, sub: Node) -> bool:
        """Subscribe `sub`; True if that ends idling, so that `wake` must follow."""
        subs = self.subs
        if not subs:
            self.subs = [sub]
            return bool(self.flags & IDLE)
        if type(subs) is dict:
            subs[sub] = None
        elif len(subs) < LIST_LIMIT:
            subs.append(sub)  # type: ignore[union-attr]
        else:
            self.subs = many = dict.fromkeys(subs)
            many[sub] = None
        return False

    def remove_sub(self, sub: Node) -> bool:
        """Unsubscribe `sub`; True if that leaves a computed without any, so that `sleep` must follow."""
        subs = self.subs
        if type(subs) is dict:
            del subs[sub]
        else:
            subs.remove(sub)  # type: ignore[union-attr]
        if subs:
            return False
        self.subs = ()
        return self.fn is not None

    def wake(self) -> None:
        """Idle to live: subscribe to the dependencies, and they to theirs.

        sink ──▶ self ──▶ idle ──▶ idle ──▶ signal        `waking` grows level by level, nothing recurses
        """
        clock = self.rt.clock
        waking = [self]
        for node in waking:
            node.flags &= ~IDLE
            if node.verified_at != clock and not node.flags & RETRY:
                node.flags |= CHECK
            waking += [dep for dep in node.deps if dep.add_sub(node)]

    def sleep(self) -> None:
        """Live to idle: no sink reads it any more, so it lets go of its dependencies, and they of theirs."""
        clock = self.rt.clock
        falling = [self]
        for node in falling:
            if not node.flags & UNSURE:
                node.verified_at = clock  # no mark until now: right until now, which nobody else will remember
            node.flags = (node.flags & ~STALE) | IDLE
            falling += [dep for dep in node.deps if dep.remove_sub(node)]


def mark(rt: Runtime, subs: Sequence[Node] | dict[Node, None]) -> None:
    """Mark all that depends on a changed node: its subscribers DIRTY, breadth first all beyond them CHECK."""
    beyond: list[Node] = []
    for node in subs:
        flags = node.flags
        node.flags = flags | DIRTY if flags else DIRTY
        if not flags or not flags & STALE:
            further = node.subs
            if further is not None:
                beyond += further
            else:
                (rt.dirty if node.fn is None else rt.queue).append(node)  # type: ignore[arg-type]
    for node in beyond:  # grows while it is walked
        flags = node.flags
        if not flags or not flags & STALE:
            node.flags = flags | CHECK if flags else CHECK
            further = node.subs
            if further is not None:
                beyond += further
            else:
                (rt.dirty if node.fn is None else rt.queue).append(node)  # type: ignore[arg-type]
