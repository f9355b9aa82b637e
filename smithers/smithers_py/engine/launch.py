"""The way in: make an execution from a script or a component, run it, say how it ended (Z-22, Z-23)."""

import asyncio
import os
import secrets
from dataclasses import dataclass, replace
from typing import Any

import orjson
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_jsonable_python

from smithers_persistence import Database, ExecutionStore, PersistenceError
from smithers_persistence.lease import Lease
from smithers_persistence.owner import owner_ident
from smithers_persistence.rows import FrameFlush, KvWrite, NewExecution, TransitionRow
from smithers_py.agents.budget import Meter
from smithers_py.clock import Clock, SystemClock
from smithers_py.dsl.component import Component, Element
from smithers_py.dsl.script import load_script
from smithers_py.engine.asking import Questions
from smithers_py.engine.commands import Commands
from smithers_py.engine.content import Content
from smithers_py.engine.drive import drive, finish
from smithers_py.engine.heartbeat import Heartbeat
from smithers_py.engine.instance import Instance
from smithers_py.engine.lookup import MountedNodes
from smithers_py.engine.observer import FrameReport, NullObserver, Observer
from smithers_py.engine.on_waiting import OnWaiting
from smithers_py.engine.results import RunResult
from smithers_py.engine.run import Ending, Limits, Run, RunOptions
from smithers_py.engine.spending import Spending, budget_text
from smithers_py.engine.step_vcs import StepVcs
from smithers_py.engine.store_errors import store_error
from smithers_py.engine.storm import StormGuard
from smithers_py.engine.tasks import Tasks
from smithers_py.engine.tree import Tree
from smithers_py.engine.triggers import Trigger
from smithers_py.engine.worktrees import Worktrees
from smithers_py.errors import ReservedKeyError, UsageError, Where
from smithers_py.ids import new_execution_id
from smithers_py.logs.event_log import EventLog, events_path
from smithers_py.state.actions import Batch, Set
from smithers_py.state.codec import encode
from smithers_py.state.context import Context, signal_hook
from smithers_py.state.files import Files
from smithers_py.state.store import StateStore
from smithers_py.version import ENGINE_VERSION
from smithers_reactive import Coalescer, Runtime

