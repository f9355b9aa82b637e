"""Daemon threads for sync functions.

The standard executors join their threads at interpreter exit, so one function that hangs keeps the program from ending;
and a thread cannot be killed. Here a cancelled call is abandoned: its awaiter goes on at once, its thread no longer
counts against the limit, and whatever the function returns later is dropped.
"""

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class DaemonPool:
    """At most `max_threads` daemon threads at work; idle ones are used again, abandoned ones are not counted."""

    def __init__(self, max_threads: int = 32) -> None:
        self.max_threads = max_threads
        self._changed = threading.Condition()
        self._jobs: deque[_Job] = deque()
        self._idle = 0  # threads that will look for a call without being asked: waiting, starting or just done
        self._threads = 0
        self._closed = False

    async def run(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Call `fn(*args)` in a thread, under a copy of the caller's context, and return its result.

        Raises what `fn` raises, RuntimeError when the pool is closed. When the awaiting task is cancelled this
        returns at once: a call that had not begun never runs, a running one is abandoned.
        """
        job = _Job(asyncio.get_running_loop(), contextvars.copy_context(), fn, args)
        self._submit(job)
        try:
            return await job.outcome
        finally:
            if not job.ended:
                self._abandon(job)

    def close(self) -> None:
        """End the idle threads and refuse new calls; running ones are left to themselves. Safe to call twice."""
        with self._changed:
            self._closed = True
            dropped = list(self._jobs)
            self._jobs.clear()
            for job in dropped:
                job.ended = True
            self._changed.notify_all()
        for job in dropped:
            job.deliver(None, RuntimeError("the pool was closed before the function began"))

    def _submit(self, job: "_Job") -> None:
        with self._changed:
            if self._closed:
                raise RuntimeError("the pool is closed")
            if self._idle <= len(self._jobs) and self._threads < self.max_threads:
                self._start_thread()
            self._jobs.append(job)
            self._changed.notify()

    def _start_thread(self) -> None:
        threading.Thread(target=self._work, name="smithers-task", daemon=True).start()
        self._threads += 1
        self._idle += 1

    def _abandon(self, job: "_Job") -> None:
        with self._changed:
            job.abandoned = True
            if not job.begun:
                self._jobs.remove(job)
            elif not job.ended:
                # Its thread may never come back: give the place to another one.
                self._threads -= 1
                if len(self._jobs) > self._idle:
                    self._start_thread()

    def _work(self) -> None:
        while (job := self._next()) is not None:
            value, error = job.call()
            with self._changed:
                job.ended = True
                if job.abandoned:
                    return
                self._idle += 1
            job.deliver(value, error)
            # An idle thread must not keep the last result and its traceback's frames alive.
            del job, value, error

    def _next(self) -> "_Job | None":
        with self._changed:
            while not self._jobs:
                if self._closed:
                    self._idle -= 1
                    self._threads -= 1
                    return None
                self._changed.wait()
            self._idle -= 1
            job = self._jobs.popleft()
            job.begun = True
            return job


class _Job:
    """One call; `begun`, `ended` and `abandoned` change only under the pool's lock."""

    __slots__ = ("abandoned", "args", "begun", "context", "ended", "fn", "loop", "outcome")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        context: contextvars.Context,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self.loop = loop
        self.context = context
        self.fn = fn
        self.args = args
        self.outcome: asyncio.Future[Any] = loop.create_future()
        self.begun = False
        self.ended = False
        self.abandoned = False

    def call(self) -> tuple[Any, BaseException | None]:
        try:
            return self.context.run(self.fn, *self.args), None
        except BaseException as error:  # noqa: BLE001 - handed to the awaiter, whatever it is
            return None, error

    def deliver(self, value: Any, error: BaseException | None) -> None:
        # RuntimeError: the loop was closed meanwhile, nobody waits any more.
        with suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._settle, value, error)

    def _settle(self, value: Any, error: BaseException | None) -> None:
        if self.outcome.done():
            return
        if error is None:
            self.outcome.set_result(value)
        elif isinstance(error, StopIteration):
            # A future refuses it, because it would end the generator that awaits.
            refused = RuntimeError("the function raised StopIteration")
            refused.__cause__ = error
            self.outcome.set_exception(refused)
        else:
            self.outcome.set_exception(error)
