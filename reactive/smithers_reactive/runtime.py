"""The Runtime: what all nodes of one graph share, and the flush that ends a batch. graph.py tells the whole story."""

from __future__ import annotations

from _thread import get_ident
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from smithers_reactive import headroom
from smithers_reactive.descend import descend
from smithers_reactive.errors import CycleError, ForeignThreadError
from smithers_reactive.flags import DIRTY, RETRY, STALE
from smithers_reactive.isolation import enter, leave

if TYPE_CHECKING:
    from smithers_reactive.api import Effect
    from smithers_reactive.explain import Explanation
    from smithers_reactive.graph import Node
    from smithers_reactive.scope import Scope

MAX_ROUNDS = 100_000
"""Rounds of Effects writing what Effects read, within one flush, that count as endless."""

WriteHook = Callable[["Node", Any, bool], None]

_active: ContextVar[Runtime | None] = ContextVar("smithers_reactive_runtime", default=None)
_process_default: list[Runtime] = []


class Runtime:
    """One graph, confined to the thread that made it. `on_write(node, value_or_fn, is_update)`, if given, takes the
    place of every `Signal.set` and `update`; whoever gave it applies them later with `node.write(value)` (Z-24)."""

    __slots__ = (
        "__weakref__", "batch_depth", "clock", "deep", "dirty", "entered", "flushing", "log", "on_write", "path",
        "queue", "thread",
    )  # fmt: skip

    def __init__(self, on_write: WriteHook | None = None) -> None:
        self.log: list[Node] | None = None  # what the running function has read so far; None: reads are not tracked
        # What is under way, outermost first: a node that runs, or the list of nodes that one check is waiting with.
        self.path: list[Node | list[Node]] = []
        self.clock = 1
        self.queue: list[Node] = []  # Effects to visit at the end of the batch
        self.dirty: list[Scope] = []  # Scopes marked since `take_dirty`
        self.batch_depth = 0
        self.flushing = False
        self.entered = 0  # its thread, while it is the last at work there, see isolation.py
        self.deep = headroom.STEP_LEVELS  # length of `path` at which to ask for more stack
        self.thread = get_ident()
        self.on_write = on_write

    @staticmethod
    def current() -> Runtime:
        """The runtime activated in this context, else the process's default one."""
        active = _active.get()
        if active is not None:
            return active
        if not _process_default:
            _process_default.append(Runtime())
        return _process_default[0]

    @contextmanager
    def activate(self) -> Generator[Runtime]:
        """Signals, Computeds and Effects made in the `with` block belong to this runtime."""
        token = _active.set(self)
        try:
            yield self
        finally:
            _active.reset(token)

    def batch(self) -> AbstractContextManager[None]:
        """`with runtime.batch():` Effects run once, after the outermost block. An exception inside neither undoes the
        writes nor skips the Effects. Raises what the Effects raised (see `flush`), and ForeignThreadError on a thread
        that is not the owner.
        """
        return self  # the depth is a number, so one object serves all blocks

    def __enter__(self) -> None:
        if get_ident() != self.thread:
            raise ForeignThreadError("a batch")
        self.batch_depth += 1

    def __exit__(self, *exc_info: object) -> None:
        self.batch_depth -= 1
        if self.queue and not self.batch_depth and not self.flushing:
            self.flush()

    def key_node(self, name: Any) -> Node:
        """A node without a value, for a store that keeps values itself: append it to `log`, `touch()` it on change."""
        from smithers_reactive.graph import Node

        return Node(self, name=name)

    def take_dirty(self) -> list[Scope]:
        """The Scopes marked since the last call, in the order of marking, each once; those disposed or already
        committed again are left out. They stay marked until `commit` or `is_stale`."""
        if not self.dirty:
            return []
        taken = [scope for scope in dict.fromkeys(self.dirty) if scope.flags & STALE]
        self.dirty.clear()
        return taken

    def requeue(self, scopes: Sequence[Scope]) -> None:
        """Put back taken Scopes that could not be committed; they come first in the next `take_dirty`."""
        self.dirty[:0] = scopes

    def flush(self) -> None:
        """Visit the queued Effects. One that fails does not stop the others.

        Raises the failing Effect's exception, or an ExceptionGroup of several; CycleError when they never settle.
        """
        outer = self if self.entered else enter(self)
        self.flushing = True
        queue: list[Effect] = self.queue  # type: ignore[assignment]  only Effects have both no subscribers and a function
        errors: list[Exception] = []
        done = rounds = 0
        round_end = len(queue)
        try:
            for effect in queue:  # grows while it is walked
                if done == round_end:
                    rounds += 1
                    round_end = len(queue)
                    if rounds > MAX_ROUNDS:
                        errors.append(_endless(queue[done:]))
                        break
                if effect.flags == DIRTY or effect.is_stale():
                    effect.fire(errors)
                done += 1  # after it: an interrupted one stays queued
        except BaseException as stop:
            for error in errors:
                stop.add_note(f"before it, an effect had failed: {error!r}")
            raise
        finally:
            if done == len(queue):
                queue.clear()
            else:
                del queue[:done]
            self.flushing = False
            if outer is not self:
                leave(self, outer)
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise ExceptionGroup("effects failed", errors)

    @property
    def at_work(self) -> bool:
        """Whether it is in the middle of a pull, a flush or a run."""
        return bool(self.path or self.flushing or self.log is not None)

    def members(self) -> list[Node]:
        """The nodes on `path`, those being checked included, outermost first."""
        nodes: list[Node] = []
        for step in self.path:
            nodes += step if isinstance(step, list) else (step,)
        return nodes

    def explain(self, node: Node) -> Explanation:
        """Why `node` ran last and why it would run next, told from what the graph knows anyway (R-6)."""
        from smithers_reactive.explain import explain

        return explain(node)

    def with_headroom(self, node: Node, *, asking: bool) -> None:
        """Pull `node`, at a depth where the stack may end: by `descend` if it has only to ask its dependencies, else
        with more room on the stack, which the outermost such call gives back. Raises RecursionError at its end."""
        outermost = self.deep == headroom.STEP_LEVELS
        self.deep = headroom.grant(id(self), len(self.path))
        try:
            if asking:
                descend(node)
            else:
                node.pull()
        finally:
            if outermost:
                self.deep = headroom.STEP_LEVELS
                headroom.release(id(self))

    def cycle(self, node: Node) -> CycleError:
        """The error for meeting `node` while it is being computed, and the bookkeeping that lets the cycle end later.

        The edge that closes the cycle is not kept, or the subscriptions would hold each other alive. So what the
        members between know of their dependencies is incomplete: they may not keep their results.
        """
        if self.log and self.log[-1] is node:
            self.log.pop()
        path = self.members()
        members = path[path.index(node) :]
        for member in members[1:]:
            member.flags |= RETRY
        names = tuple(member.label for member in members)
        return CycleError(f"{names[0]!r} depends on itself: {' -> '.join([*names, names[0]])}", names)


def _endless(effects: list[Effect]) -> CycleError:
    names = tuple(dict.fromkeys(effect.label for effect in effects))
    return CycleError(f"effects never settle, each writes what another reads: {', '.join(names)}", names)
