"""The heartbeats of an engine: as long as it lives, and its loop with it, nobody takes its execution over (T-1, T-4).

A thread of its own sends them through the database's thread, so a handler that holds the loop up for some seconds costs
nothing. But a loop that has not ticked for half a lease is as good as dead, whatever the process is: then no heartbeat
is sent, and another engine may take over. A loop that ticks again late (a stopped process, a suspended laptop) sends
one at once, which either renews the lease or says who has taken over.
"""

import asyncio
import threading
from dataclasses import replace
from typing import Self

from smithers_persistence import DatabaseBusy
from smithers_py.engine.run import Run

_LOOP_SILENCE = 0.5
"""Leases without a tick of the loop after which no heartbeat is sent."""

_SHORTEST_MS = 20


class Heartbeat:
    """While open, renews the lease of a run; a lease that is lost, or a store that failed, ends the run."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lease = run.store.lease
        self._interval = max(_SHORTEST_MS, min(run.limits.heartbeat_ms, self._lease.lease_ms // 3)) / 1000
        self._loop = asyncio.get_running_loop()
        self._ticked_ms = self._lease.monotonic_ms()
        self._due = threading.Event()
        self._over = False
        self._timer: asyncio.TimerHandle | None = None
        self._thread = threading.Thread(target=self._send_all, name="smithers-heartbeat", daemon=True)

    def __enter__(self) -> Self:
        self._timer = self._loop.call_later(self._interval / 2, self._tick)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        self._due.set()
        if self._timer is not None:
            self._timer.cancel()
        # It sleeps or queues, both of which end at once; the database is closed after this.
        self._thread.join()

    def _tick(self) -> None:
        late = self._silent
        self._ticked_ms = self._lease.monotonic_ms()
        if late or self._lease.doubtful:
            self._due.set()
        self._timer = self._loop.call_later(self._interval / 2, self._tick)

    @property
    def _silent(self) -> bool:
        return self._lease.monotonic_ms() - self._ticked_ms >= _LOOP_SILENCE * self._lease.lease_ms

    def _send_all(self) -> None:
        while not self._over:
            self._due.wait(self._interval)
            self._due.clear()
            if not (self._over or self._silent):
                self._run.store.db.write_beside(self._run.store.renew, self._sent, "heartbeat")

    def _sent(self, error: BaseException | None) -> None:
        # A busy database is tried again with the next one.
        if error is None or isinstance(error, DatabaseBusy) or self._over:
            return
        # Somebody else may be running the same tasks already: what runs here gets no grace.
        self._run.limits = replace(self._run.limits, grace_ms=0)
        self._run.fail(error)
