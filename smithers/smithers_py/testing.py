"""Public helpers for testing plans: a clock you move, a run on a temporary database (Z-23), and kills (T-5).

from smithers_py.testing import run_plan

async def test_my_plan(tmp_path):
    result = await run_plan(app, db_path=tmp_path / "db.sqlite")
    assert result.status == "completed"
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Any

from smithers_py.config import Config
from smithers_py.dsl.component import Component, Element
from smithers_py.engine.launch import RunOptions, StopRequest
from smithers_py.engine.launch import run_plan as _run_plan
from smithers_py.engine.observer import Observer
from smithers_py.engine.results import RunResult
from smithers_py.engine.run import Limits
from smithers_py.faults import Survived, crash_at, crash_points, kill_and_resume

__all__ = ["FakeClock", "Survived", "crash_at", "crash_points", "kill_and_resume", "run_plan"]


class FakeClock:
    """A clock that stands still until `advance(ms)`. Both of its times are integer milliseconds."""

    def __init__(self, now_ms: int = 1_767_225_600_000) -> None:
        self._now = now_ms
        self._monotonic = 0
        self._sleepers: list[tuple[int, asyncio.Future[None]]] = []
        self._asleep = asyncio.Event()

    def now_ms(self) -> int:
        """Wall clock: ms since the Unix epoch."""
        return self._now

    def monotonic_ms(self) -> int:
        """Ms since this clock was made."""
        return self._monotonic

    async def sleeping(self) -> None:
        """Wait until somebody, a Timer for one, waits for this clock to be moved on."""
        while not self._sleepers:
            self._asleep.clear()
            await self._asleep.wait()

    def advance(self, ms: int) -> None:
        """Move both times on by `ms` milliseconds; whoever sleeps until then wakes up. In the run's thread only."""
        self._now += ms
        self._monotonic += ms
        due = [waker for until, waker in self._sleepers if until <= self._monotonic]
        self._sleepers = [one for one in self._sleepers if one[0] > self._monotonic]
        for waker in due:
            if not waker.done():
                waker.set_result(None)

    def jump(self, ms: int) -> None:
        """Set the wall clock forward or back, as people and time servers do; no time passes."""
        self._now += ms

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock was moved on so far."""
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._monotonic + round(seconds * 1000), waker))
        self._asleep.set()
        await waker


async def run_plan(
    app: Component | Element,
    *,
    db_path: Path | None = None,
    workspace: Path | None = None,
    input: Any = None,  # noqa: A002 - the word of the spec
    state: dict[str, Any] | None = None,
    model: Any = "test",
    limits: Limits | None = None,
    clock: FakeClock | None = None,
    observer: Observer | None = None,
    stop: StopRequest | None = None,
    strict: bool = False,
    config: Config | None = None,
    wait: bool = False,
) -> RunResult:
    """Run a plan to its end with offline models, no idle time and, unless given, a temporary database and workspace.

    A plan that asks a person, and has nothing else to do, ends as "waiting" unless `wait` says that somebody answers.
    Nothing is read from a configuration file; `config` has budgets, aliases and the like.

    Raises:
        UsageError, StoreError: as `smithers run` would report them.
    """
    with tempfile.TemporaryDirectory(prefix="smithers-") as folder:
        home = Path(folder)
        options = RunOptions(
            script=None,
            db_path=db_path or home / "db.sqlite",
            state=state or {},
            input=input,
            model=model,
            workspace=workspace or (db_path.parent if db_path else home),
            limits=limits or Limits(idle_timeout_ms=0),
            strict=strict,
            wait=wait,
            config=config or Config(),
        )
        return await _run_plan(app, options, observer, stop, clock=clock)
