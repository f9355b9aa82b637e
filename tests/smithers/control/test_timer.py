"""Timer: waits by the run's clock, is not moved by the wall clock, goes on after a restart with what is left (N-10)."""

from datetime import UTC, datetime, timedelta

import pytest

from smithers_py import Phase, Task, Timer, plan
from smithers_py.testing import FakeClock, run_plan

HOUR = 3_600_000
START = 1_767_225_600_000


@plan
def Pause(ctx):
    with Phase("wait"):
        Timer("pause", seconds=3600).on_finished(lambda r: ctx.state.set("rang", r.duration_ms))
    with Phase("after"):
        Task(lambda: None, id="after")


@pytest.mark.requirement("N-10", "O-2")
async def test_it_shows_until_when_it_waits_and_fires_by_the_clock(run):
    clock = FakeClock(START)
    async with run(Pause, clock=clock) as live:
        await live.event("execution.waiting")
        assert await live.state("$node/pause") == {"status": "blocked", "reason": "timer"}
        assert (await live.task("pause")).blocked_json == f'{{"reason":"timer","until":{START + HOUR}}}'
        assert (await live.reader.run_state(live.id)).state == "waiting-timer"
        await clock.sleeping()
        clock.advance(HOUR - 1)
        assert await live.word("pause") == "blocked"
        clock.advance(1)
        assert (await live.result()).status == "completed"
        assert await live.state("rang") == HOUR


@pytest.mark.parametrize("jump", [3 * HOUR, -3 * HOUR])
@pytest.mark.requirement("N-10")
async def test_a_wall_clock_that_jumps_moves_nothing(run, jump):
    clock = FakeClock(START)
    async with run(Pause, clock=clock) as live:
        await live.event("execution.waiting")
        await clock.sleeping()
        clock.jump(jump)
        clock.advance(HOUR - 1)
        await clock.sleeping()
        assert await live.word("pause") == "blocked"
        clock.advance(1)
        assert (await live.result()).status == "completed"


@pytest.mark.requirement("N-10")
async def test_until_a_time_that_has_passed_is_over_at_once(run):
    past = datetime.fromtimestamp(START / 1000, UTC) - timedelta(days=1)

    @plan
    def App(ctx):
        Timer("past", until=past).on_finished(lambda r: ctx.state.set("rang", True))

    async with run(App, clock=FakeClock(START)) as live:
        assert (await live.result()).status == "completed"
        assert await live.state("rang") is True


@pytest.mark.requirement("N-10")
async def test_until_waits_for_that_time(run):
    clock = FakeClock(START)
    due = datetime.fromtimestamp(START / 1000, UTC) + timedelta(minutes=5)

    @plan
    def App(ctx):
        Timer("t", until=due).on_finished(lambda r: ctx.state.set("at", clock.now_ms()))

    async with run(App, clock=clock) as live:
        await live.event("execution.waiting")
        await clock.sleeping()
        clock.advance(300_000)
        assert (await live.result()).status == "completed"
        assert await live.state("at") == START + 300_000


@pytest.mark.requirement("N-10", "P-2")
async def test_no_wait_waits_for_times_all_the_same(tmp_path):
    @plan
    def App(ctx):
        Timer("t", seconds=0.05).on_finished(lambda r: ctx.state.set("rang", True))

    result = await run_plan(App, db_path=tmp_path / "db.sqlite", wait=False)
    assert (result.status, result.exit_code) == ("completed", 0)
