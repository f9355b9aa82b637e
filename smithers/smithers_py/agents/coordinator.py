"""When a model may be asked: one line for each provider and model, shared by all agents of the process (E-2).

Nobody asks while a *window* is closed: a provider that says 429 closes it for as long as its Retry-After says, else
for a time that doubles with each refusal in a row. How many are asked at once adapts: it begins small and grows with
every answer, a refusal halves it, and after the window one request goes ahead alone. So a provider that allows three
at a time is found out by a few refusals, not by one for each agent.

Windows are kept in the database as well (`WindowStore`), where other processes find them.
"""

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import random
from typing import Any, Protocol
from weakref import WeakKeyDictionary, WeakSet

from smithers_py.agents.budget import Meter
from smithers_py.clock import Clock, SystemClock

MAX_CALLS = 10
"""Requests to models at once, whatever the provider (E-2)."""
START = 4
"""Requests at once to a model that has answered nothing yet."""
REQUEST_RETRIES = 2
"""How often one request is sent again, at most; a node's `retries` may allow less."""
BASE_MS = 1_000
CAP_MS = 60_000
LEAST_MS = 100
MOST_ROUNDS = 64
LONGEST_KNOWN_MS = 3_600_000
"""What is believed of a window that another process has written."""

Shown = Callable[[str | None, int | None], None]
"""Called with ("rate_limit", until) when somebody who waits should be shown as blocked, with (None, None) when it goes
on; `until` is wall clock time in ms."""


class WindowStore(Protocol):
    """Windows as other processes see them. Times are ms of the wall clock."""

    async def read(self, key: str) -> int | None:
        """Until when the model is not asked, None if nothing is known."""
        ...

    async def close(self, key: str, until_ms: int, reason: str) -> int:
        """Close the window at least until then; returns until when it is closed now."""
        ...


@dataclass(slots=True, eq=False)
class _Waiter:
    admitted: asyncio.Future[int]
    """The number of the call, once it may go."""
    shown: Shown
    blocked: bool = False

    def show(self, until_ms: int | None) -> None:
        self.blocked = True
        self.shown("rate_limit", until_ms)


@dataclass(slots=True, eq=False)
class _Lane:
    """One provider:model. Times are ms of the monotonic clock."""

    key: str
    limit: int
    """How many may be asked at once now."""
    goal: int
    """Below it, where nothing was refused yet, every answer raises the limit; from there on so many rounds do."""
    rounds: int = 1
    """Doubled by each refusal, halved by growth beyond what was refused: what stands is not tried again and again."""
    opens_at: int = 0
    refusals: int = 0
    """In a row."""
    probe: int | None = None
    """After a window, until the one call that goes ahead is answered: its number, 0 before it went."""
    in_flight: int = 0
    answers: int = 0
    """Since the limit last grew."""
    cut: int = -1
    """The last call that had begun when the limit was halved: the others of its burst say nothing new."""
    known: "WeakSet[WindowStore]" = field(default_factory=WeakSet)
    """The stores that were asked for this lane's window."""
    waiting: deque[_Waiter] = field(default_factory=deque)
    timer: Any = None


