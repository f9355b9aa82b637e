"""One running execution: the parts that the seven phases share. No behaviour of its own beyond small accessors."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson

from smithers_persistence import ExecutionStore
from smithers_persistence.rows import EventRow, FinishedTask, FrameWrite, PhaseTimes
from smithers_py.clock import Clock
from smithers_py.config import Config, LimitsConfig
from smithers_py.engine.content import Content
from smithers_py.engine.instance import Instance
from smithers_py.engine.observer import Observer
from smithers_py.engine.owed import Owed
from smithers_py.engine.results import TaskResult
from smithers_py.engine.tree import Tree
from smithers_py.engine.triggers import THROTTLED, Trigger
from smithers_py.errors import SmithersError
from smithers_py.logs.event_log import EventLog
from smithers_py.state.actions import Action, Batch
from smithers_py.state.context import Context
from smithers_py.state.files import Files
from smithers_py.state.store import StateStore
from smithers_reactive import Coalescer, Runtime

if TYPE_CHECKING:
    from smithers_py.engine.asking import Questions
    from smithers_py.engine.commands import Commands
    from smithers_py.engine.on_waiting import OnWaiting
    from smithers_py.engine.spending import Spending
    from smithers_py.engine.step_vcs import StepVcs
    from smithers_py.engine.storm import StormGuard
    from smithers_py.engine.task_state import Claim
    from smithers_py.engine.tasks import Tasks
    from smithers_py.engine.worktrees import Worktrees


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of an execution. Times in ms, counts in pieces."""

    idle_timeout_ms: int = 500
    handler_timeout_ms: int = 30_000
    grace_ms: int = 5_000
    throttle_ms: int = 250
    max_tasks: int = 32
    """Task and Command attempts that run at once (Z-10)."""
    max_agents: int = 32
    """Agents at once. How many of them ask a model at the same moment is `max_model_calls`."""
    max_model_calls: int = 10
    """Requests to models at once, of all executions of the process (E-2)."""
    storm_frames: int = 100
    storm_repeats: int = 3
    lease_ms: int = 30_000
    heartbeat_ms: int = 10_000


def limits_from(config: LimitsConfig) -> Limits:
    """The limits of a run: what a configuration sets, our own for the rest."""
    fields: dict[str, int] = {}
    for name, value in config.model_dump(exclude_none=True).items():
        plain = name.removesuffix("_seconds")
        fields[name if plain == name else f"{plain}_ms"] = value if plain == name else round(value * 1000)
    return Limits(**fields)


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `smithers run` was asked. `idle_timeout_ms`: how long nothing must happen before the run counts as ended."""

    script: Path | None
    db_path: Path
    entry: str | None = None
    state: dict[str, Any] = field(default_factory=dict)
    input: Any = None
    model: Any = None
    idle_timeout_ms: int = 500
    name: str | None = None
    tags: tuple[str, ...] = ()
    workspace: Path = field(default_factory=Path.cwd)
    strict: bool = False
    limits: Limits | None = None
    wait: bool = True
    """False: when only people are waited for, leave the execution waiting and end (P-2)."""
    config: Config = field(default_factory=Config)
    """Models' short names, budget, tool policy and MCP servers; its `limits` are taken over by `limits_from`."""


@dataclass(slots=True)
class Completion:
    """A task attempt that ended and is already recorded (record 2 of H-3)."""

    inst: Instance
    outcome: str
    """"succeeded", "failed", "cancelled", or "retry" (it will run again later)."""
    result: TaskResult | None = None
    error: SmithersError | None = None
    actions: list[Action] = field(default_factory=list)


@dataclass(slots=True)
class ToolWrites:
    """What a tool call of an agent wrote, journaled with its checkpoint; the next flush applies it (Z-0)."""

    inst: Instance
    turn: int
    call_id: str
    actions: list[Action]


@dataclass(slots=True)
class Ending:
    """Why the execution ends."""

    status: str
    exit_code: int
    stop_reason: str | None = None
    summary: Any = None
    status_reason: str | None = None


