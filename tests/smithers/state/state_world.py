"""A runtime, a store and a ctx over them, and ways to act as a handler or a render."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from smithers_py.state.actions import Action, Batch
from smithers_py.state.activity import Activity, current
from smithers_py.state.context import Context, signal_hook
from smithers_py.state.files import Files
from smithers_py.state.plan import FlushPlan
from smithers_py.state.store import StateStore
from smithers_reactive import Node, Runtime, Scope


class FixedClock:
    """A clock that stands still until a test moves it. Both times in ms."""

    def __init__(self) -> None:
        self.time_ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.time_ms

    def monotonic_ms(self) -> int:
        return self.time_ms


class World:
    """The state side of one execution, driven by hand."""

    def __init__(self, root: Path) -> None:
        self.rt = Runtime(on_write=signal_hook)
        self.store = StateStore(self.rt)
        self.files = Files(self.rt, root)
        self.clock = FixedClock()
        self.ctx = Context(execution_id="e1", store=self.store, files=self.files, clock=self.clock, input={"n": 1})

    def act(self, fn: Callable[[Context], Any], kind: Any = "handler", node_id: str = "n", **more: Any) -> Activity:
        """Run `fn(ctx)` as a handler (or else) that queues; returns its activity, still open."""
        activity = Activity(kind, node_id, "on_finished", frame=3, uuid_seed=f"e1/{node_id}/0", **more)
        token = current.set(activity)
        try:
            fn(self.ctx)
        finally:
            current.reset(token)
        return activity

    def batch(self, fn: Callable[[Context], Any], node_id: str = "n", order: int = 0, kind: str = "handler") -> Batch:
        """What a handler queued, as a batch."""
        actions = self.act(fn, node_id=node_id).close()
        return Batch(node_id, "on_finished", "test", actions, 3, kind, order)

    def flush(self, *parts: Callable[[Context], Any] | Batch) -> FlushPlan:
        """Plan and publish handlers' writes; a batch that fails is the test's business (`plan.failed`)."""
        batches = [part if isinstance(part, Batch) else self.batch(part, order=n) for n, part in enumerate(parts)]
        plan = self.store.plan_flush(batches)
        self.store.publish(plan)
        return plan

    def render(self, fn: Callable[[Context], Any], scope: Scope | None = None) -> tuple[Any, Scope]:
        """Run `fn(ctx)` as a component's render in a scope, and subscribe the scope."""
        scope = scope or Scope(self.rt)
        activity = Activity("render", frame=3)
        activity.enter_scope("e1/n/0", self.clock.now_ms(), node_id="n", component="App", source=("plan.py", 7))
        token = current.set(activity)
        try:
            value, log = scope.run(fn, self.ctx)
        finally:
            current.reset(token)
        scope.commit(log)
        return value, scope

    def dirty(self) -> list[Scope]:
        """The scopes marked since the last call, as a frame would find them: really stale ones."""
        return [scope for scope in self.rt.take_dirty() if scope.is_stale()]

    def read(self, key: str) -> Any:
        """A key's value, untracked."""
        return self.store.get(key)


def names(scope: Scope) -> list[str]:
    """The names of the key nodes a scope subscribes to, in the order it read them."""
    return [node.name for node in scope.deps if isinstance(node, Node)]


def texts_after(store: StateStore, *actions: Action) -> dict[str, str]:
    """Flush bare actions; the texts then."""
    store.publish(store.plan_flush([Batch("n", actions=list(actions))]))
    return store.texts()