class Coordinator:
    """See the module. Everything runs on one event loop's thread; times are integer ms.

    `clock`, `call_later(seconds, callback)` and `random` (in [0, 1)) are for tests that own time and chance.
    """

    def __init__(
        self,
        max_calls: int = MAX_CALLS,
        *,
        clock: Clock | None = None,
        call_later: Callable[[float, Callable[[], None]], Any] | None = None,
        random: Callable[[], float] = random,
    ) -> None:
        self.max_calls = max_calls
        self.clock = clock or SystemClock()
        self.random = random
        self._later = call_later
        self._lanes: dict[str, _Lane] = {}
        self._calls = 0
        self._begun = 0

    @asynccontextmanager
    async def turn(self, key: str, shown: Shown, windows: WindowStore | None = None) -> "AsyncGenerator[Turn]":
        """Wait until the model `key` may be asked; the call is made inside, and told to the Turn."""
        lane = self._lane(key)
        await self._learn(lane, windows)
        number = await self._admission(lane, shown)
        try:
            yield Turn(self, lane, windows, number)
        finally:
            self._leave(lane, number)

    async def sleep(self, ms: int) -> None:
        """Wait on this coordinator's clock."""
        over = asyncio.get_running_loop().create_future()
        timer = self._call_later(ms, lambda: over.done() or over.set_result(None))
        try:
            await over
        finally:
            timer.cancel()

    def backoff_ms(self, tries: int) -> int:
        """Full jitter under a bound that doubles with each of `tries` (from 1): whoever failed together parts."""
        return max(LEAST_MS, round(self.random() * min(CAP_MS, BASE_MS << min(tries - 1, 30))))

    def limit_of(self, key: str) -> int:
        """How many requests this model gets at once now."""
        return self._lane(key).limit

    # -- one lane ---------------------------------------------------------------------------------------------------

    def _lane(self, key: str) -> _Lane:
        lane = self._lanes.get(key)
        if lane is None:
            start = min(START, self.max_calls)
            lane = self._lanes[key] = _Lane(key, start, self.max_calls)
        return lane

    async def _learn(self, lane: _Lane, windows: WindowStore | None) -> None:
        """Ask a store once what other processes know; afterwards each refusal brings news."""
        if windows is None or windows in lane.known:
            return
        lane.known.add(windows)
        until = await windows.read(lane.key)
        if until is not None:
            # A clock that was wrong when the window was written must not close it for years.
            self._close(lane, min(until - self.clock.now_ms(), LONGEST_KNOWN_MS))

    async def _admission(self, lane: _Lane, shown: Shown) -> int:
        waiter = _Waiter(asyncio.get_running_loop().create_future(), shown)
        lane.waiting.append(waiter)
        left = lane.opens_at - self.clock.monotonic_ms()
        if left > 0:
            waiter.show(self.clock.now_ms() + left)
        self._pump(lane)
        try:
            return await waiter.admitted
        except asyncio.CancelledError:
            if waiter in lane.waiting:
                lane.waiting.remove(waiter)
            if not waiter.admitted.cancelled():
                # Admitted and cancelled in one turn of the loop: the place is free again.
                self._leave(lane, waiter.admitted.result())
            raise
        finally:
            if waiter.blocked:
                shown(None, None)

    def _pump(self, lane: _Lane) -> None:
        """Let in whoever may go."""
        left = lane.opens_at - self.clock.monotonic_ms()
        if left > 0:
            if lane.waiting and lane.timer is None:
                lane.timer = self._call_later(left, lambda: self._opened(lane))
            return
        while lane.waiting and self._calls < self.max_calls and lane.in_flight < lane.limit:
            if lane.probe:
                return  # it is out
            admitted = lane.waiting.popleft().admitted
            if admitted.done():
                continue  # cancelled, and its task has not run since
            self._begun += 1
            if lane.probe is not None:
                lane.probe = self._begun
            lane.in_flight += 1
            self._calls += 1
            admitted.set_result(self._begun)

    def _opened(self, lane: _Lane) -> None:
        lane.timer = None
        self._pump(lane)

    def _leave(self, lane: _Lane, number: int) -> None:
        lane.in_flight -= 1
        self._calls -= 1
        if lane.probe == number:
            lane.probe = 0  # it ended without an answer (refused, cancelled, no connection): another one may go
        for other in (lane, *(one for one in self._lanes.values() if one is not lane and one.waiting)):
            self._pump(other)

    def _answered(self, lane: _Lane, number: int) -> None:
        if number <= lane.cut:
            return  # sent before the last refusal: it says nothing about now
        lane.refusals = 0
        if lane.probe is not None:
            lane.probe = None
        else:
            lane.answers += 1
            needed = 1 if lane.limit < lane.goal else lane.limit * lane.rounds
            if lane.limit >= self.max_calls or lane.answers < needed:
                return
            if lane.limit > lane.goal:
                lane.rounds = max(1, lane.rounds // 2)
            lane.limit, lane.answers = lane.limit + 1, 0
        self._pump(lane)

    def _refused(self, lane: _Lane, number: int, retry_after: float | None) -> int:
        """Close the window; returns for how many ms."""
        if number > lane.cut:
            lane.cut = self._begun
            lane.refusals += 1
            lane.goal, lane.limit = max(1, lane.limit - 1), max(1, lane.limit // 2)
            lane.rounds = min(lane.rounds * 2, MOST_ROUNDS)
            lane.probe, lane.answers = 0, 0
        if retry_after is None:
            return self._close(lane, self.backoff_ms(lane.refusals))
        # A provider that says 0 and goes on refusing, or names a time that is past, must not be asked in a loop.
        return self._close(lane, max(math.ceil(retry_after * 1000), LEAST_MS << min(lane.refusals, 6) - 1))

    def _close(self, lane: _Lane, ms: int) -> int:
        now = self.clock.monotonic_ms()
        if now + ms > lane.opens_at:
            # The clock shows whole ms: without one more the last of the window could be cut off.
            lane.opens_at = now + ms + 1
            if lane.timer is not None:
                lane.timer.cancel()
                lane.timer = None
            for waiter in lane.waiting:
                waiter.show(self.clock.now_ms() + ms)
            self._pump(lane)
        return lane.opens_at - now

    def _call_later(self, ms: int, callback: Callable[[], Any]) -> Any:
        later = self._later or asyncio.get_running_loop().call_later
        return later(ms / 1000, callback)


class Turn:
    """One call of a model that is under way."""

    def __init__(self, coordinator: Coordinator, lane: _Lane, windows: WindowStore | None, number: int) -> None:
        self._coordinator = coordinator
        self._lane = lane
        self._windows = windows
        self._number = number
        self._told = False

    def answered(self) -> None:
        """The provider took the request: its answer, or the beginning of it, is here."""
        if not self._told:
            self._told = True
            self._coordinator._answered(self._lane, self._number)  # pyright: ignore[reportPrivateUsage] - two halves of one thing

    async def refused(self, retry_after: float | None, reason: str) -> int:
        """The provider is overloaded or limits us: nobody asks it for a while, whose length (ms) is returned.

        `retry_after` is in seconds, None when the provider gave none.
        """
        self._told = True
        lane, coordinator = self._lane, self._coordinator
        wait = coordinator._refused(lane, self._number, retry_after)  # pyright: ignore[reportPrivateUsage]
        if self._windows is not None:
            until = await self._windows.close(lane.key, coordinator.clock.now_ms() + wait, reason)
            wait = coordinator._close(lane, until - coordinator.clock.now_ms())  # pyright: ignore[reportPrivateUsage]
        return wait


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRules:
    """How the requests of one agent run are made. `meters`: the node's own budget, and the execution's."""

    coordinator: Coordinator
    windows: WindowStore | None = None
    meters: tuple[Meter, ...] = ()
    retries: int = REQUEST_RETRIES


_shared: "WeakKeyDictionary[asyncio.AbstractEventLoop, Coordinator]" = WeakKeyDictionary()


def shared_coordinator(max_calls: int = MAX_CALLS) -> Coordinator:
    """The coordinator of the running event loop: one for all executions of the process (E-2).

    The smallest `max_calls` that any of them asked for counts.
    """
    loop = asyncio.get_running_loop()
    coordinator = _shared.get(loop)
    if coordinator is None:
        coordinator = _shared[loop] = Coordinator(max_calls)
    coordinator.max_calls = min(coordinator.max_calls, max_calls)
    return coordinator
