"""The Python function of a Task."""

import asyncio
import functools
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smithers_py.errors import ReservedKeyError, TaskFailed, TaskTimeout
from smithers_py.workers.function import run_function
from smithers_py.workers.pool import DaemonPool


@pytest.fixture
def pool() -> Iterator[DaemonPool]:
    made = DaemonPool(max_threads=4)
    yield made
    made.close()


def run(fn: Any, pool: DaemonPool, ctx: Any = "ctx", timeout: float | None = None, **more: Any) -> Any:
    return asyncio.run(run_function(fn, ctx, pool, timeout, **more))


async def double(ctx: Any) -> Any:
    passed = asyncio.Event()
    asyncio.get_running_loop().call_soon(passed.set)
    await passed.wait()
    return ctx * 2


class Callee:
    async def __call__(self, ctx: Any) -> Any:
        return ctx * 2


@pytest.mark.requirement("N-5", "Z-13")
@pytest.mark.parametrize(
    ("fn", "expected"),
    [
        (lambda: 1, 1),
        (lambda ctx: ctx * 2, "ctxctx"),
        (lambda other=5: other, 5),
        (double, "ctxctx"),
        (lambda ctx: double(ctx), "ctxctx"),
        (functools.partial(double), "ctxctx"),
        (Callee(), "ctxctx"),
        (lambda: None, None),
    ],
)
def test_functions_of_every_shape(pool: DaemonPool, fn: Any, expected: Any) -> None:
    assert run(fn, pool) == expected


@pytest.mark.requirement("N-5")
def test_async_on_the_loop_and_sync_in_a_thread(pool: DaemonPool) -> None:
    async def here() -> int:
        return threading.get_ident()

    assert run(here, pool) == threading.get_ident()
    assert run(threading.get_ident, pool) != threading.get_ident()


def fails() -> None:
    raise LookupError("no such thing")


async def fails_async() -> None:
    raise LookupError("no such thing")


@pytest.mark.requirement("N-5", "E-4")
@pytest.mark.parametrize("fn", [fails, fails_async])
def test_an_exception_names_the_users_line(pool: DaemonPool, fn: Any) -> None:
    with pytest.raises(TaskFailed) as caught:
        run(fn, pool)
    error = caught.value
    assert isinstance(error.error, LookupError)
    assert error.__cause__ is error.error
    assert "LookupError: no such thing" in str(error)
    assert fn.__name__ in str(error)
    assert error.where.file == str(Path(__file__))
    assert error.where.line == fn.__code__.co_firstlineno + 1


def exits() -> None:
    raise SystemExit(3)


async def exits_async() -> None:
    raise SystemExit(3)


async def cancels_itself() -> None:
    raise asyncio.CancelledError


@pytest.mark.parametrize("fn", [exits, exits_async, cancels_itself, lambda: next(iter(())), lambda missing: missing])
def test_nothing_a_function_does_ends_the_engine(pool: DaemonPool, fn: Any) -> None:
    with pytest.raises(TaskFailed):
        run(fn, pool)


def test_our_own_errors_pass_unchanged(pool: DaemonPool) -> None:
    mine = ReservedKeyError("$x")

    def fn() -> None:
        raise mine

    with pytest.raises(ReservedKeyError) as caught:
        run(fn, pool)
    assert caught.value is mine


@pytest.mark.requirement("T-7")
def test_a_timeout_lets_an_async_function_clean_up(pool: DaemonPool) -> None:
    cleaned: list[str] = []

    async def fn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append("up")

    with pytest.raises(TaskTimeout) as caught:
        run(fn, pool, timeout=0.01)
    assert caught.value.seconds == 0.01
    assert cleaned == ["up"]


@pytest.mark.requirement("T-7", "Z-10")
def test_a_timeout_leaves_a_thread_behind(pool: DaemonPool) -> None:
    go_on = threading.Event()
    with pytest.raises(TaskTimeout):
        run(go_on.wait, pool, timeout=0.01)
    go_on.set()


def test_a_functions_own_timeout_error_is_not_ours(pool: DaemonPool) -> None:
    async def fn() -> None:
        raise TimeoutError("the server's")

    with pytest.raises(TaskFailed, match="the server's"):
        run(fn, pool, timeout=60)


@pytest.mark.requirement("T-7")
def test_cancellation_waits_for_the_clean_up_and_goes_on(pool: DaemonPool) -> None:
    async def scenario() -> None:
        begun, cleaned = asyncio.Event(), asyncio.Event()

        async def fn() -> None:
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                cleaned.set()

        task = asyncio.ensure_future(run_function(fn, None, pool, None))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cleaned.is_set()

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_a_function_that_refuses_to_end_is_left_behind_after_the_grace(pool: DaemonPool) -> None:
    async def scenario() -> None:
        release = asyncio.Event()
        left: list[str] = []

        async def stubborn() -> None:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await release.wait()
            left.append("late")
            raise ValueError("nobody hears this")

        with pytest.raises(TaskTimeout):
            await run_function(stubborn, None, pool, 0.01, grace_seconds=0.01)
        assert left == []
        others = asyncio.all_tasks() - {asyncio.current_task()}
        release.set()
        await asyncio.wait(others)
        assert left == ["late"]

    asyncio.run(scenario())
