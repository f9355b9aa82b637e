"""What is known of one runnable's work, from its turn until it leaves the plan (T-1, T-8)."""

import asyncio
from typing import Any

from smithers_py.engine.asking import Blocked
from smithers_py.engine.instance import Instance
from smithers_py.engine.results import TaskResult
from smithers_py.errors import SmithersError


class Claim:
    """A frame's claims on their way to the disk. Whoever waits has a future of his own: cancelling one of the tasks
    leaves the others alone, and each is woken in the next turn of the loop.
    """

    __slots__ = ("_waiters", "landed")

    def __init__(self) -> None:
        self.landed: bool | None = None
        """None: not yet known. False: they could not be written."""
        self._waiters: list[asyncio.Future[None]] = []

    def waiter(self) -> asyncio.Future[None]:
        """Done when they are on disk, cancelled when they are lost."""
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        if self.landed is not None:
            self.settle(self.landed)
        return waiter

    def settle(self, landed: bool) -> None:
        """Tell everybody."""
        self.landed = landed
        for waiter in self._waiters:
            if not waiter.done():
                if landed:
                    waiter.set_result(None)
                else:
                    waiter.cancel()
        self._waiters.clear()


class TaskState:
    """What the engine knows of a runnable's work; `attempt` counts from 1."""

    __slots__ = (
        "attempt",
        "blocked",
        "claim",
        "crashes",
        "error",
        "job",
        "orphaned",
        "over",
        "result",
        "scheduled_mono",
        "scheduled_ms",
        "signature",
        "started_ms",
        "timer",
        "uncounted",
    )

    def __init__(self, scheduled_ms: int = 0, scheduled_mono: int | None = None) -> None:
        self.attempt = 1
        self.scheduled_ms = scheduled_ms
        self.scheduled_mono = scheduled_mono
        """When its turn came, on the monotonic clock; None: in a process that is gone."""
        self.blocked: Blocked | None = None
        self.crashes = 0
        """Attempts that died with their engine: counted apart from those that failed (Z-7)."""
        self.uncounted = 0
        """Attempts that `retries` does not count: those that crashed, and all before a person's retry (Z-7)."""
        self.orphaned = False
        """The attempt before this one died with its engine, which matters to who must ask first (`on_orphan`)."""
        self.started_ms = 0
        self.signature: bytes | None = None
        """The code that it was scheduled with (signature.py)."""
        self.claim: Claim | None = None
        """Of an attempt that was made ready while its claim went to the disk."""
        self.over = False
        """The work has ended; its record is being written, which must not be cancelled."""
        self.job: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.result: TaskResult | None = None
        self.error: SmithersError | None = None

    @property
    def tries(self) -> int:
        """Which attempt this is for `retries`, from 1."""
        return self.attempt - self.uncounted

    def begin_anew(self) -> None:
        """A person wants another attempt, whatever became of the last: it has all its retries, for nobody who tries
        again by hand has the failures in mind that came before (and a cancelled attempt has not failed at all).
        """
        self.uncounted = self.attempt
        self.attempt += 1
        self.result = self.error = None

    @property
    def is_lost(self) -> bool:
        """The claim could not be written: nobody will hear of this attempt."""
        return self.claim is not None and self.claim.landed is False


def state_of(inst: Instance) -> Any:
    """The TaskState of a runnable that was reached, else None."""
    return inst.extra if isinstance(inst.extra, TaskState) else None
