"""Runs the Python function of a `Task` (N-5)."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from smithers_py.errors import SmithersError, TaskFailed, TaskTimeout
from smithers_py.workers.calling import call_with_ctx, is_async, misfit
from smithers_py.workers.pool import DaemonPool

GRACE_SECONDS = 5.0


async def run_function(
    fn: Callable[..., Any],
    ctx: Any,
    pool: DaemonPool,
    timeout: float | None,  # noqa: ASYNC109 - the clean-up after it has a time limit of its own
    *,
    grace_seconds: float = GRACE_SECONDS,
    begin: Callable[[], Awaitable[None]] | None = None,
) -> Any:
    """Call `fn` and return its value: async functions on this loop, sync ones in a thread of `pool`.

    `ctx` is passed to a parameter of that name (Z-13). `timeout` is in seconds, None for no limit. `begin()` is awaited
    right before the call, within the time limit.
    Raises TaskTimeout, and TaskFailed around whatever `fn` raised, SystemExit included; errors of our own tree pass
    unchanged. Cancellation and timeout are cooperative (T-7): an async function gets CancelledError and has
    `grace_seconds` to clean up, then it is left behind; a thread is left behind at once (Z-10).
    """
    loop = asyncio.get_running_loop()
    # The function's own end wakes us, or the timer: `asyncio.wait` would be one more turn of the loop for every task.
    over: asyncio.Future[None] = loop.create_future()
    work = loop.create_task(_call(fn, ctx, pool, over, begin))
    timer = None if timeout is None else loop.call_later(timeout, _wake, over)
    try:
        await over
    except asyncio.CancelledError:
        await _cancel(work, grace_seconds)
        raise
    finally:
        if timer is not None:
            timer.cancel()
    if not work.done():
        await _cancel(work, grace_seconds)
        raise TaskTimeout(timeout or 0, what=_name(fn))
    if work.cancelled():
        # Nobody cancelled us: the function raised it, or awaited something that was cancelled.
        raise TaskFailed(_name(fn), asyncio.CancelledError())
    error = work.exception()
    if error is None:
        return work.result()
    if isinstance(error, SmithersError):
        raise error
    hint = None
    if misfit(fn, ()):
        hint = "A Task calls it without arguments: Task(lambda: work(3)); a parameter named ctx gets the context."
    raise TaskFailed(_name(fn), error, hint=hint) from error


async def _call(
    fn: Callable[..., Any],
    ctx: Any,
    pool: DaemonPool,
    over: asyncio.Future[None],
    begin: Callable[[], Awaitable[None]] | None,
) -> Any:
    try:
        if begin is not None:
            await begin()
        if is_async(fn):
            return await call_with_ctx(fn, (), ctx)
        value = await pool.run(call_with_ctx, fn, (), ctx)
        if inspect.isawaitable(value):
            # A lambda around an async function: the thread only made the coroutine.
            return await value
    except SystemExit as error:
        # Kept inside a task, it would end the whole event loop.
        raise TaskFailed(_name(fn), error) from error
    finally:
        _wake(over)
    return value


def _wake(over: asyncio.Future[None]) -> None:
    if not over.done():
        over.set_result(None)


async def _cancel(work: asyncio.Future[Any], grace_seconds: float) -> None:
    """Cancel and wait for the clean-up; whatever comes out of it later is dropped."""
    work.cancel()
    work.add_done_callback(_drop)
    await asyncio.wait({work}, timeout=grace_seconds)


def _drop(work: asyncio.Future[Any]) -> None:
    # asyncio reports an exception that nobody looked at.
    if not work.cancelled():
        work.exception()


def _name(fn: Callable[..., Any]) -> str:
    return getattr(fn, "__qualname__", None) or type(fn).__name__
