"""Time as a value that is passed in, so that tests own it."""

import time
from typing import Protocol


class Clock(Protocol):
    """What the engine asks for the time; both answers are integer milliseconds."""

    def now_ms(self) -> int:
        """Wall clock: ms since the Unix epoch. It may jump, so never measure with it."""
        ...

    def monotonic_ms(self) -> int:
        """Ms since an arbitrary point; it never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return when `monotonic_ms` has moved on by so much."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Ms since the Unix epoch."""
        return time.time_ns() // 1_000_000

    def monotonic_ms(self) -> int:
        """Ms of the monotonic clock."""
        return time.monotonic_ns() // 1_000_000

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds."""
        import asyncio  # 30 ms, and whoever sleeps has it already

        await asyncio.sleep(seconds)
