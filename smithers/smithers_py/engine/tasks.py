"""Task attempts: the queue of what may start, slots, and the coroutine that carries one attempt to its record.

The three records of H-3: *claimed* is written by the frame's commit before an attempt's work begins; *finished* is
written here the moment it ends, and only then does the engine hear of it; *handled* is written by a flush.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial

import orjson

from smithers_persistence.crash import crash_point
from smithers_persistence.rows import FinishedTask, RetryLater
from smithers_py.engine.asking import OF_PEOPLE, RESTS, Blocked
from smithers_py.engine.control import TaskControl
from smithers_py.engine.instance import Instance
from smithers_py.engine.journal import journal_text
from smithers_py.engine.perform import Performed, perform
from smithers_py.engine.results import TaskResult
from smithers_py.engine.run import Completion, Run
from smithers_py.engine.signature import signature_of
from smithers_py.engine.stored_error import error_text
from smithers_py.engine.task_state import Claim, TaskState
from smithers_py.engine.triggers import Trigger
from smithers_py.errors import BudgetExceeded, SmithersError, StateValueError, TaskError
from smithers_py.state.activity import Activity, current
from smithers_py.state.codec import encode
from smithers_py.where import an, user_location
from smithers_py.workers.pool import DaemonPool
from smithers_py.workers.retry import backoff_ms, is_retryable

_AGENTS = ("Claude", "Agent")
_WAITERS = ("Human", "Timer")
_DEFAULT_RETRIES = {"Claude": 3, "Agent": 3}
_UNTOLD_MS = 10
"""How soon a retry is looked at again whose failure no frame has handled yet."""


class Tasks:
    """All work of one execution. Everything but `TaskControl.emit` runs on the engine's thread."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.pool = DaemonPool(max_threads=run.limits.max_tasks)
        self.waiting: deque[Instance] = deque()
        self.waiting_agents: deque[Instance] = deque()
        self.waiting_free: deque[Instance] = deque()
        """Human and Timer: they hold no slot."""
        self.running: dict[Instance, TaskState] = {}
        self.workers = 0
        """Tasks and Commands that hold a slot: those that run and are not blocked."""
        self.agents = 0
        """Agents that hold a slot."""
        self.resting = 0
        """Running ones that wait for a person or a time."""
        self.of_people = 0
        """Running ones that wait for a person."""
        self.sleeping: dict[Instance, TaskState] = {}
        """Attempts that wait for their retry time."""

    @property
    def busy(self) -> bool:
        """Anything runs, waits for a slot, or will be tried again."""
        return bool(self.running or self.queued or self.sleeping)

    @property
    def queued(self) -> int:
        """How many wait for a slot."""
        return len(self.waiting) + len(self.waiting_agents) + len(self.waiting_free)

    @property
    def only_rests(self) -> bool:
        """There is work, and all of it waits for people or times."""
        return bool(self.running) and self.resting == len(self.running) and not (self.queued or self.sleeping)

    @property
    def only_people(self) -> bool:
        """There is work, and all of it waits for people."""
        return self.only_rests and self.of_people == len(self.running)

    def enqueue(self, ready: Sequence[Instance], now_ms: int) -> None:
        """Queue runnables whose turn came, in plan order."""
        for inst in ready:
            inst.status = "scheduled"
            inst.extra = TaskState(now_ms, self.run.clock.monotonic_ms())
            inst.extra.signature = signature_of(inst.desc)
            self._queue_of(inst).append(inst)

    def put_back(self, inst: Instance, state: TaskState, retry_in_ms: int | None) -> None:
        """Queue the work of a stored task again (resume): now, or when its retry is due."""
        inst.extra = state
        if retry_in_ms is not None and retry_in_ms > 0:
            inst.status = "blocked"
            self._sleep(inst, state, retry_in_ms)
        else:
            inst.status = "scheduled"
            self._queue_of(inst).append(inst)

    def choose(self) -> list[Instance]:
        """Take from the queues what has a slot now (Z-10: 32 tasks; E-2: 10 model runs). While paused: nothing."""
        chosen: list[Instance] = []
        if self.run.paused:
            for queue in (self.waiting, self.waiting_agents, self.waiting_free):
                if not all(inst.alive for inst in queue):
                    # What has left the plan will never be taken, and would keep the run from ending.
                    alive = [inst for inst in queue if inst.alive]
                    queue.clear()
                    queue.extend(alive)
            return chosen
        limits = self.run.limits
        for queue, slots in (
            (self.waiting, limits.max_tasks - self.workers),
            (self.waiting_agents, limits.max_agents - self.agents),
            (self.waiting_free, len(self.waiting_free)),
        ):
            until = len(chosen) + slots
            while queue and len(chosen) < until:
                inst = queue.popleft()
                if inst.alive and inst.status in ("scheduled", "blocked"):
                    chosen.append(inst)
        return chosen

    def start(self, inst: Instance, claim: Claim | None = None) -> None:
        """Start an attempt whose claim is on disk, or (`claim`) on its way there: then its work waits for that; when it
        is lost instead, the attempt never was.
        """
        state: TaskState = inst.extra
        state.claim = claim
        self.running[inst] = state
        state.blocked = None
        self._account(inst, state, 1)
        state.started_ms = self.run.clock.now_ms()
        state.over = False
        state.job = asyncio.create_task(self._attempt(inst, state), name=f"task {inst.path_name}")

    def cancel(self, inst: Instance) -> None:
        """Stop a running or waiting attempt; the record says cancelled (T-7)."""
        state = inst.extra
        if not isinstance(state, TaskState):
            return
        if state.timer is not None:
            state.timer.cancel()
            self.sleeping.pop(inst, None)
        self._insist(state)
        if self.run.limits.grace_ms == 0:
            # Two cancellations at once are one: without grace it must not stay in the waiting that the first begins.
            asyncio.get_running_loop().call_soon(self._insist, state)

    @staticmethod
    def _insist(state: TaskState) -> None:
        if state.job is not None and not state.over:
            state.job.cancel()

    def withdraw(self, inst: Instance) -> bool:
        """Take one that has not started out of its queue; False when it is in none."""
        state = self.sleeping.pop(inst, None)
        if state is not None and state.timer is not None:
            state.timer.cancel()
        for queue in (self.waiting, self.waiting_agents, self.waiting_free):
            if inst in queue:
                queue.remove(inst)
                return True
        return state is not None

    def block(self, inst: Instance, reason: str | None, until_ms: int | None = None) -> None:
        """A running task waits for something, or (None) goes on. What goes on does not wait for a slot again."""
        state = inst.extra
        blocked = None if reason is None else Blocked(reason, until_ms)
        if self.running.get(inst) is not state or state.blocked == blocked:
            return
        self._account(inst, state, -1)
        state.blocked = blocked
        self._account(inst, state, 1)
        self.run.blocked[inst] = None
        self.run.post(Trigger("task", inst.node_id))

    def _account(self, inst: Instance, state: TaskState, by: int) -> None:
        """Count what a running task holds, or what it waits for."""
        if state.blocked is not None:
            self.resting += by * (state.blocked.reason in RESTS)
            self.of_people += by * (state.blocked.reason in OF_PEOPLE)
        elif inst.type_name in _AGENTS:
            self.agents += by
        elif inst.type_name not in _WAITERS:
            self.workers += by

    def _left(self, inst: Instance, state: TaskState) -> None:
        """The attempt is over."""
        if self.running.pop(inst, None) is not None:
            self._account(inst, state, -1)

    async def cancel_all(self) -> None:
        """Cancel everything and wait until each attempt is recorded."""
        jobs = [state.job for state in self.running.values() if state.job is not None]
        if jobs:
            # One that was cancelled before its first step would leave no record.
            await asyncio.sleep(0)
        for inst in [*self.running, *self.sleeping]:
            self.cancel(inst)
        self.waiting.clear()
        self.waiting_agents.clear()
        self.waiting_free.clear()
        if jobs:
            await asyncio.wait(jobs)

    def close(self) -> None:
        """Let the worker threads go."""
        self.pool.close()

    # -- one attempt --------------------------------------------------------------------------------------------

    async def _attempt(self, inst: Instance, state: TaskState) -> None:
        run = self.run
        activity = Activity(
            "task",
            inst.node_id,
            "task",
            frame=inst.mounted_frame,
            uuid_seed=f"{run.execution_id}/{inst.node_id}/{inst.mounted_frame}",
            owner=inst,
        )
        current.set(activity)
        control = TaskControl(run, inst, state.attempt)
        done, error, outcome = Performed(), None, "succeeded"
        try:
            done = await perform(run, inst, control, self.pool, partial(_begin, state))
            result_json = _result_json(inst, done)
        except asyncio.CancelledError:
            outcome, result_json = "cancelled", None
        except SmithersError as caught:
            outcome, result_json = "failed", None
            source = user_location(caught) or inst.desc.source or (None, None)
            error = caught.locate(execution_id=run.execution_id, node=inst.path(), file=source[0], line=source[1])
            if isinstance(error, BudgetExceeded) and error.whole:
                # Not its own failure: it stops with the execution, and goes on when there is more.
                run.spending.over(error)
                outcome, error = "cancelled", None
        except Exception as bug:  # noqa: BLE001 - not the plan's error: the drive loop ends the run with it
            outcome, result_json = "failed", None
            run.fail(bug)
        state.over = True
        crash_point("task.end")
        actions = activity.close()
        await control.close()
        if (outcome == "cancelled" and run.suspending) or state.is_lost:
            # The engine leaves; its last write puts the attempt back as if it had not been started.
            self._left(inst, state)
            return
        done.agent = control.agent
        ended = run.clock.now_ms()
        done.result = TaskResult(
            inst.node_id, duration_ms=ended - state.started_ms, attempt=state.attempt, **done.fields
        )
        completion = Completion(inst, outcome, done.result, error, actions if outcome == "succeeded" else [])
        try:
            if error is not None and self._retries_left(inst, state, error):
                await self._retry(inst, state, error, ended, done)
                completion.outcome = "retry"
            else:
                state.result, state.error = done.result, error
                await self._record(inst, state, completion, result_json, done, ended)
        except Exception as failure:  # noqa: BLE001 - the drive loop ends the run with it; here nobody would see it
            run.fail(failure)
        finally:
            self._left(inst, state)
        run.inbox.append(completion)
        run.post(Trigger("task", inst.node_id))

    async def _record(
        self, inst: Instance, state: TaskState, completion: Completion, result: str | None, done: Performed, ended: int
    ) -> None:
        error = completion.error
        kind = f"task.{completion.outcome}"
        level = "error" if error is not None else "info"
        payload = orjson.dumps({"ms": ended - state.started_ms} | ({"error": error.message} if error else {})).decode()
        record = FinishedTask(
            inst.node_id,
            inst.mounted_frame,
            state.attempt,
            completion.outcome,  # pyright: ignore[reportArgumentType] - one of the three, "retry" is set later
            ended,
            result_json=result,
            error_json=error_text(error) if error is not None else None,
            journal_json=journal_text(completion.actions),
            agent=done.agent,
            events=[self.run.event(kind, inst.node_id, level=level, payload=payload)],
        )
        if self.run.idle:
            self.run.unrecorded.append(record)
        else:
            await self.run.store.finish(record)

    def _retries_left(self, inst: Instance, state: TaskState, error: SmithersError) -> bool:
        """E-1 and Z-7: whether this failure is tried again."""
        node = inst.desc
        allowed = node.retries if node.retries is not None else _DEFAULT_RETRIES.get(inst.type_name, 0)
        if state.tries > allowed or self.run.ending is not None or not inst.alive:
            return False
        rule = node.retry_on
        if rule is None:
            return is_retryable(error)
        cause = getattr(error, "error", error)
        if isinstance(rule, type | tuple):
            return isinstance(cause, rule) or isinstance(error, rule)
        return bool(rule(cause))

    async def _retry(self, inst: Instance, state: TaskState, error: SmithersError, ended: int, done: Performed) -> None:
        wait = backoff_ms(state.tries, random=self.run.chance.random, retry_after=getattr(error, "retry_after", None))
        await self.run.store.retry_later(
            RetryLater(
                inst.node_id,
                inst.mounted_frame,
                state.attempt,
                ended,
                ended + wait,
                wait,
                error_text(error),
                agent=done.agent,
                events=[self.run.event("task.retry", inst.node_id, level="warning")],
            )
        )
        state.attempt += 1
        self._sleep(inst, state, wait)

    def _sleep(self, inst: Instance, state: TaskState, wait_ms: float) -> None:
        self.sleeping[inst] = state
        state.timer = asyncio.get_running_loop().call_later(wait_ms / 1000, self._wake, inst)

    def _wake(self, inst: Instance) -> None:
        state = self.sleeping.pop(inst, None)
        if state is None:
            return
        if inst.alive and inst.status == "running":
            # A long frame: no flush has said yet that it waits, and queued now it would be taken for one that runs.
            self._sleep(inst, state, _UNTOLD_MS)
            return
        self._queue_of(inst).append(inst)
        self.run.post(Trigger("timer", inst.node_id))

    def _queue_of(self, inst: Instance) -> deque[Instance]:
        if inst.type_name in _WAITERS:
            return self.waiting_free
        return self.waiting_agents if inst.type_name in _AGENTS else self.waiting


async def _begin(state: TaskState) -> None:
    """What stands between an attempt that is ready and its work: the claim on disk."""
    if state.claim is not None and not state.claim.landed:
        await state.claim.waiter()
    crash_point("task.start")


def _result_json(inst: Instance, done: Performed) -> str:
    """The result as stored; a value that JSON cannot hold fails the task, for it would be lost by a restart.

    Raises:
        TaskError: the function returned something that cannot be stored.
    """
    try:
        # A command's output is its stdout: stored once.
        twice = "output" if done.fields.get("stdout") is not None else None
        kept = {name: value for name, value in done.fields.items() if value is not None and name != twice}
        return encode("result", kept)[0]
    except StateValueError as error:
        raise TaskError(
            f"{inst.path_name} returned {an(error.type)}, which cannot be stored as its result",
            hint="Return JSON values, Pydantic models, dataclasses, datetimes or enums (or None).",
        ) from error
