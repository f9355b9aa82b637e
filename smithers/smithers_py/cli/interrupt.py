"""Ctrl-C and SIGTERM during a run: the first asks for a graceful stop, the second for an immediate one (C-5)."""

import asyncio
import signal
from collections.abc import Callable
from types import FrameType
from typing import Any, Protocol, Self


class Stoppable(Protocol):
    """The engine's StopRequest, as far as signals use it."""

    exit_code: int

    def request(self, now: bool) -> None:
        """Ask the run to stop: gracefully, or at once."""
        ...


EXIT_CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


class Interrupts:
    """While open, turns signals into stop requests. `received` is the first signal, None if there was none.

    Python-level handlers, not the loop's: they also run while the loop is held up by a user's synchronous code (an
    import or a render that never ends). If the loop has not even taken the first request when the second signal
    comes, KeyboardInterrupt is raised right there. Must be used in the main thread, inside the running loop.
    """

    def __init__(self, stop: Stoppable, tell: Callable[[str], None]) -> None:
        self.received: signal.Signals | None = None
        self._stop = stop
        self._tell = tell
        self._count = 0
        self._taken = 0
        self._loop = asyncio.get_running_loop()
        self._before: dict[signal.Signals, Any] = {}

    @property
    def exit_code(self) -> int | None:
        """130 after Ctrl-C, 143 after SIGTERM, None when nothing came (C-4)."""
        return None if self.received is None else EXIT_CODES[self.received]

    def __enter__(self) -> Self:
        for number in EXIT_CODES:
            self._before[number] = signal.signal(number, self._arrived)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _arrived(self, number: int, _frame: FrameType | None) -> None:
        self._count += 1
        if self.received is None:
            self.received = signal.Signals(number)
        if self._count > 2 or self._taken < self._count - 1:
            raise KeyboardInterrupt
        self._loop.call_soon_threadsafe(self._request, self._count)

    def _request(self, count: int) -> None:
        self._taken = count
        self._stop.exit_code = self.exit_code or 130
        self._stop.request(count > 1)
        self._tell("stopping now" if count > 1 else "stopping; once more to stop now")
