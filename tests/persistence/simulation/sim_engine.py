"""Engines as the simulation runs them: the real store, lease and records, around the smallest plan that needs them.

The plan is a few tasks; each one's handler adds 1 to the state key `done`, each command of a person adds 1 to `told`.
`Protocol` is what a planted bug replaces a part of.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from hashlib import blake2b

from sim_world import SimDatabase, SimProcess, Thread

from smithers_persistence import ExecutionStore, HeldByAnother, LostLease, commands, reads
from smithers_persistence.lease import Lease, Observation, observe, wait_for
from smithers_persistence.records import TaskRecord
from smithers_persistence.recovery import Recovery
from smithers_persistence.rows import (
    CommandAnswer,
    EndExecution,
    FinishedTask,
    FrameFlush,
    FrameOpening,
    FrameWrite,
    InstanceRow,
    KvWrite,
    Restart,
    TaskClaim,
    TaskRow,
    TransitionRow,
)
from smithers_persistence.state_fold import current_state

LEASE_MS = 30_000
TASKS = ("fetch", "build", "report")
PLAN = json.dumps([["+", name, None, TASKS[i - 1] if i else None, "Task", None, {}] for i, name in enumerate(TASKS)])


class Protocol:
    """The real one."""

    async def judge(self, engine: Engine, seen: Observation) -> Observation:
        """Wait until the execution may be taken. Raises HeldByAnother."""
        process = engine.process
        return await wait_for(
            engine.db,
            seen,
            process.monotonic_ms,
            process.sleep,
            alive=process.world.alive,
            wall_ms=process.wall_ms,
        )

    async def take(self, engine: Engine, seen: Observation, owner: str) -> ExecutionStore:
        """Claim what was judged. Raises HeldByAnother."""
        clock = engine.process.monotonic_ms
        return await ExecutionStore.take(
            engine.db,
            engine.execution_id,
            owner,
            engine.process.ident(LEASE_MS),
            seen,
            clock=engine.process.wall_ms,
            lease=Lease(LEASE_MS, clock(), clock),
        )

    async def finish(self, engine: Engine, store: ExecutionStore, done: FinishedTask) -> None:
        """Record 2. Raises LostLease."""
        await store.finish(done)


@dataclass(frozen=True, slots=True)
class View:
    """What an engine reads before it decides."""

    tasks: list[TaskRecord]
    head: int
    state: dict[str, str]
    asked: list[int]


def view(conn: sqlite3.Connection, execution_id: str) -> View:
    """One snapshot."""
    row = reads.get_execution(conn, execution_id)
    open_ones = [one.id for one in commands.open_commands(conn, execution_id)]
    return View(reads.tasks(conn, execution_id), row.head_frame, current_state(conn, execution_id), open_ones)


class Engine:
    """One engine process: it tries to own the execution until that is completed."""

    def __init__(self, process: SimProcess, execution_id: str, protocol: Protocol, people: People) -> None:
        self.process = process
        self.execution_id = execution_id
        self.db = SimDatabase(process)
        self.protocol = protocol
        self.people = people
        self.lost = False
        self.held_since: int | None = None
        self.helpers: list[Thread] = []
        self.taken = 0

    async def main(self) -> None:
        """What `smithers resume` does, again whenever the execution was lost."""
        while (store := await self._acquire()) is not None:
            self.process.world.count("takes")
            self.lost, self.held_since = False, None
            self.helpers = [self.process.spawn(self._heartbeat(store))]
            try:
                if await self._work(store):
                    return
            except LostLease:
                self.process.world.count("lost lease")
            finally:
                for helper in self.helpers:
                    helper.close()
            await self.process.sleep(self.process.world.chance.uniform(0, 20))

    async def _acquire(self) -> ExecutionStore | None:
        while True:
            seen = await observe(self.db, self.execution_id, self.process.world.alive)
            if seen.status == "completed":
                return None
            try:
                seen = await self.protocol.judge(self, seen)
                if seen.status == "completed":
                    return None
                self.taken += 1
                return await self.protocol.take(self, seen, f"{self.process.name}#{self.taken}")
            except HeldByAnother:
                await self.process.sleep(self.process.world.chance.uniform(1, 30))

    async def _heartbeat(self, store: ExecutionStore) -> None:
        """As engine/heartbeat.py: none while the loop stood still for half a lease."""
        while True:
            await self.process.sleep(LEASE_MS / 3 / 1000)
            held = self.held_since
            if held is not None and self.process.monotonic_ms() - held >= LEASE_MS / 2:
                continue
            try:
                await self.db.write(store.renew)
            except LostLease:
                self.lost = True
                return

    async def _work(self, store: ExecutionStore) -> bool:
        """Run what is left; says whether all is done. Raises LostLease."""
        chance, process = self.process.world.chance, self.process
        now = await self._view()
        orphans = [Restart(one.node_id, 0, crashed=True) for one in now.tasks if one.status == "running"]
        if orphans:
            process.world.count("orphans")
            await store.recover(Recovery(process.wall_ms(), restarts=orphans))
        if now.head < 0:
            await store.commit(self._mount())
        while True:
            if self.lost:
                raise LostLease(self.execution_id, store.holder.owner, store.holder.epoch)
            now = await self._view()
            ready = [one for one in now.tasks if one.status == "scheduled"][: chance.randint(1, 2)]
            if ready:
                await store.claim([TaskClaim(one.node_id, 0, one.attempt, process.wall_ms()) for one in ready])
                self.helpers += [process.spawn(self._perform(store, one)) for one in ready]
            done = [one.node_id for one in now.tasks if one.ended_at is not None and one.handled_frame is None]
            if done or now.asked:
                await store.commit(self._frame(now, done))
            elif self.people.have_gone and all(one.handled_frame is not None for one in now.tasks):
                await store.end(EndExecution("completed", 0, process.wall_ms()))
                await store.release()
                return True
            await self._pass_time()

    async def _pass_time(self) -> None:
        chance = self.process.world.chance
        if chance.random() < 0.05:
            # A handler holds the loop up.
            self.held_since = self.process.monotonic_ms()
            await self.process.sleep(chance.uniform(1, 60))
            self.held_since = None
            return
        await self.process.sleep(chance.uniform(0.5, 3))

    async def _view(self) -> View:
        return await self.db.read(lambda conn: view(conn, self.execution_id))

    async def _perform(self, store: ExecutionStore, task: TaskRecord) -> None:
        await self.process.sleep(self.process.world.chance.uniform(0.2, 60))
        told = json.dumps([store.holder.owner, store.holder.epoch])
        now = self.process.wall_ms()
        done = FinishedTask(task.node_id, 0, task.attempt, "succeeded", now, result_json=told)
        await self.protocol.finish(self, store, done)

    def _mount(self) -> FrameWrite:
        now = self.process.wall_ms()
        opening = FrameOpening(
            PLAN.encode(),
            b"p" * 16,
            mounted=len(TASKS),
            instances=[InstanceRow(name, None, "Task") for name in TASKS],
            new_tasks=[TaskRow(name, 0, "Task", now) for name in TASKS],
        )
        return FrameWrite(0, now, "start", ["start"], opening, FrameFlush([], [], b"s" * 16))

    def _frame(self, now: View, done: list[str]) -> FrameWrite:
        """Handlers and commands: their effects, the marks and the answers in one transaction (Z-0)."""
        at = self.process.wall_ms()
        rows: list[TransitionRow] = []
        for key, more in (("done", len(done)), ("told", len(now.asked))):
            if more:
                old = now.state.get(key)
                rows.append(TransitionRow(key, old, str(int(old or 0) + more), at))
        flush = FrameFlush(
            rows,
            [KvWrite(row.key, row.new_value_json, at) for row in rows],
            blake2b(str(rows).encode(), digest_size=16).digest(),
            handled=[(name, 0, "succeeded") for name in done],
            keys_written=[row.key for row in rows],
            commands=[CommandAnswer(number, "done", at) for number in now.asked],
        )
        return FrameWrite(now.head + 1, at, "task", ["task"], FrameOpening(None, b"p" * 16), flush)


class People:
    """Who starts engines and gives commands. Nothing happens to them."""

    def __init__(self, process: SimProcess, execution_id: str, commands_given: int) -> None:
        self.process = process
        self.execution_id = execution_id
        self.left = commands_given
        self.db = SimDatabase(process)

    @property
    def have_gone(self) -> bool:
        """No command will come any more."""
        return self.left == 0

    async def give(self) -> None:
        """Ask for something now and then."""
        while self.left:
            await self.process.sleep(self.process.world.chance.uniform(0, 40))
            asked = commands.NewCommand(self.execution_id, "set", None, None, self.process.wall_ms(), "me@sim", "cli")
            await self.db.write(lambda conn, asked=asked: commands.send(conn, asked))
            self.left -= 1
