"""Threads that can be left behind."""

import asyncio
import contextvars
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from smithers_py.workers.pool import DaemonPool

where = contextvars.ContextVar("where", default="nowhere")


@pytest.fixture
def pool() -> Iterator[DaemonPool]:
    made = DaemonPool(max_threads=2)
    yield made
    made.close()


def test_runs_in_a_daemon_thread_under_a_copy_of_the_context(pool: DaemonPool) -> None:
    def look() -> tuple[str, bool]:
        seen = where.get()
        where.set("changed")
        return seen, threading.current_thread().daemon

    async def scenario() -> None:
        where.set("here")
        assert await pool.run(look) == ("here", True)
        assert where.get() == "here"

    asyncio.run(scenario())


def test_idle_threads_are_used_again(pool: DaemonPool) -> None:
    async def scenario() -> None:
        assert len({await pool.run(threading.get_ident) for _ in range(20)}) == 1
        assert len({*await asyncio.gather(*(pool.run(threading.get_ident) for _ in range(50)))}) <= 2

    asyncio.run(scenario())


@pytest.mark.requirement("Z-10")
def test_no_more_than_max_threads_work_at_once(pool: DaemonPool) -> None:
    lock = threading.Lock()
    running, most = 0, 0
    both = threading.Barrier(2, timeout=10)

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        both.wait()  # passes only when two work at the same time
        with lock:
            running -= 1

    async def scenario() -> None:
        await asyncio.gather(*(pool.run(work) for _ in range(10)))
        assert most == 2

    asyncio.run(scenario())


@pytest.mark.parametrize("error", [ValueError("x"), KeyboardInterrupt(), SystemExit(3)])
def test_what_is_raised_reaches_the_awaiter(pool: DaemonPool, error: BaseException) -> None:
    def fail() -> None:
        raise error

    async def scenario() -> None:
        with pytest.raises(type(error)) as caught:
            await pool.run(fail)
        assert caught.value is error

    asyncio.run(scenario())


def test_stop_iteration_cannot_end_the_awaiters_generator(pool: DaemonPool) -> None:
    async def scenario() -> None:
        with pytest.raises(RuntimeError, match="StopIteration"):
            await pool.run(next, iter(()))

    asyncio.run(scenario())


@pytest.mark.requirement("T-7", "Z-10")
def test_cancelling_returns_at_once_and_gives_the_place_away(pool: DaemonPool) -> None:
    go_on = threading.Event()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        begun = asyncio.Queue[int]()

        def hang(number: int) -> str:
            loop.call_soon_threadsafe(begun.put_nowait, number)
            go_on.wait()
            return "dropped"

        hanging = [asyncio.ensure_future(pool.run(hang, number)) for number in range(2)]
        await begun.get()
        await begun.get()
        waiting = asyncio.ensure_future(pool.run(lambda: "ran"))
        never = asyncio.ensure_future(pool.run(hang, 9))
        await asyncio.wait({waiting}, timeout=0)
        assert not waiting.done()  # both threads are taken
        never.cancel()
        hanging[0].cancel()
        assert await waiting == "ran"
        for task in (never, hanging[0]):
            with pytest.raises(asyncio.CancelledError):
                await task
        go_on.set()
        assert await hanging[1] == "dropped"
        assert begun.empty()  # the call cancelled before its turn never ran

    asyncio.run(scenario())


def test_a_result_that_comes_after_the_loop_is_dropped(pool: DaemonPool) -> None:
    go_on, ended = threading.Event(), threading.Event()

    async def scenario() -> None:
        begun = asyncio.Event()
        loop = asyncio.get_running_loop()

        def hang() -> None:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait()
            ended.set()

        task = asyncio.ensure_future(pool.run(hang))
        await begun.wait()
        task.cancel()

    asyncio.run(scenario())
    go_on.set()
    assert ended.wait(10)


def test_closing_ends_idle_threads_and_refuses_calls() -> None:
    pool = DaemonPool(max_threads=1)
    go_on = threading.Event()

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        begun = asyncio.Event()

        def work() -> threading.Thread:
            loop.call_soon_threadsafe(begun.set)
            go_on.wait()
            return threading.current_thread()

        running = asyncio.ensure_future(pool.run(work))
        await begun.wait()
        queued = asyncio.ensure_future(pool.run(int))
        await asyncio.wait({queued}, timeout=0)
        pool.close()
        pool.close()
        with pytest.raises(RuntimeError, match="closed"):
            await queued
        with pytest.raises(RuntimeError, match="closed"):
            await pool.run(int)
        go_on.set()
        thread = await running
        thread.join(10)
        assert not thread.is_alive()

    asyncio.run(scenario())


def test_a_function_that_hangs_does_not_keep_the_interpreter_from_ending() -> None:
    code = """
import asyncio, threading
from smithers_py.workers.pool import DaemonPool
async def main():
    begun = asyncio.Event()
    loop = asyncio.get_running_loop()
    def hang():
        loop.call_soon_threadsafe(begun.set)
        threading.Event().wait()
    task = asyncio.ensure_future(DaemonPool().run(hang))
    await begun.wait()
    task.cancel()
asyncio.run(main())
print("ended")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert (done.stdout, done.stderr) == ("ended\n", "")