__all__ = ["RunOptions", "RunResult", "Start", "StopRequest", "create", "execute_run", "run_plan", "run_script"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """Everything an execution is made of, checked; `execution_id` and `parent_id` are given for a child (Z-11)."""

    element: Element
    options: RunOptions
    observer: Observer
    rt: Runtime
    clock: Clock
    input: Any = None
    script_hash: str | None = None
    execution_id: str | None = None
    parent_id: str | None = None
    meter: Meter | None = None
    """The parent's, for a child: what it spends is the parent's (G-6)."""


class StopRequest:
    """Lets somebody outside (Ctrl-C) end a run. `request` may be called before the run has begun."""

    def __init__(self) -> None:
        self.exit_code = 130
        """What a run that is stopped so exits with: 130 after Ctrl-C, 143 after SIGTERM (C-4)."""
        self.run: Run | None = None
        self._begun = asyncio.Event()
        self._asked: bool | None = None

    def request(self, now: bool) -> None:
        """Ask for the end: gracefully (`now` False: tasks get their grace), or at once. On the engine's thread."""
        self._asked = now if self._asked is None else self._asked or now
        run = self.run
        if run is None:
            return
        if run.ending is None:
            reason = "terminated" if self.exit_code == 143 else "interrupted"
            run.ending = Ending("stopped", self.exit_code, stop_reason=reason)
        run.on_waiting.cancel()
        if now:
            run.limits = replace(run.limits, grace_ms=0)
            for inst in list(run.tasks.running):
                run.tasks.cancel(inst)
        run.post(Trigger("stop", "interrupted"))

    async def begun(self) -> Run:
        """The run, once it has begun: for who reloads its script."""
        await self._begun.wait()
        assert self.run is not None  # noqa: S101 - attach sets both
        return self.run

    def attach(self, run: Run) -> None:
        """The run to stop from now on; a request made earlier takes effect."""
        self.run = run
        self._begun.set()
        if self._asked is not None:
            self.request(self._asked)


async def run_script(
    options: RunOptions, observer: Observer | None = None, stop: StopRequest | None = None
) -> RunResult:
    """Run the plan of a script to its end.

    Raises:
        ScriptError: the script cannot be loaded; no execution was created.
        UsageError: input or state given at the start is wrong; no execution was created.
        StoreError: the database cannot be used.
    """
    if options.script is None:
        raise UsageError("no script was given", hint="smithers run SCRIPT")
    rt = Runtime(on_write=signal_hook)
    with rt.activate():
        loaded = load_script(options.script, options.entry)
        element = Element(loaded.component, loaded.props)
        named = replace(options, name=options.name or options.script.stem)
        return await run_plan(element, named, observer, stop, rt=rt, script_hash=loaded.sha256)


async def run_plan(
    app: Component | Element,
    options: RunOptions,
    observer: Observer | None = None,
    stop: StopRequest | None = None,
    *,
    rt: Runtime | None = None,
    script_hash: str | None = None,
    clock: Clock | None = None,
) -> RunResult:
    """Run a component to its end; see `run_script`. `clock` is the tests' way to own time."""
    element = app if isinstance(app, Element) else Element(app, {})
    start = Start(
        element=element,
        options=options,
        observer=observer or NullObserver(),
        rt=rt or Runtime(on_write=signal_hook),
        clock=clock or SystemClock(),
        input=validated_input(element.component, options.input),
        script_hash=script_hash,
    )
    texts = initial_state(options.state)
    try:
        database = await Database.open(options.db_path)
    except PersistenceError as error:
        raise store_error(error) from error
    try:
        try:
            return await execute_run(await create(start, texts, database), stop)
        finally:
            await database.close()
    except PersistenceError as error:
        raise store_error(error) from error


async def execute_run(run: Run, stop: StopRequest | None = None) -> RunResult:
    """Drive a created execution to its end and record that."""
    with run.rt.activate():
        try:
            if stop is not None:
                stop.attach(run)
            run.observer.started(run.execution_id, run.name)
            if run.next_frame:
                run.observer.frame(whole_plan(run))
            await run.spending.start()
            with Heartbeat(run):
                ending = await drive(run)
                await finish(run, ending)
        finally:
            await _abandon(run)
    result = RunResult(
        run.execution_id,
        ending.status,
        ending.exit_code,
        run.next_frame,
        run.clock.now_ms() - run.started_ms,
        ending.stop_reason,
        ending.summary,
        [error.to_json() for error in run.failures.values()],
    )
    run.observer.ended(result)
    return result


def whole_plan(run: Run) -> FrameReport:
    """The plan of a resumed execution as one report: who watches has seen nothing of it."""
    nodes = [inst for inst in run.tree.root.walk() if not inst.is_root]
    patches = [["+", inst.node_id, _above(inst), inst.after, inst.type_name, inst.name, inst.props] for inst in nodes]
    return FrameReport(run.next_frame - 1, patches, [(inst.node_id, inst.status, None) for inst in nodes])


def _above(inst: Instance) -> str | None:
    return (inst.parent.node_id or None) if inst.parent else None


async def _abandon(run: Run) -> None:
    """Whatever happened: no task outlives its engine."""
    for inst in list(run.tasks.running):
        run.tasks.cancel(inst)
    jobs = [state.job for state in run.tasks.running.values() if state.job is not None]
    if jobs:
        await asyncio.wait(jobs)
    await run.on_waiting.close(leave=False)
    run.tasks.close()
    run.spending.close()
    run.commands.close()
    run.ends_log()
    run.log.close()


async def create(start: "Start", texts: dict[str, str], database: Database) -> Run:
    """Write the execution's row, with the state given at the start, and put its run together."""
    options, component = start.options, start.element.component
    now = start.clock.now_ms()
    execution_id = start.execution_id or new_execution_id(now)
    lease_ms = (options.limits or Limits()).lease_ms
    state = StateStore(start.rt)
    meter = start.meter or Meter(options.config.budget)
    initial = _apply_initial(state, {**budget_text(meter), **texts}, now)
    store = await ExecutionStore.create(
        database,
        NewExecution(
            execution_id,
            now,
            owner=f"{os.getpid()}-{secrets.token_hex(3)}",
            owner_ident=owner_ident(now, lease_ms),
            lease_expires_at=now + lease_ms,
            name=options.name or component.name,
            tags=options.tags,
            parent_id=start.parent_id,
            script=str(options.script) if options.script else None,
            script_hash=start.script_hash,
            engine_version=ENGINE_VERSION,
            root_component=f"{component.module}:{component.qualname}",
            config_json=_config(options),
            input_json=None if start.input is None else orjson.dumps(_plain(start.input)).decode(),
            initial=initial,
        ),
        lease=Lease(lease_ms, start.clock.monotonic_ms(), start.clock.monotonic_ms),
    )
    return assemble(start, state, store, now)


def assemble(start: "Start", state: StateStore, store: ExecutionStore, now: int) -> Run:
    """Put the parts of a run together."""
    options = start.options
    limits = options.limits or Limits(idle_timeout_ms=options.idle_timeout_ms)
    tree = Tree(start.rt, start.element)
    files = Files(start.rt, options.workspace)
    ctx = Context(
        execution_id=store.execution_id,
        store=state,
        files=files,
        clock=start.clock,
        input=start.input,
        nodes=MountedNodes(tree),
    )
    run = Run(
        execution_id=store.execution_id,
        name=options.name or start.element.component.name,
        limits=limits,
        clock=start.clock,
        rt=start.rt,
        tree=tree,
        content=Content(ctx, store.execution_id),
        state=state,
        files=files,
        ctx=ctx,
        store=store,
        observer=start.observer,
        coalescer=Coalescer(limits.throttle_ms, start.clock.monotonic_ms),
        log=EventLog(events_path(options.db_path.parent, store.execution_id)),
        options=options,
        started_ms=now,
    )
    run.ends_log = store.db.on_commit(run.log.flush)
    run.tasks = Tasks(run)
    run.storm = StormGuard(limits)
    run.questions = Questions(run)
    run.on_waiting = OnWaiting(run)
    run.commands = Commands(run)
    run.spending = Spending(run, start.meter)
    run.worktrees = Worktrees(run)
    run.step_vcs = StepVcs(run)
    files.folder_of = run.worktrees.folder_of
    return run


def validated_input(component: Component, given: Any) -> Any:
    """The run's input as the plan's model, if it has one (Z-14).

    Raises:
        UsageError: the input does not fit; names the fields.
    """
    model = component.input_model
    if model is None:
        return given
    try:
        value: BaseModel = TypeAdapter(model).validate_python({} if given is None else given)
    except ValidationError as error:
        fields = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'input'}: {one['msg']}" for one in error.errors())
        raise UsageError(
            f"the input does not fit {model.__name__} of {component.name}: {fields}",
            hint="Pass --input with a JSON object of these fields.",
            where=Where(node=component.name, file=component.source[0], line=component.source[1]),
        ) from error
    return value


