"""What is running right now, and so what `ctx` may do (Z-13, Z-15, DESIGN §4).

`ctx` is one object for the whole execution. Who uses it is told by `current`, a context variable: asyncio tasks and
worker threads get their own copy of it, so two handlers never see each other's activity.
"""

import sys
from contextvars import ContextVar
from pathlib import Path
from threading import Lock
from typing import Any, Literal, Protocol

from smithers_py.errors import ContextError, StateActionError, WriteInRenderError
from smithers_py.state.actions import Action
from smithers_py.where import Where


class Owner(Protocol):
    """What an activity belongs to."""

    def path(self) -> str:
        """Where it stands in the plan, as messages name it."""
        ...


ActivityKind = Literal["render", "handler", "effect", "task", "tool", "operator"]

_OWN = str(Path(__file__).parent.parent)


class Activity:
    """One run of a component, handler, effect body or task body: who it is, and the actions it has queued.

    `frame` is the frame it belongs to. `uuid_seed` is the task's id without its attempt (Z-17). `now_ms` is ms since
    the Unix epoch, None where the clock is live. `owner` is the engine's own object for whatever is running: it tells
    its path in the plan, and the engine's node resolver gets it back. `vol_only` is set for `on_progress`, which may
    not write state (Z-0).
    """

    __slots__ = (
        "_lock",
        "actions",
        "call_index",
        "closed",
        "component",
        "effects",
        "frame",
        "handler",
        "kind",
        "node_id",
        "now_ms",
        "owner",
        "scope_seed",
        "source",
        "used_clock",
        "uuid_seed",
        "vol_only",
    )

    def __init__(
        self,
        kind: ActivityKind,
        node_id: str | None = None,
        handler: str | None = None,
        *,
        frame: int = 0,
        uuid_seed: str = "",
        now_ms: int | None = None,
        owner: Owner | None = None,
        vol_only: bool = False,
    ) -> None:
        self.kind: ActivityKind = kind
        self.node_id = node_id
        self.handler = handler
        self.frame = frame
        self.uuid_seed = uuid_seed
        self.now_ms = now_ms
        self.owner = owner
        self.vol_only = vol_only
        self.actions: list[Action] = []
        self.closed = False
        self.call_index = 0
        self.scope_seed = ""
        self.used_clock = False
        self.effects: list[Any] = []
        self.component: str | None = None
        self.source: tuple[str, int] | None = None
        self._lock = Lock()

    def enter_scope(
        self,
        seed: str,
        now_ms: int,
        *,
        node_id: str | None = None,
        component: str | None = None,
        source: tuple[str, int] | None = None,
        owner: Owner | None = None,
    ) -> None:
        """Point a render activity at the scope that is about to run.

        `seed` is "execution/node_id/mounted_frame"; `component` is the path shown in errors, `source` its file:line.
        Queued `init` actions and effects are left as they are: take them with `take_actions` and `take_effects`.
        """
        self.scope_seed = seed
        self.now_ms = now_ms
        self.node_id = node_id
        self.component = component
        self.source = source
        self.owner = owner
        self.used_clock = False
        self.call_index = 0

    def take_actions(self) -> list[Action]:
        """The actions queued since the last call, in order; the activity keeps none of them."""
        with self._lock:
            taken, self.actions = self.actions, []
        return taken

    def take_effects(self) -> list[Any]:
        """The `use_effect` calls since the last call, in order."""
        taken, self.effects = self.effects, []
        return taken

    def close(self) -> list[Action]:
        """End it: from now on every write through it raises, from any thread. Returns what it queued.

        Queueing and closing exclude each other, so an action is either in the answer or its writer got the error.
        """
        with self._lock:
            self.closed = True
            taken, self.actions = self.actions, []
        return taken

    def queue(self, action: Action) -> None:
        """Append an action.

        Raises:
            ContextError: the activity is over (handler returned, task cancelled or fenced).
        """
        with self._lock:
            self.check_open()
            self.actions.append(action)

    def check_open(self) -> None:
        """Raise ContextError if the activity is over."""
        if self.closed:
            raise ContextError(
                f"a write came after its {self.kind} was over, nothing was written",
                where=self.where(),
            )

    def next_call(self) -> int:
        """The index of this `random`/`uuid` call, from 0 (Z-17)."""
        with self._lock:
            index = self.call_index
            self.call_index = index + 1
        return index

    def where(self) -> Where:
        """For errors: the node and the user's line that is running."""
        place = user_line() or self.source
        file, line = place or (None, None)
        node = self.owner.path() if self.owner is not None else self.component or self.node_id
        return Where(frame=self.frame, node=node, file=file, line=line)

    def check_write(self, what: str, *, state: bool = True) -> None:
        """Whether a write is allowed here; `what` is the call as the user wrote it, `state` is False for vol and files.

        Raises:
            WriteInRenderError: the component is being rendered (F-2).
            StateActionError: `on_progress` wrote state (Z-0).
        """
        if self.kind == "render":
            raise WriteInRenderError(f"{what} was called in render", where=self.where())
        if state and self.vol_only:
            raise StateActionError(
                f"{what} was called in {self.handler or 'on_progress'}, which may write only ctx.vol",
                hint="Write state in on_finished, or use ctx.vol here.",
                where=self.where(),
            )


current: ContextVar[Activity | None] = ContextVar("smithers_activity", default=None)
"""The activity of the running code; None outside an execution's own code."""


def active(what: str) -> Activity:
    """The running activity.

    Raises:
        ContextError: there is none: `ctx` is used outside render, handler, effect and task.
    """
    activity = current.get()
    if activity is None:
        place = user_line()
        file, line = place or (None, None)
        raise ContextError(
            f"{what} was called outside render, handler, effect and task", where=Where(file=file, line=line)
        )
    return activity


def user_line() -> tuple[str, int] | None:
    """File and line (from 1) of the nearest caller outside this package."""
    frame = sys._getframe(1)
    while frame is not None:
        file = frame.f_code.co_filename
        if not file.startswith(_OWN):
            return file, frame.f_lineno
        frame = frame.f_back
    return None
