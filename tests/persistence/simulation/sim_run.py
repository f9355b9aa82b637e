"""One seed: an execution, engines that fight for it, and what must hold after every single write (T-2, T-4, H-3)."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sim_engine import LEASE_MS, TASKS, Engine, People, Protocol
from sim_world import HOUR_MS, START_MS, Broken, SimProcess, World

from smithers_persistence import commands, frame_writes, migrate, reads
from smithers_persistence.rows import NewExecution
from smithers_persistence.state_fold import current_state
from smithers_persistence.verify import verify

STEAL_MARGIN = 0.44
"""Leases for which a holder that was judged silent must really have written nothing: 1.25 - 0.75, less the clocks'
difference of 4%."""

FAULTS_MS = 400_000
MOST_ENGINES = 9


class Oracle:
    """Looks at the database after each write, and knows what the engines cannot: who really lives."""

    def __init__(self, conn: sqlite3.Connection, execution_id: str) -> None:
        self.conn = conn
        self.execution_id = execution_id
        self.world: World | None = None
        self.owner: str | None = None
        self.epoch = 1
        self.last_write = 0.0
        self.finished: dict[str, str] = {}

    def check(self, process: SimProcess) -> None:
        """Called inside each writing transaction of `process`, all statements done."""
        if process.spared:
            return
        row = reads.get_execution(self.conn, self.execution_id)
        if row.epoch != self.epoch:
            self._taken(process, row.owner, row.epoch)
        elif row.owner is not None and not row.owner.startswith(f"{process.name}#"):
            raise Broken(f"{process.name} wrote, but {row.owner} owns the execution")
        elif row.owner != self.owner and row.owner is not None:
            raise Broken(f"the owner became {row.owner} within epoch {row.epoch}")
        self.owner, self.epoch = row.owner, row.epoch
        self.last_write = process.world.now
        self._tasks(row.epoch)

    def _taken(self, process: SimProcess, owner: str | None, epoch: int) -> None:
        if epoch != self.epoch + 1:
            raise Broken(f"epoch {epoch} follows epoch {self.epoch}")
        if owner is None or not owner.startswith(f"{process.name}#"):
            raise Broken(f"{process.name} made {owner} the owner")
        if self.owner is None:
            return
        world = process.world
        before = world.processes[self.owner.partition("#")[0]]
        still = (world.now - self.last_write) / LEASE_MS
        if before.alive and before is not process and still < STEAL_MARGIN:
            raise Broken(f"{process.name} took over from {self.owner}, which wrote {still:.2f} leases ago")

    def _tasks(self, epoch: int) -> None:
        for task in reads.tasks(self.conn, self.execution_id):
            told = self.finished.get(task.node_id)
            if task.ended_at is None:
                if told is not None:
                    raise Broken(f"{task.node_id} was finished, and is not any more")
                continue
            if told is not None:
                if told != task.result_json:
                    raise Broken(f"{task.node_id} finished twice: {told} and {task.result_json}")
                continue
            finisher = json.loads(task.result_json or "[null, 0]")
            if finisher[1] != epoch or task.lease_epoch != epoch:
                raise Broken(f"{task.node_id}, claimed in epoch {task.lease_epoch}, ended by {finisher} in {epoch}")
            self.finished[task.node_id] = task.result_json or ""

    def at_the_end(self, commands_given: int) -> None:
        """All was done, each thing once, and the database is sound."""
        state = current_state(self.conn, self.execution_id)
        if state.get("done") != str(len(TASKS)):
            raise Broken(f"{len(TASKS)} tasks were handled {state.get('done')} times")
        if int(state.get("told", "0")) != commands_given:
            raise Broken(f"{commands_given} commands took effect {state.get('told')} times")
        if any(one.is_open for one in commands.commands(self.conn, self.execution_id)):
            raise Broken("a command was never answered")
        wrong = verify(self.conn, self.execution_id, deep=False)
        if wrong:
            raise Broken(f"verify: {wrong[0]}")


@contextmanager
def database(path: Path) -> Iterator[sqlite3.Connection]:
    """A real file; it is never asked to survive a power cut."""
    conn = sqlite3.connect(path, isolation_level=None, cached_statements=256)
    try:
        migrate.migrate(conn, path)
        conn.execute("PRAGMA journal_mode=WAL")
        conn.execute("PRAGMA synchronous=OFF")
        yield conn
    finally:
        conn.close()


def run_seed(conn: sqlite3.Connection, seed: int, protocol: Protocol | None = None) -> World:
    """Play one seed on an execution of its own. Raises Broken, naming the seed."""
    execution_id = f"sim-{seed}"
    oracle = Oracle(conn, execution_id)
    world = World(conn, seed, oracle.check)
    conn.execute("BEGIN")
    frame_writes.create(conn, NewExecution(execution_id, START_MS, "nobody"))
    conn.execute("UPDATE executions SET owner = NULL WHERE execution_id = ?", (execution_id,))
    conn.execute("COMMIT")
    try:
        _play(world, oracle, execution_id, protocol or Protocol())
    except Broken as broken:
        raise Broken(f"seed {seed}: {broken}") from None
    finally:
        for process in world.processes.values():
            process.kill()
    return world


def _play(world: World, oracle: Oracle, execution_id: str, protocol: Protocol) -> None:
    given = world.chance.randint(0, 3)
    people = People(world.process("people", spared=True), execution_id, given)
    people.process.spawn(people.give())
    engines: list[Engine] = []

    def start() -> None:
        engine = Engine(world.process(f"e{len(engines)}"), execution_id, protocol, people)
        engines.append(engine)
        engine.process.spawn(engine.main())

    async def start_some() -> None:
        for _ in range(world.chance.choice([0, 0, 1])):
            start()
        while True:
            start()
            await people.process.sleep(world.chance.uniform(5, 90))
            while len(engines) >= MOST_ENGINES and any(one.process.alive for one in engines):
                await people.process.sleep(60)

    people.process.spawn(start_some())

    def done() -> bool:
        return reads.get_execution(world.conn, execution_id).status == "completed"

    if not world.run(FAULTS_MS, done):
        world.calm()
        if not world.run(FAULTS_MS + 2 * HOUR_MS, done):
            raise Broken("it never came to an end")
    oracle.at_the_end(given)
