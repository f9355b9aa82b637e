"""Two requests to stop that arrive together are heard as two (C-5)."""

import asyncio
from pathlib import Path

import pytest

from smithers_py import Task, component
from smithers_py.engine.launch import StopRequest
from smithers_py.engine.run import Limits
from smithers_py.testing import run_plan


@pytest.mark.requirement("C-5", "T-7")
def test_now_ends_a_task_that_would_use_its_grace(tmp_path: Path) -> None:
    asyncio.run(_stop_now(tmp_path))


async def _stop_now(tmp_path: Path) -> None:
    stop = StopRequest()

    async def stubborn() -> None:
        asyncio.get_running_loop().call_soon(both)
        try:
            await asyncio.sleep(600)
        finally:
            await asyncio.sleep(600)

    def both() -> None:
        stop.request(False)
        stop.request(True)

    @component
    def app(ctx):
        return Task(stubborn, id="stubborn")

    async with asyncio.timeout(30):
        limits = Limits(idle_timeout_ms=0, grace_ms=600_000)
        result = await run_plan(app, db_path=tmp_path / "db.sqlite", limits=limits, stop=stop)
    assert (result.status, result.exit_code) == ("stopped", 130)
