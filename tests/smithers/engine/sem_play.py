"""Run a plan on the real engine and look at everything it left, while every frame is held against the invariants.

`play` drives `run_plan` on a real database. After each frame it checks what must always hold: the plan rebuilt from the
frame's patches is the mounted tree, patches go back as well as forward, the plan hash is the sum of its nodes, the
progress counters are what a recount gives, the reactive graph is sound. After the run it checks the database.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence import reads
from smithers_persistence.frame_store import PlanTree, deltas, plan_at
from smithers_persistence.state_fold import current_state, state_at
from smithers_persistence.verify import verify
from smithers_py import Task
from smithers_py.engine.flush import flat_plan
from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.launch import StopRequest
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.reconcile import _digest
from smithers_py.engine.results import RunResult
from smithers_py.engine.run import Limits, Run
from smithers_py.engine.triggers import Trigger
from smithers_py.state.actions import Batch, Delete, Set
from smithers_py.state.codec import decode, encode
from smithers_py.testing import run_plan
from smithers_reactive.invariants import check_invariants

FAST = Limits(idle_timeout_ms=0, grace_ms=500)


class Watch(StopRequest):
    """Sees the run from inside: what a front may see (Observer), and the mounted tree behind it (StopRequest)."""

    def __init__(self, check: bool, on_frame: Callable[["Watch", FrameReport], None] | None) -> None:
        super().__init__()
        self.run: Run | None = None
        self.frames: list[FrameReport] = []
        self.logs: list[tuple[str, str]] = []
        self.lines: list[tuple[str, str]] = []
        self.flats: list[list[Any]] = []
        self.check = check
        self.on_frame = on_frame
        self.tree = PlanTree()

    def attach(self, run: Run) -> None:
        self.run = run
        super().attach(run)

    def started(self, execution_id: str, name: str) -> None:
        self.execution_id = execution_id

    def frame(self, report: FrameReport) -> None:
        assert self.run is not None
        self.frames.append(report)
        if self.check:
            before = self.tree.flat()
            delta = orjson.dumps(report.patches)
            self.tree.apply(delta)
            after = self.tree.flat()
            assert after == orjson.loads(orjson.dumps(flat_plan(self.run))), "the patches are not the plan"
            self.tree.revert(delta)
            assert self.tree.flat() == before, "the patches do not go back"
            self.tree.apply(delta)
            self.flats.append(after)
            check_tree(self.run)
        if self.on_frame is not None:
            self.on_frame(self, report)

    def output(self, node_id: str, stream: str, line: str) -> None:
        self.lines.append((node_id, line))

    def log(self, level: str, message: str) -> None:
        self.logs.append((level, message))

    def ended(self, result: RunResult) -> None:
        pass

    # -- acting as an operator ----------------------------------------------------------------------------------

    def write(self, **values: Any) -> None:
        """Queue state from outside the plan, as `smithers set` does; DELETE takes a key away."""
        assert self.run is not None
        actions = [Delete(key) if value is DELETE else Set(key, *encode(key, value)) for key, value in values.items()]
        self.run.operator.append(Batch(None, None, "set", list(actions), self.run.next_frame, "operator"))
        self.run.post(Trigger("operator", "set"))


DELETE = object()
TIMEOUT = 20
"""Seconds after which a run that hangs fails its test."""


def check_tree(run: Run) -> None:
    """What must hold of the mounted tree between two frames."""
    tree = run.tree
    everything = list(tree.root.walk())
    mounted = [inst for inst in everything if not inst.is_root]
    assert len(mounted) == len(tree.by_id)
    assert all(tree.by_id[inst.node_id] is inst and inst.alive for inst in mounted)
    assert tree.plan_hash == sum(_digest(inst) for inst in mounted) % 2**128
    for inst in reversed(everything):
        counts = [0, 0, 0, 0]
        for child in inst.children:
            assert child.parent is inst
            assert child.depth == inst.depth + 1
            counts = [a + b for a, b in zip(counts, child.weight(), strict=True)]
        assert counts == [inst.total, inst.unreached, inst.settled, inst.failed], f"counters of {inst}"
        for previous, child in zip([None, *inst.children], inst.children, strict=False):
            assert child.after == (previous.node_id if previous else None)
    for kind, lane in tree.root.extra.lanes.items():
        items = [inst for inst in mounted if inst.kind is kind and inst.context is tree.root and inst.reached]
        assert lane == [
            sum(inst.outcome is Outcome.OPEN for inst in items),
            sum(inst.outcome is Outcome.FAILED for inst in items),
        ], f"lane {kind}"
    scopes = [inst.scope for inst in everything if inst.scope is not None]
    check_invariants(run.rt, [*scopes, *{id(dep): dep for scope in scopes for dep in scope.deps}.values()])
    for scope in scopes:
        assert all(scope in dep.subs for dep in scope.deps)
        for dep in scope.deps:
            assert all(getattr(sub, "owner", None) is None or sub.owner.alive for sub in dep.subs), "a leaked reader"


@dataclass
class Play:
    """A finished run and its database."""

    result: RunResult
    path: Path
    watch: Watch
    _rows: sqlite3.Connection | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        return self.result.execution_id

    def read(self, fn: Callable[..., Any], *args: Any, **more: Any) -> Any:
        conn = sqlite3.connect(self.path)
        try:
            return fn(conn, *args, **more)
        finally:
            conn.close()

    @property
    def state(self) -> dict[str, Any]:
        """The plan's own keys at the end."""
        texts = self.read(current_state, self.id)
        return {key: decode(text, key) for key, text in texts.items() if not key.startswith("$")}

    def state_at(self, frame: int) -> dict[str, Any]:
        """What frame `frame` saw, the engine's keys too."""
        return {key: decode(text, key) for key, text in self.read(state_at, self.id, frame).items()}

    def transitions(self, key: str | None = None) -> list[Any]:
        found = self.read(reads.transitions, self.id, key=key)
        return [row for row in found if key is not None or not row.key.startswith("$")]

    def history(self, node_id: str) -> list[str]:
        """The statuses a node went through, from the transitions."""
        values = [orjson.loads(row.new_value_json) for row in self.transitions(f"$node/{node_id}")]
        return [value if isinstance(value, str) else value["status"] for value in values]

    @property
    def frames(self) -> list[Any]:
        return self.read(reads.frames, self.id)

    @property
    def nodes(self) -> list[Any]:
        return self.read(reads.nodes, self.id)

    @property
    def tasks(self) -> list[Any]:
        return self.read(reads.tasks, self.id)

    @property
    def attempts(self) -> list[Any]:
        return self.read(reads.attempts, self.id)

    @property
    def events(self) -> list[Any]:
        return self.read(reads.events, self.id)

    @property
    def effects(self) -> list[Any]:
        return self.read(reads.effects, self.id)

    @property
    def execution(self) -> Any:
        return self.read(reads.get_execution, self.id)

    def node(self, asked: str) -> Any:
        """The latest row of the node of that id, or the only one of that name."""
        rows = [row for row in self.nodes if asked in (row.node_id, row.name)]
        assert rows, f"no node {asked}"
        return rows[-1]

    def status(self, asked: str) -> str:
        return self.node(asked).status

    def task(self, node_id: str) -> Any:
        return [row for row in self.tasks if row.node_id == node_id][-1]

    def plan(self, frame: int | None = None) -> list[Any]:
        """The plan after a frame, rebuilt from the database: [id, parent, type, name, props]."""
        return self.read(
            lambda conn: plan_at(conn, self.id, self.execution.head_frame if frame is None else frame).flat()
        )

    def shape(self, frame: int | None = None) -> list[tuple[str, str | None]]:
        """(type, name or text) of the plan, in order."""
        return [(row[2], row[3] or (row[4]["value"] if row[2] == "Text" else None)) for row in self.plan(frame)]

    @property
    def deltas(self) -> dict[int, list[Any]]:
        found = self.read(lambda conn: list(deltas(conn, self.id, -1, reads.LAST_FRAME)))
        return {frame: orjson.loads(delta) for frame, delta in found}