@dataclass(slots=True)
class Run:
    """Everything that belongs to one execution while an engine owns it."""

    execution_id: str
    name: str
    limits: Limits
    clock: Clock
    rt: Runtime
    tree: Tree
    content: Content
    state: StateStore
    files: Files
    ctx: Context
    store: ExecutionStore
    observer: Observer
    coalescer: Coalescer[Trigger]
    log: EventLog
    options: RunOptions
    ends_log: Callable[[], None] = field(init=False)
    """Ends what writes the log file at each commit."""
    tasks: Tasks = field(init=False)
    storm: StormGuard = field(init=False)
    spending: Spending = field(init=False)
    questions: Questions = field(init=False)
    on_waiting: OnWaiting = field(init=False)
    commands: Commands = field(init=False)
    worktrees: Worktrees = field(init=False)
    step_vcs: StepVcs = field(init=False)
    next_frame: int = 0
    times: PhaseTimes | None = None
    """What the last frame's phases took; its row gets them with the next write."""
    started_ms: int = 0
    inbox: deque[Completion] = field(default_factory=deque)
    """Completions that no frame has handled yet."""
    idle: bool = False
    """True while no frame is under way and the next trigger starts one at once."""
    unrecorded: list[FinishedTask] = field(default_factory=list)
    """Ends of attempts (record 2) that came while idle: the frame that they start writes them, mostly in one
    transaction with what it decides."""
    progress: dict[Instance, list[Any]] = field(default_factory=dict)
    """Stream events waiting for an `on_progress` handler."""
    boundary: deque[Callable[[], Awaitable[None]]] = field(default_factory=deque)
    """What waits to be done between two frames."""
    cascade: set[str] = field(default_factory=set)
    """Nodes that run again because the script changed: what depends on them follows (plan_change.py)."""
    cascade_keys: set[str] = field(default_factory=set)
    """What such nodes have written since anybody looked."""
    owed: Owed = field(default_factory=Owed)
    """What the next frame does besides what its render finds."""
    tool_writes: list[ToolWrites] = field(default_factory=list)
    """Of agents that go on working, waiting for a flush."""
    operator: list[Batch] = field(default_factory=list)
    blocked: dict[Instance, None] = field(default_factory=dict)
    """Running tasks that wait for something, or no longer, since the last flush."""
    paused: bool = False
    """Frames and handlers go on, nothing starts (Z-21)."""
    pausing: bool | None = None
    """What a parent execution's pause or unpause asks of this one; the next frame does it."""
    children: list[Run] = field(default_factory=list)
    """Child executions that run now (Z-11)."""
    standing: str = "running"
    """The status as stored: running, waiting or paused."""
    parent_told: Callable[[str | None], None] | None = None
    """Of a child execution: tells its parent's node what it waits for, None when it goes on."""
    held: list[FrameWrite] = field(default_factory=list)
    """The write of a frame that goes in the transaction of the next one; see commit.py."""
    landing: Claim | None = None
    """While the last frame's commit is on its way to the disk, and the engine went on; see commit.py."""
    failures: dict[str, SmithersError] = field(default_factory=dict)
    """Unhandled failures by node_id ("": of the whole run), in the order in which they were flushed. The last word on a
    node counts: what succeeded afterwards has not failed."""
    ending: Ending | None = None
    fatal: BaseException | None = None
    """The store failed or the lease is lost: the engine stops at once (F-6)."""
    chance: random.Random = field(default_factory=random.Random)

    @property
    def suspending(self) -> bool:
        """The engine leaves, and the execution goes on waiting: attempts are put back, not ended."""
        return self.ending is not None and self.ending.status == "waiting"

    def take_unrecorded(self) -> list[FinishedTask]:
        """The ends to write now; whoever takes them writes them before anything that follows from them."""
        taken, self.unrecorded = self.unrecorded, []
        return taken

    def take_held(self) -> list[FrameWrite]:
        """The write that waits for company, its frame's times complete by now; whoever takes it writes it first."""
        taken, self.held = self.held, []
        return taken

    async def arrived(self) -> None:
        """Wait until the frame that is on its way to the disk is there.

        Raises:
            StoreFailed, LostLease: it was not written; the execution ends (F-6).
        """
        if self.landing is not None:
            await asyncio.wait([self.landing.waiter()])
            if self.fatal is not None:
                raise self.fatal

    async def landed(self) -> None:
        """Wait until every frame so far is on disk: that, and the one that waits for company. Raises as `arrived`."""
        await self.arrived()
        if self.held:
            await self.store.commit(*self.take_held())
            self.times = None

    def post(self, trigger: Trigger) -> None:
        """Ask for a turn. Safe from any thread."""
        self.coalescer.post(trigger, immediate=trigger.kind not in THROTTLED)

    async def at_boundary(self, work: Callable[[], Awaitable[T]]) -> T:
        """The result of `work`, done between two frames; raises what it raises. From the engine's thread."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        async def do() -> None:
            try:
                value = await work()
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
                if not done.done():
                    done.set_exception(error)
            else:
                if not done.done():
                    done.set_result(value)

        self.boundary.append(do)
        self.post(Trigger("operator", "boundary"))
        return await done

    def fail(self, error: BaseException) -> None:
        """Stop the engine with an error that no plan can handle. Safe from the engine's thread only."""
        if self.fatal is None:
            self.fatal = error
        self.post(Trigger("stop", type(error).__name__))

    def event(
        self,
        type: str,  # noqa: A002 - the column's name
        node_id: str | None = None,
        *,
        level: str = "info",
        payload: str | None = None,
    ) -> EventRow:
        """An event row of now, for the caller's transaction; the log file gets it with the next commit."""
        now = self.clock.now_ms()
        entry: dict[str, Any] = {
            "timestamp": now,
            "execution_id": self.execution_id,
            "level": level,
            "type": type,
            "node_id": node_id,
        }
        if payload is not None:
            entry["payload"] = orjson.Fragment(payload)
        self.log.write(entry)
        return EventRow(type, now, payload, node_id, None, level)
