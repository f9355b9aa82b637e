"""When the next frame starts: triggers come one by one, frames take them together (R-7).

An immediate trigger opens the gate at once. A throttled one opens it `throttle_ms` after the last take, so a stream of
them makes one frame per interval, and the first after a quiet time is not delayed. Whatever has arrived when a frame
begins belongs to it.

    posts      I       t t t  t        I  t
    frames     ▲              ▲        ▲     ▲
               └── 250 ms ────┘        └─────┘ 250 ms after the one before
"""

from __future__ import annotations

from _thread import get_ident
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic_ns
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import asyncio

TriggerT = TypeVar("TriggerT")


def monotonic_ms() -> int:
    """Milliseconds on the process's monotonic clock."""
    return monotonic_ns() // 1_000_000


class _Waiter(NamedTuple):
    """Who sleeps in `wait`."""

    woken: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop
    thread: int


def _rouse(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


class Coalescer(Generic[TriggerT]):
    """Collects triggers. `post` from any thread or signal handler (it takes no lock); all else from one thread.

    `throttle_ms` is in milliseconds, as is what `clock` returns.
    """

    def __init__(self, throttle_ms: int = 250, clock: Callable[[], int] = monotonic_ms) -> None:
        self.throttle_ms = throttle_ms
        self._clock = clock
        self._posted: deque[tuple[TriggerT, bool]] = deque()  # the only thing that other threads touch
        self._arrived: list[TriggerT] = []
        self._immediate = False  # one of the arrived is
        self._opens_at: int | None = None
        self._waiter: _Waiter | None = None

    def post(self, trigger: TriggerT, immediate: bool) -> None:
        """Add a trigger and wake the waiter."""
        self._posted.append((trigger, immediate))
        self.wake()

    def take(self) -> list[TriggerT]:
        """All that has arrived, in order, due or not. Closes the gate for throttled ones unless there was nothing."""
        self._collect()
        taken, self._arrived = self._arrived, []
        self._immediate = False
        if taken:
            self._opens_at = self._clock() + self.throttle_ms
        return taken

    def due_in_ms(self) -> int | None:
        """None: nothing is pending. 0: take now. Else the milliseconds until the throttle opens."""
        self._collect()
        if not self._arrived:
            return None
        if self._immediate or self._opens_at is None:
            return 0
        return max(0, self._opens_at - self._clock())

    async def wait(self) -> None:
        """Return when something is due; sleeps until then, without polling. One waiter at a time (RuntimeError)."""
        if self._waiter is not None:
            raise RuntimeError("somebody is waiting on this Coalescer already")
        import asyncio  # 30 ms, and whoever waits has it already

        loop = asyncio.get_running_loop()
        try:
            while True:
                # In place before the look, so that a post between look and sleep is not missed.
                woken: asyncio.Future[None] = loop.create_future()
                self._waiter = _Waiter(woken, loop, get_ident())
                due = self.due_in_ms()
                if due == 0:
                    return
                timer = loop.call_later(due / 1000, _rouse, woken) if due is not None else None
                try:
                    await woken
                finally:
                    if timer is not None:
                        timer.cancel()
        finally:
            self._waiter = None

    def wake(self) -> None:
        """Let `wait` look again: for whoever moves an injected clock. From any thread."""
        waiter = self._waiter
        if waiter is None:
            return
        if get_ident() == waiter.thread:
            _rouse(waiter.woken)
            return
        with suppress(RuntimeError):  # the loop has closed meanwhile: nobody waits any more
            waiter.loop.call_soon_threadsafe(_rouse, waiter.woken)

    def _collect(self) -> None:
        posted = self._posted
        while posted:
            trigger, immediate = posted.popleft()
            self._arrived.append(trigger)
            self._immediate = self._immediate or immediate