def play(
    app: Any,
    folder: Path,
    *,
    limits: Limits = FAST,
    check: bool = True,
    healthy: bool = True,
    on_frame: Callable[[Watch, FrameReport], None] | None = None,
    hold: "Hold | None" = None,
    **more: Any,
) -> Play:
    """Run `app` to its end in a database of its own in `folder`; more: what `run_plan` takes."""
    watch = Watch(check, on_frame)
    if hold is not None:
        hold.watch = watch
    path = folder / f"run{len(list(folder.glob('run*')))}" / "db.sqlite"
    path.parent.mkdir()
    result = asyncio.run(
        asyncio.wait_for(run_plan(app, db_path=path, limits=limits, observer=watch, stop=watch, **more), TIMEOUT)
    )
    played = Play(result, path, watch)
    if healthy:
        assert played.read(verify) == []
    return played


class Gate:
    """Tasks that end when the test says so: `Task(gate.wait("a"))` goes on after `gate.open("a")`."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self.entered: list[str] = []
        self.cancelled: list[str] = []

    def _event(self, name: str) -> asyncio.Event:
        return self._events.setdefault(name, asyncio.Event())

    def wait(self, name: str, value: Any = None) -> Callable[..., Any]:
        async def waiting() -> Any:
            self.entered.append(name)
            try:
                await self._event(name).wait()
            except asyncio.CancelledError:
                self.cancelled.append(name)
                raise
            return value

        return waiting

    def meet(self, name: str, count: int) -> Callable[..., Any]:
        """A task that ends once `count` of its name run at the same time."""

        async def meeting() -> None:
            self.entered.append(name)
            if self.entered.count(name) >= count:
                self.open(name)
            await self._event(name).wait()

        return meeting

    def open(self, *names: str) -> None:
        for name in names:
            self._event(name).set()


class Hold:
    """Lets `count` tasks of a plan end together; a plan shows `hold.task()` and makes the others of `hold.body`.

    The handler of `hold.task()` frees the bodies and keeps its frame open until all of their results have arrived, so
    that one later frame handles them all.
    """

    def __init__(self, count: int, *, reverse: bool = False) -> None:
        self.count = count
        self.reverse = reverse
        self.watch: Watch | None = None
        self._free = asyncio.Event()

    def task(self) -> Task:
        return Task(nothing, id="hold", on_finished=self._release)

    def body(self, value: Any = None) -> Callable[..., Any]:
        async def waiting() -> Any:
            await self._free.wait()
            return value

        return waiting

    async def _release(self, _: Any) -> None:
        self._free.set()
        assert self.watch is not None
        assert self.watch.run is not None
        while len(self.watch.run.inbox) < self.count:  # noqa: ASYNC110 - the engine's inbox tells nobody
            await asyncio.sleep(0.001)
        if self.reverse:
            self.watch.run.inbox.reverse()


class Calls:
    """Counts what the plan itself ran, outside of the engine."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def __call__(self, name: str) -> None:
        self.names.append(name)

    def count(self, name: str) -> int:
        return self.names.count(name)

    def take(self) -> list[str]:
        taken, self.names = self.names, []
        return taken


def nothing() -> None:
    """A Task that does nothing."""


def instance(watch: Watch, node_id: str) -> Instance:
    assert watch.run is not None
    return watch.run.tree.by_id[node_id]
