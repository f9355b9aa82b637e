"""The real engine on a real database, moved one event at a time: the other side of what naive_model.py says.

Work waits at a gate until the test opens it. `quiet()` returns when nothing moves any more. A kill is a process death
as the database sees it: from a named crash point on no write comes through, the run is torn down, and its owner's
identity in the row is that of a process that is gone. The next engine resumes from what is on disk.
"""

import asyncio
import contextlib
import sqlite3
from dataclasses import dataclass, field

import orjson

from smithers_persistence import commands, crash, reads, watch
from smithers_persistence.commands import NewCommand
from smithers_persistence.state_fold import current_state
from smithers_persistence.verify import verify
from smithers_py.config import Config
from smithers_py.engine.launch import RunOptions, StopRequest
from smithers_py.engine.observer import NullObserver
from smithers_py.engine.resume import ResumeOptions, resume_script
from smithers_py.engine.run import Limits
from smithers_py.state.activity import current
from smithers_py.testing import run_plan

LIMITS = Limits(idle_timeout_ms=0, grace_ms=100, max_tasks=1000)
SECONDS = 60
ENDED = ("completed", "failed", "stopped", "stalled", "terminated")
ITEMS = ("Task", "Phase", "Step", "Parallel", "While")


class Killed(Exception):
    """The process is dead: nothing that it does counts any more."""


class Disagreement(AssertionError):
    """The engine did something that nobody may do, whatever the model says."""


@dataclass
class Kill:
    """Dies at the n-th crash point that is passed from now on; on any thread."""

    after: int | None = None
    dead: bool = False
    point: str = ""
    passed: int = 0

    def __call__(self, name):
        if name.startswith("command.seen"):
            # On the watching thread, which has no run to take down; that a command was seen, matters to nobody.
            return
        if self.dead:
            raise Killed(name)
        if self.after is None or name.startswith(("heartbeat", "migrate")):
            return
        self.passed += 1
        if self.passed >= self.after:
            self.dead, self.point = True, name
            raise Killed(name)