def _plain(given: Any) -> Any:
    """The input as stored: JSON; a resume validates it against the plan's model again."""
    try:
        return to_jsonable_python(given)
    except PydanticSerializationError as error:
        raise UsageError(
            f"the input cannot be stored: {error}", hint="Pass JSON values or a Pydantic model."
        ) from error


def initial_state(given: dict[str, Any]) -> dict[str, str]:
    """Encoded values of `--state`.

    Raises:
        ReservedKeyError, StateValueError: nothing was created.
    """
    for key in given:
        if key.startswith("$"):
            raise ReservedKeyError(key)
    return {key: encode(key, value)[0] for key, value in given.items()}


def _apply_initial(state: StateStore, texts: dict[str, str], now: int) -> FrameFlush | None:
    """State given at the start: transitions of frame -1 (Z-15)."""
    if not texts:
        return None
    actions: list[Any] = [Set(key, text) for key, text in texts.items()]
    plan = state.plan_flush([Batch(None, None, "--state", actions, -1, "operator")])
    state.publish(plan)
    return FrameFlush(
        [TransitionRow(change.key, None, change.new_text, now, trigger=change.trigger) for change in plan.changes],
        [
            KvWrite(change.key, change.kv.value_text, now, change.kv.type_name, change.kv.is_keyframe, index)
            for index, change in enumerate(plan.changes)
            if change.kv is not None
        ],
        plan.state_hash,
        keys_written=plan.keys_written,
    )


def _config(options: RunOptions) -> str:
    config: dict[str, Any] = {
        "model": options.model if isinstance(options.model, str) else None,
        "entry": options.entry,
        "workspace": str(options.workspace),
        # A resume keeps the budget; how long to stay idle is about who waits, not about the execution.
        "flags": {section: given for section, given in options.config.given.items() if section != "limits"} or None,
    }
    return orjson.dumps({key: value for key, value in config.items() if value is not None}).decode()
