"""Simulated processes on one real SQLite file: a seeded scheduler, virtual clocks, and the faults of this world.

The code under test is the real one (ExecutionStore, Lease, observe, wait_for): coroutines that wait for nothing but a
transaction or a sleep, so the world can step them one by one. One transaction is one function, so a step is one too.

What a seed decides: how long each message and each sleep takes, whose turn it is, who is paused (SIGSTOP, a held-up
loop, a suspended laptop), who is killed before or after which transaction, and how the wall clocks jump.
"""

from __future__ import annotations

import heapq
import json
import random
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any, TypeVar

from smithers_persistence import LostLease

T = TypeVar("T")
Body = Coroutine[Any, Any, None]

HOUR_MS = 3_600_000
START_MS = 1_762_000_000_000


class Broken(Exception):
    """An invariant does not hold."""


@dataclass(slots=True)
class Transaction:
    """What a process asks of the database thread."""

    fn: Callable[[sqlite3.Connection], Any]
    writes: bool
    process: SimProcess


@dataclass(slots=True)
class Sleep:
    """What a process asks of its clock."""

    ms: float


class Asked(Awaitable[T]):
    """Suspends the coroutine until the world has done what was asked."""

    def __init__(self, request: Transaction | Sleep) -> None:
        self.request = request

    def __await__(self) -> Generator[Any, Any, T]:
        return (yield self.request)


