"""Time that passes only when nothing else is left to do, and a provider that lives in it."""

import asyncio
import heapq
import itertools
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any

from smithers_py.agents.coordinator import Coordinator, WindowStore

WALL = 1_767_225_600_000


class _Timer:
    def __init__(self, callback: Callable[[], Any]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualTime:
    """A Clock whose ms advance in `run`, from one timer to the next."""

    def __init__(self) -> None:
        self.ms = 0.0
        self._timers: list[tuple[float, int, _Timer]] = []
        self._order = itertools.count()

    def now_ms(self) -> int:
        return WALL + int(self.ms)

    def monotonic_ms(self) -> int:
        return int(self.ms)

    def call_later(self, seconds: float, callback: Callable[[], Any]) -> _Timer:
        timer = _Timer(callback)
        heapq.heappush(self._timers, (self.ms + seconds * 1000, next(self._order), timer))
        return timer

    async def wait(self, ms: float) -> None:
        over = asyncio.get_running_loop().create_future()
        self.call_later(ms / 1000, lambda: over.done() or over.set_result(None))
        await over

    async def sleep(self, seconds: float) -> None:
        await self.wait(seconds * 1000)

    async def settle(self) -> None:
        """Let everything that can go on at this moment do so."""
        for _ in range(30):
            await asyncio.sleep(0)

    async def run(self, *work: Coroutine[Any, Any, Any]) -> list[Any]:
        """Do the work to its end, however long it takes."""
        tasks = [asyncio.ensure_future(one) for one in work]
        await self.settle()
        while not all(task.done() for task in tasks):
            assert self._timers, "everybody waits and nothing is due"
            at, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                self.ms = at
                timer.callback()
                await self.settle()
        return [task.result() for task in tasks]


class Refused(Exception):
    """What the provider answers instead."""


class Provider:
    """Allows so many at a time; whoever comes while it is full is refused and told to stay away for a while."""

    def __init__(self, time: VirtualTime, *, allowed: int, took_ms: int = 300, retry_after: float | None = 1.0) -> None:
        self.time = time
        self.allowed = allowed
        self.took_ms = took_ms
        self.retry_after = retry_after
        self.requests = 0
        self.refused = 0
        self.in_flight = 0
        self.most = 0
        self.too_early = 0
        """Requests that came inside a window that somebody had been told of before."""
        self._window_ends = -1.0
        self._told_at = -1.0

    async def ask(self, rng: Random) -> None:
        self.requests += 1
        self.too_early += self._told_at < self.time.ms < self._window_ends
        if self.in_flight >= self.allowed:
            self.refused += 1
            self._told_at = self.time.ms
            self._window_ends = self.time.ms + (self.retry_after or 0) * 1000
            raise Refused
        self.in_flight += 1
        self.most = max(self.most, self.in_flight)
        try:
            await self.time.wait(rng.uniform(0.5, 1.5) * self.took_ms)
        finally:
            self.in_flight -= 1


class Shelf(WindowStore):
    """The window store of several coordinators: what a database is to several processes."""

    def __init__(self) -> None:
        self.until: dict[str, int] = {}
        self.reads = 0

    async def read(self, key: str) -> int | None:
        self.reads += 1
        return self.until.get(key)

    async def close(self, key: str, until_ms: int, reason: str) -> int:
        assert reason == "rate_limited"
        self.until[key] = max(until_ms, self.until.get(key, 0))
        return self.until[key]


class Shown:
    """What an agent's node was shown as: ("rate_limit", until) and (None, None), in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[str | None, int | None]] = []

    def __call__(self, reason: str | None, until_ms: int | None) -> None:
        self.calls.append((reason, until_ms))


async def agent(
    coordinator: Coordinator,
    provider: Provider,
    rng: Random,
    *,
    turns: int = 1,
    key: str = "p:m",
    shown: Shown | None = None,
    store: WindowStore | None = None,
) -> None:
    """Asks so many times, again when it was refused."""
    for _ in range(turns):
        while True:
            async with coordinator.turn(key, shown or Shown(), store) as turn:
                try:
                    await provider.ask(rng)
                except Refused:
                    await turn.refused(provider.retry_after, "rate_limited")
                else:
                    turn.answered()
                    break


def coordinator_in(time: VirtualTime, rng: Random | None = None, max_calls: int = 10) -> Coordinator:
    return Coordinator(max_calls, clock=time, call_later=time.call_later, random=(rng or Random(0)).random)