@dataclass
class World:
    """What lives on when engines die: gates, who has run what, which handlers raise."""

    path: object
    bad: set = field(default_factory=set)
    decided: dict = field(default_factory=dict)
    """By attempt: how its work ends. An attempt that a kill repeats ends the same way."""
    entered: list = field(default_factory=list)
    at_gate: dict = field(default_factory=dict)
    """By node id: (attempt, event) of the work that waits now."""
    recorded: set = field(default_factory=set)
    """Attempts whose end was on disk when their engine died."""
    lives: int = 0
    run: object = None
    engine: object = None
    kill: Kill = field(default_factory=Kill)
    execution_id: str = ""
    plan: object = None
    log: list = field(default_factory=list)

    # -- what the plan calls ------------------------------------------------------------------------------------

    def body(self, name):
        async def work(ctx):
            attempt = self.enter(name)
            event = asyncio.Event()
            self.at_gate[name] = (attempt, event)
            try:
                if attempt not in self.decided:
                    await event.wait()
            finally:
                if self.at_gate.get(name) == (attempt, event):
                    del self.at_gate[name]
            if self.decided[attempt] == "fail":
                raise ValueError(f"{name} was asked to fail")
            ctx.state.increment(f"ran:{name}")

        return work

    def enter(self, name):
        """Note that work begins; it must not have been done before."""
        # Not whom the plan holds under this name: another incarnation may be there by the time that work begins.
        inst = current.get().owner
        attempt = (name, inst.mounted_frame, inst.extra.attempt - inst.extra.crashes)
        if attempt in self.recorded:
            raise Disagreement(f"{attempt} was on disk as ended, and runs again")
        if (self.lives, attempt) in self.entered:
            raise Disagreement(f"{attempt} runs twice in one life")
        self.entered.append((self.lives, attempt))
        return attempt

    def handler(self, ctx, event, name, writes):
        def called(*_):
            if event == "iteration" or event == "start" or name not in self.bad:
                ctx.state.increment(f"{event}:{name}")
                for key, value in writes:
                    ctx.state.set(key, value)
                return
            ctx.state.increment(f"lost:{name}")
            raise RuntimeError(f"{event} of {name} was asked to raise")

        return called

    # -- life and death -----------------------------------------------------------------------------------------

    def live(self, state=None):
        """Begin the execution, or resume it."""
        self.lives += 1
        self.kill.dead, self.kill.after = False, None
        self.at_gate.clear()
        stop = _Attached(self)
        if state is not None:
            coroutine = run_plan(
                self.plan, db_path=self.path, state=state, limits=LIMITS, observer=_Names(self), stop=stop, wait=True
            )
        else:
            base = RunOptions(script=None, db_path=self.path, model="test", limits=LIMITS, config=Config())
            element = self.plan()
            coroutine = resume_script(
                ResumeOptions(execution_id=self.execution_id, base=base, element=element), stop=stop
            )
        self.run = None
        self.engine = asyncio.ensure_future(coroutine)

    def transitions(self):
        """Every change of state so far, for a person who looks for what went wrong."""
        with contextlib.closing(sqlite3.connect(self.path)) as conn:
            return [
                (row.frame_index, row.key, row.new_value_json) for row in reads.transitions(conn, self.execution_id)
            ]

    async def die(self):
        """Take the dead engine down; what is on disk stays as it is, but its owner is a process that is gone."""
        self.kill.dead = True
        self.engine.cancel()
        await asyncio.wait([self.engine])
        if not self.engine.cancelled():
            self.engine.exception()
        if self.run is not None:
            for state in self.run.tasks.sleeping.values():
                state.timer.cancel()
        with contextlib.closing(sqlite3.connect(self.path)) as conn, conn:
            for key, ident in conn.execute("SELECT execution_id, owner_ident FROM executions").fetchall():
                gone = orjson.loads(ident or "{}") | {"start_time": "0"}
                conn.execute(
                    "UPDATE executions SET owner_ident = ? WHERE execution_id = ?", (orjson.dumps(gone).decode(), key)
                )
            on_disk = [row for row in reads.tasks(conn, self.execution_id) if row.ended_at is not None]
            ended = {(row.node_id, row.mounted_frame) for row in on_disk if row.status != "cancelled"}
        last = {}
        for _, attempt in self.entered:
            last[attempt[:2]] = attempt
        self.recorded |= {last[key] for key in ended if key in last and last[key] in self.decided}

    # -- moving it ----------------------------------------------------------------------------------------------

    def finish(self, name, how):
        """Open the gate of a task."""
        attempt, event = self.at_gate[name]
        self.decided[attempt] = how
        event.set()

    def ask(self, verb, node=None, **args):
        """Queue a command, as another process does."""
        text = orjson.dumps(args).decode() if args else None
        with contextlib.closing(sqlite3.connect(self.path, timeout=SECONDS)) as conn, conn:
            commands.send(conn, NewCommand(self.execution_id, verb, node, text, 0, "somebody@test", "cli"))

    async def quiet(self):
        """Wait until nothing moves. Says "quiet", "dead" or "ended"."""
        try:
            async with asyncio.timeout(SECONDS):
                return await self.rest()
        except TimeoutError:
            raise Disagreement(f"it never comes to rest: {self.restless()}") from None

    async def rest(self):
        calm = 0
        while True:
            if self.kill.dead:
                return "dead"
            if self.engine.done():
                self.engine.result()
                return "ended"
            calm = calm + 1 if self.at_rest() else 0
            if calm > 2:
                if not self.open_commands() and await self.has_landed():
                    return "quiet"
                calm = 0
            await asyncio.sleep(0.0005 if calm else 0)

    def at_rest(self):
        run = self.run
        if run is None or run.next_frame == 0 or not hasattr(run, "tasks"):
            return False
        for inst in list(run.tasks.sleeping):
            # What waits to be tried again is tried now.
            run.tasks.sleeping[inst].timer.cancel()
            run.tasks._wake(inst)
        if not run.idle or run.inbox or run.held or run.unrecorded or run.coalescer.due_in_ms() is not None:
            return False
        if run.tasks.sleeping or (run.tasks.queued and not run.paused):
            return False
        waiting = {name for name, (_, event) in self.at_gate.items() if not event.is_set()}
        return waiting == {inst.node_id for inst in run.tasks.running} and bool(waiting or run.tasks.queued)

    def restless(self):
        """What moves, for a person who looks for what hangs."""
        run = self.run
        if run is None or not hasattr(run, "tasks"):
            return "the engine has not begun"
        tasks, commands = run.tasks, self.open_commands()
        return (
            f"idle {run.idle}, inbox {run.inbox}, sent {run.sent}, unrecorded {run.unrecorded}, "
            f"due {run.coalescer.due_in_ms()}, sleeping {[*tasks.sleeping]}, queued {tasks.queued}, "
            f"running {[*tasks.running]}, at the gate {self.at_gate}, commands {commands}, ending {run.ending}"
        )

    async def has_landed(self):
        """Whether it still rests when all is on disk that it has sent: a frame is not always waited for."""
        await self.run.store.db.write(lambda conn: None, what=())
        return not self.kill.dead and self.at_rest()

    def open_commands(self):
        """What was asked and is not answered, as `ask` was called."""
        with contextlib.closing(sqlite3.connect(self.path)) as conn:
            rows = commands.open_commands(conn, self.execution_id)
        return [(row.verb, *filter(None, [row.node_id]), *orjson.loads(row.args_json or "{}").values()) for row in rows]

    # -- what tests look at -------------------------------------------------------------------------------------

    def status(self):
        with contextlib.closing(sqlite3.connect(self.path)) as conn:
            row = reads.get_execution(conn, self.execution_id)
        return row.status, row.exit_code

    def seen(self, *, stopped=False):
        """The same picture as the model's, from the database alone."""
        with contextlib.closing(sqlite3.connect(self.path)) as conn:
            row = reads.get_execution(conn, self.execution_id)
            texts = current_state(conn, self.execution_id)
            nodes = reads.nodes(conn, self.execution_id)
            tasks = reads.tasks(conn, self.execution_id)
            if row.status in ENDED:
                problems = verify(conn)
                if problems:
                    raise Disagreement(f"verify: {problems}")
        state = {key: orjson.loads(text) for key, text in texts.items() if not key.startswith("$")}
        mounted = [node for node in nodes if node.unmounted_frame is None and node.node_type in ITEMS]
        statuses = {node.node_id: node.status or "idle" for node in mounted}
        # A status says what was told last; that its turn has come and nothing starts, is the task's row to say.
        now = {(task.node_id, task.mounted_frame): task.status for task in tasks}
        waits = [node.node_id for node in mounted if now.get((node.node_id, node.mounted_frame)) == "scheduled"]
        statuses |= dict.fromkeys(waits, "idle")
        if row.status in ENDED:
            ended = (row.status, row.exit_code)
            return {"ended": ended, "state": state, "statuses": None if stopped else statuses}
        running = sorted(task.node_id for task in tasks if task.status == "running")
        return {"running": running, "state": state, "statuses": statuses}


class _Attached(StopRequest):
    """Learns of the run, for the harness to see when it rests."""

    def __init__(self, world):
        super().__init__()
        self.world = world

    def attach(self, run):
        super().attach(run)
        self.world.run = run


class _Names(NullObserver):
    def __init__(self, world):
        self.world = world

    def started(self, execution_id, name):
        self.world.execution_id = execution_id


@contextlib.contextmanager
def crash_hook(world):
    """The world's kill stands at every crash point; commands are seen soon."""
    poll = watch.POLL_SECONDS
    crash.set_crash_hook(world.kill)
    watch.POLL_SECONDS = 0.003
    try:
        yield
    finally:
        crash.set_crash_hook(None)
        watch.POLL_SECONDS = poll