@dataclass(eq=False, slots=True)
class SimDatabase:
    """Stands where a Database would: each await is one transaction, carried out when the world says so."""

    process: SimProcess

    async def read(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        return await Asked[T](Transaction(fn, False, self.process))

    async def write(self, fn: Callable[[sqlite3.Connection], T], **_: Any) -> T:
        return await Asked[T](Transaction(fn, True, self.process))


@dataclass(eq=False, slots=True)
class SimProcess:
    """One process: its coroutines, its clocks, and whether it lives."""

    world: World
    name: str
    rate: float
    """How fast its monotonic clock runs."""
    provable: bool
    """Others can see whether it lives (the same machine)."""
    spared: bool = False
    """No fault strikes it: it stands for people."""
    alive: bool = True
    paused_until: float = 0
    threads: list[Thread] = field(default_factory=list)

    def monotonic_ms(self) -> int:
        """Not stopped by a pause: SIGSTOP stops a process, not its clock."""
        return round(self.world.now * self.rate)

    def wall_ms(self) -> int:
        return round(START_MS + self.world.now + self.world.wall_offset)

    async def sleep(self, seconds: float) -> None:
        await Asked[None](Sleep(seconds * 1000))

    def spawn(self, body: Body) -> Thread:
        """Begin a coroutine; it is stepped from the next turn on."""
        thread = Thread(self, body)
        self.threads.append(thread)
        self.world.later(thread, self.world.chance.uniform(0, 5), None)
        return thread

    def ident(self, lease_ms: int) -> str:
        """Its identity, as a row holds it."""
        return json.dumps({"host": "sim", "pid": 1, "since": 0, "lease_ms": lease_ms, "sim": self.name})

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more."""
        self.alive = False
        for thread in self.threads:
            thread.close()


@dataclass(eq=False, slots=True)
class Thread:
    """A coroutine of a process, and what it waits for."""

    process: SimProcess
    body: Body
    over: bool = False

    def close(self) -> None:
        """It never goes on."""
        if not self.over:
            self.over = True
            self.body.close()


@dataclass(frozen=True, slots=True)
class Faults:
    """What a seed deals out. Probabilities are per step of a process."""

    kill: float
    pause: float
    slow: float
    jump: float


class World:
    """Time, the database, and whose turn it is. `check(process)` is called after each write, before its commit."""

    def __init__(self, conn: sqlite3.Connection, seed: int, check: Callable[[SimProcess], None]) -> None:
        self.conn = conn
        self.chance = random.Random(seed)
        self.now = 0.0
        self.wall_offset = 0.0
        self.processes: dict[str, SimProcess] = {}
        self.faults = self._deal()
        self.steps = 0
        self.counts: dict[str, int] = {}
        self._check = check
        self._queue: list[tuple[float, int, Thread, Transaction | None]] = []
        self._number = 0

    def _deal(self) -> Faults:
        """Each seed has its own weather: some kinds of fault are absent, others frequent."""
        chance = self.chance
        return Faults(
            kill=chance.choice([0, 0.01, 0.03]),
            pause=chance.choice([0, 0.01, 0.04]),
            slow=chance.choice([0, 0.02, 0.1]),
            jump=chance.choice([0, 0.02, 0.1]),
        )

    def calm(self) -> None:
        """No more faults: what is left must come to a good end."""
        self.faults = Faults(0, 0, 0, 0)

    def process(self, name: str, *, spared: bool = False) -> SimProcess:
        """A new process."""
        chance = self.chance
        made = SimProcess(self, name, chance.uniform(0.98, 1.02), provable=chance.random() < 0.5, spared=spared)
        self.processes[name] = made
        return made

    def alive(self, ident: str | None) -> bool | None:
        """What one can know of the owner of an identity."""
        owner = self.processes.get(json.loads(ident or "{}").get("sim", ""))
        return owner.alive if owner is not None and owner.provable else None

    def later(self, thread: Thread, delay_ms: float, request: Transaction | None) -> None:
        """Step the thread after `delay_ms`, with what `request` gives."""
        self._number += 1
        heapq.heappush(self._queue, (self.now + delay_ms, self._number, thread, request))

    def count(self, what: str) -> None:
        """Tell that something happened, for the summary."""
        self.counts[what] = self.counts.get(what, 0) + 1

    def run(self, until_ms: float, done: Callable[[], bool]) -> bool:
        """Step until `done`, or virtual time is over; says whether it was done."""
        while self._queue and not done():
            at, number, thread, request = heapq.heappop(self._queue)
            if thread.over:
                continue
            if at > until_ms:
                heapq.heappush(self._queue, (at, number, thread, request))
                break
            process = thread.process
            if process.paused_until > at:
                heapq.heappush(self._queue, (process.paused_until, number, thread, request))
                continue
            self.now = max(self.now, at)
            self.steps += 1
            self._step(thread, request)
        return done()

    def _step(self, thread: Thread, request: Transaction | None) -> None:
        spared = thread.process.spared
        if not spared:
            self._weather(thread.process)
        if thread.process.paused_until > self.now:
            self.later(thread, thread.process.paused_until - self.now, request)
            return
        dies = not spared and self.chance.random() < self.faults.kill
        if dies and self.chance.random() < 0.5:
            self.count("killed before")
            thread.process.kill()
            return
        value, error = self._carry_out(request) if request is not None else (None, None)
        if dies:
            # Committed, but nobody was told.
            self.count("killed after")
            thread.process.kill()
            return
        self._advance(thread, value, error)

    def _weather(self, process: SimProcess) -> None:
        chance = self.chance
        if chance.random() < self.faults.pause:
            process.paused_until = self.now + chance.choice([5_000, 30_000, 60_000, 150_000]) * chance.random()
            self.count("paused")
        if chance.random() < self.faults.jump:
            self.wall_offset = chance.choice([-3, 0, 3]) * HOUR_MS * chance.random()
            self.count("clock jumped")

    def _carry_out(self, request: Transaction) -> tuple[Any, BaseException | None]:
        conn = self.conn
        conn.execute("BEGIN IMMEDIATE" if request.writes else "BEGIN")
        try:
            value = request.fn(conn)
            if request.writes:
                self._check(request.process)
        except Broken:
            conn.execute("ROLLBACK")
            raise
        except Exception as error:
            conn.execute("ROLLBACK")
            return None, error
        conn.execute("COMMIT")
        return value, None

    def _advance(self, thread: Thread, value: Any, error: BaseException | None) -> None:
        try:
            asked = thread.body.throw(error) if error is not None else thread.body.send(value)
        except StopIteration:
            thread.over = True
            return
        except LostLease:
            thread.over = True
            self.count("lost lease")
            return
        if isinstance(asked, Sleep):
            self.later(thread, asked.ms / thread.process.rate + self.chance.uniform(0, 5), None)
            return
        slow = self.chance.random() < self.faults.slow
        self.later(thread, self.chance.uniform(0, 20_000 if slow else 10), asked)
