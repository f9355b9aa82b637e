"""A node's timeout, which stands still while the agent waits for a person or for a provider's rate limit."""

import asyncio
from types import TracebackType
from typing import Self


class Deadline:
    """`async with Deadline(seconds) as deadline:` raises TimeoutError when they are used up; None: never."""

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self._limit = asyncio.timeout(seconds)
        self._holds: set[str] = set()
        self._left: float | None = None
        self._over = False

    async def __aenter__(self) -> Self:
        await self._limit.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        self._over = True
        return await self._limit.__aexit__(kind, error, trace)

    @property
    def passed(self) -> bool:
        """Whether it was this that ended the work."""
        return self._limit.expired()

    def hold(self, why: str) -> None:
        """Stand still until `go_on(why)`."""
        ends = self._limit.when()
        if not (self._over or self._holds or ends is None):
            self._left = max(0.0, ends - asyncio.get_running_loop().time())
            self._limit.reschedule(None)
        self._holds.add(why)

    def go_on(self, why: str) -> None:
        """This is waited for no more; when nothing is, time goes on."""
        self._holds.discard(why)
        if not (self._over or self._holds or self._left is None):
            self._limit.reschedule(asyncio.get_running_loop().time() + self._left)
            self._left = None
