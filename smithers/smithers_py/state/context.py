"""`ctx`: the one object plans get (DESIGN §4). What it may do follows from where it is used, told by `current`."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, ClassVar, Protocol
from uuid import UUID

from smithers_py.clock import Clock
from smithers_py.errors import ContextError
from smithers_py.nodes.base import call_site
from smithers_py.nodes.props import Site
from smithers_py.state.actions import SignalNode, SignalSet
from smithers_py.state.activity import Activity, active
from smithers_py.state.budget import BudgetView
from smithers_py.state.codec import encode
from smithers_py.state.facades import State, Vol
from smithers_py.state.files import Files
from smithers_py.state.store import StateStore


@dataclass(frozen=True, slots=True)
class EffectUse:
    """One `ctx.use_effect` of a render: deps as encoded text, compared with those it last ran with (Z-16)."""

    id: str
    deps_text: str
    fn: Callable[..., Any]
    site: Site | None
    """Where it was called."""


class NodeView:
    """What is known of a node (Z-14). Everything is None for a node that never was.

    Reads go through the node's `$node/<node_id>` key, so they are reactive and durable. Its value is the status word,
    `[status, attempt]`, or an object of the fields below; fields it lacks come from the engine's `results`.
    """

    __slots__ = ("_activity", "_back", "_id", "_nodes", "_store")

    def __init__(self, store: StateStore, nodes: "NodeSource", id: str, activity: Activity, back: int = 0) -> None:  # noqa: A002
        self._store = store
        self._nodes = nodes
        self._id = id
        self._activity = activity
        self._back = back

    @property
    def status(self) -> str | None:
        """The status word of T-8."""
        return self._known().get("status")

    @property
    def output(self) -> Any:
        """A function's value, an agent's or command's text."""
        return self._known().get("output")

    @property
    def structured(self) -> Any:
        """The schema's object, of an agent."""
        return self._known().get("structured")

    @property
    def error(self) -> Any:
        """The error's JSON form, of a failed node."""
        return self._known().get("error")

    @property
    def attempt(self) -> int | None:
        """The number of the last attempt, from 1; None before the first."""
        return self._known().get("attempt")

    @property
    def previous(self) -> "NodeView":
        """The same node one loop iteration earlier."""
        return NodeView(self._store, self._nodes, self._id, self._activity, self._back + 1)

    def _known(self) -> Mapping[str, Any]:
        active("ctx.node")
        for node_id in self._nodes.candidates(self._id, self._activity, self._back):
            # Absent candidates are subscribed to as well: a nearer node may appear later.
            value = self._store.engine_get(f"$node/{node_id}")
            if value is not None:
                return {**_fields_of(value), **(self._nodes.result(node_id) or {})}
        return {}


def _fields_of(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    status, attempt = (value, None) if isinstance(value, str) else (value[0], value[1] or None)
    if attempt is None and status in _ATTEMPTED:
        attempt = 1
    return {"status": status, "attempt": attempt}


_ATTEMPTED = frozenset({"running", "succeeded", "failed", "cancelled"})


class NodeSource(Protocol):
    """What `ctx.node` asks the engine."""

    def candidates(self, id: str, activity: Activity, back: int) -> Sequence[str]:  # noqa: A002
        """The node ids that `id` may mean there, nearest identity scope first; `back` counts loop iterations into the
        past. It must depend on identities only, not on what is mounted: then the view needs no other subscription.
        """
        ...

    def result(self, node_id: str) -> Mapping[str, Any] | None:
        """Output, structured, error and the like of the node's latest incarnation, as of its last flush."""
        ...


class RootNodes:
    """The plain case: ids are node ids, and results are in the `$node` keys."""

    def candidates(self, id: str, activity: Activity, back: int) -> Sequence[str]:  # noqa: A002, ARG002
        """The id itself."""
        return () if back else (id,)

    def result(self, node_id: str) -> Mapping[str, Any] | None:  # noqa: ARG002
        """Nothing beyond the key."""
        return None


class Context:
    """See the module. Every use outside render, handler, effect and task raises ContextError (Z-15)."""

    __smithers_ctx__: ClassVar[bool] = True

    def __init__(
        self,
        *,
        execution_id: str,
        store: StateStore,
        files: Files,
        clock: Clock,
        input: Any = None,  # noqa: A002
        nodes: NodeSource | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.state = State(store)
        self.vol = self.v = Vol(store.vol)
        self.fs = files
        self.budget = BudgetView(store)
        """What the execution may still spend: `ctx.budget.left.cost` (G-6)."""
        self._store = store
        self._clock = clock
        self._input = input
        self._nodes = nodes or RootNodes()

    @property
    def input(self) -> Any:
        """The run's input, validated against the plan's model if it has one (Z-14)."""
        return self._input

    def take_input(self, value: Any) -> None:
        """For the engine: the same input as the model of a script that was loaded anew (C-6)."""
        self._input = value

    @property
    def workspace(self) -> Path:
        """The folder that the work happens in, which `ctx.fs` means too: that of the run; for functions and handlers
        within a Worktree, that.
        """
        return self.fs.folder

    def now(self) -> datetime:
        """The time, in UTC. In render the time of this scope's last run, not a dependency (Z-17); elsewhere that of
        the activity, and in tasks the clock's.
        """
        activity = active("ctx.now")
        activity.used_clock = True
        now_ms = activity.now_ms if activity.now_ms is not None else self._clock.now_ms()
        return datetime.fromtimestamp(now_ms / 1000, UTC)

    def random(self) -> float:
        """A number in [0, 1), the same again on replay: derived from who calls and how often it has (Z-17)."""
        return int.from_bytes(self._chance("random")[:8], "big") / 2**64

    def uuid(self) -> str:
        """A UUID as text, the same again on replay. In a task it does not depend on the attempt, so it is an
        idempotency key (Z-17).
        """
        return str(UUID(bytes=self._chance("uuid")[:16], version=4))

    def node(self, id: str) -> NodeView:  # noqa: A002
        """What is known of the node with this explicit id, looked up from the nearest identity scope outward."""
        return NodeView(self._store, self._nodes, id, active("ctx.node"))

    def use_effect(self, id: str, *, deps: Any, fn: Callable[..., Any]) -> None:  # noqa: A002
        """Run `fn` after the commit of a frame in which `deps` (any storable value) changed; it may return a cleanup.

        Raises:
            ContextError: outside render.
            StateValueError: the deps have no JSON form.
        """
        activity = active("ctx.use_effect")
        if activity.kind != "render":
            raise ContextError(
                "ctx.use_effect was called outside render",
                hint="Call it in a component, on every run of it.",
                where=activity.where(),
            )
        text = encode(f"deps of effect {id}", deps)[0]
        activity.effects.append(EffectUse(id, text, fn, call_site(sys._getframe(1))))

    def _chance(self, what: str) -> bytes:
        activity = active(f"ctx.{what}")
        seed = activity.scope_seed if activity.kind == "render" else activity.uuid_seed
        if not seed:
            raise ContextError(f"ctx.{what} has nothing to derive from here", where=activity.where())
        return sha256(f"{self.execution_id}\0{seed}\0{what}\0{activity.next_call()}".encode()).digest()


def signal_hook(node: SignalNode, value: Any, is_update: bool) -> None:
    """For `Runtime(on_write=…)`: a Signal's write inside an execution is queued until the flush (Z-24).

    Raises:
        ContextError: outside handler, effect and task, or after they were over.
        WriteInRenderError: in an untracked part of a render.
    """
    activity = active("Signal.set")
    activity.check_write("Signal.set", state=False)
    activity.queue(SignalSet(node, value, is_update))
