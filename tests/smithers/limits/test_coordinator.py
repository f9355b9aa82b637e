"""The line before each model: windows, how many at once, who waits for whom. Time is virtual."""

import asyncio
from random import Random

import pytest
from virtual_time import WALL, Provider, Shelf, Shown, VirtualTime, agent, coordinator_in

from smithers_py.agents.coordinator import START, shared_coordinator


async def crowd(seed: int, agents: int, allowed: int, turns: int = 1, **provider: float) -> Provider:
    rng = Random(seed)
    time = VirtualTime()
    server = Provider(time, allowed=allowed, **provider)  # pyright: ignore[reportArgumentType]
    coordinator = coordinator_in(time, rng)
    await time.run(*(agent(coordinator, server, rng, turns=turns) for _ in range(agents)))
    assert server.in_flight == 0
    return server


@pytest.mark.requirement("E-2")
@pytest.mark.parametrize("seed", range(40))
def test_twenty_agents_at_a_provider_that_allows_three(seed: int) -> None:
    server = asyncio.run(crowd(seed, agents=20, allowed=3))
    assert server.requests <= 24, "the minimum is 20"
    assert server.too_early == 0
    assert server.most == 3


@pytest.mark.requirement("E-2")
@pytest.mark.parametrize("allowed", [1, 2, 5, 8])
def test_long_work_wastes_few_requests(allowed: int) -> None:
    for seed in range(5):
        server = asyncio.run(crowd(seed, agents=12, allowed=allowed, turns=10))
        assert server.refused <= 7, (seed, server.refused)


@pytest.mark.requirement("E-2")
def test_a_provider_that_allows_all_is_asked_by_ten_at_once() -> None:
    server = asyncio.run(crowd(1, agents=40, allowed=1000, turns=3))
    assert (server.most, server.refused, server.requests) == (10, 0, 120)


@pytest.mark.requirement("E-2")
def test_it_begins_with_a_few_and_grows_with_each_answer() -> None:
    async def main() -> tuple[int, int]:
        time = VirtualTime()
        server = Provider(time, allowed=1000)
        coordinator = coordinator_in(time)
        before = coordinator.limit_of("p:m")
        await time.run(*(agent(coordinator, server, Random(1)) for _ in range(30)))
        return before, coordinator.limit_of("p:m")

    assert asyncio.run(main()) == (START, 10)


@pytest.mark.requirement("E-1", "E-2")
def test_without_retry_after_the_window_doubles_with_each_refusal_in_a_row() -> None:
    async def main() -> list[int]:
        time = VirtualTime()
        coordinator = coordinator_in(time)
        coordinator.random = lambda: 1.0
        waits: list[int] = []
        for _ in range(8):
            async with asyncio.timeout(5):
                begun = time.ms

                async def refused() -> None:
                    async with coordinator.turn("p:m", Shown()) as turn:
                        waits.append(await turn.refused(None, "rate_limited"))

                await time.run(refused())
                assert time.ms >= begun
        return waits

    waits = asyncio.run(main())
    # One ms more than asked: clocks show whole ones.
    assert [wait - 1 for wait in waits] == [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000]


@pytest.mark.requirement("E-2")
def test_after_the_window_one_request_goes_ahead_alone() -> None:
    async def main() -> list[float]:
        time = VirtualTime()
        server = Provider(time, allowed=2, took_ms=200)
        coordinator = coordinator_in(time)
        starts: list[float] = []
        asked = server.ask

        async def note(rng: Random) -> None:
            starts.append(time.ms)
            await asked(rng)

        server.ask = note
        await time.run(*(agent(coordinator, server, Random(3)) for _ in range(8)))
        return starts

    starts = asyncio.run(main())
    after = [at for at in starts if at >= 1000]
    assert 1000 < after[0] < 1003
    assert after[1] > after[0] + 50, "the second one waited for the first one's answer"


@pytest.mark.requirement("E-2")
def test_models_do_not_wait_for_each_other() -> None:
    async def main() -> tuple[float, list[tuple[str | None, int | None]]]:
        time = VirtualTime()
        full = Provider(time, allowed=0, retry_after=5.0)
        free = Provider(time, allowed=10, took_ms=100)
        coordinator = coordinator_in(time)
        shown = Shown()
        stuck = asyncio.ensure_future(agent(coordinator, full, Random(1), key="p:full", shown=shown))
        await time.settle()
        await time.run(agent(coordinator, free, Random(1), key="p:free"))
        took = time.ms
        stuck.cancel()
        await asyncio.gather(stuck, return_exceptions=True)
        return took, shown.calls

    took, calls = asyncio.run(main())
    assert took < 200
    assert calls == [("rate_limit", WALL + 5001), (None, None)], "cancelled while it waited: not blocked any more"


@pytest.mark.requirement("E-3")
def test_who_waits_is_shown_with_the_end_of_the_window() -> None:
    async def main() -> list[list[tuple[str | None, int | None]]]:
        time = VirtualTime()
        server = Provider(time, allowed=1, took_ms=100)
        coordinator = coordinator_in(time)
        shown = [Shown() for _ in range(6)]
        await time.run(*(agent(coordinator, server, Random(2), shown=one) for one in shown))
        return [one.calls for one in shown]

    first, *others = asyncio.run(main())
    assert first == [], "the one that was let in at once never waited"
    for calls in others:
        assert calls[0] == ("rate_limit", WALL + 1001)
        assert calls[-1] == (None, None)


@pytest.mark.requirement("E-2")
@pytest.mark.parametrize("seed", range(20))
def test_cancelled_agents_leave_their_places(seed: int) -> None:
    async def main() -> None:
        rng = Random(seed)
        time = VirtualTime()
        server = Provider(time, allowed=2)
        coordinator = coordinator_in(time, rng, max_calls=4)
        doomed = [asyncio.ensure_future(agent(coordinator, server, rng)) for _ in range(10)]
        for one in doomed:
            time.call_later(rng.uniform(0, 3), one.cancel)
        await time.run(*(agent(coordinator, server, rng) for _ in range(10)))
        await asyncio.gather(*doomed, return_exceptions=True)
        # All places are free: as many as ever can be asked at once.
        free = Provider(time, allowed=100)
        await time.run(*(agent(coordinator, free, rng, key="p:other", turns=5) for _ in range(10)))
        assert free.most == 4

    asyncio.run(main())


@pytest.mark.requirement("E-2")
def test_processes_on_one_database_share_the_window() -> None:
    async def main() -> tuple[Provider, int]:
        rng = Random(5)
        time, shelf = VirtualTime(), Shelf()
        server = Provider(time, allowed=0, retry_after=3.0)
        here, there = coordinator_in(time, rng), coordinator_in(time, rng)

        async def opened() -> None:
            await time.wait(2900)
            server.allowed = 5

        async def later() -> None:
            await time.wait(1000)
            await agent(there, server, rng, store=shelf)

        await time.run(agent(here, server, rng, store=shelf), later(), opened())
        return server, shelf.reads

    server, reads = asyncio.run(main())
    assert (server.requests, server.refused, server.too_early) == (3, 1, 0)
    assert reads == 2, "each process asks at its start, then only when it is refused"


@pytest.mark.requirement("E-2")
def test_a_window_written_under_a_wrong_clock_is_not_believed_for_years() -> None:
    async def main() -> float:
        time, shelf = VirtualTime(), Shelf()
        shelf.until["p:m"] = WALL + 10 * 365 * 86_400_000
        await time.run(agent(coordinator_in(time), Provider(time, allowed=5), Random(1), store=shelf))
        return time.ms

    assert asyncio.run(main()) < 3_601_000


@pytest.mark.requirement("E-2")
def test_one_coordinator_for_all_executions_of_a_process() -> None:
    async def main() -> None:
        first = shared_coordinator(10)
        assert shared_coordinator(4) is first
        assert shared_coordinator(8).max_calls == 4

    asyncio.run(main())


@pytest.mark.requirement("E-2")
@pytest.mark.parametrize("retry_after", [0.0, -5.0])
def test_a_provider_that_says_0_is_not_asked_in_a_loop(retry_after: float) -> None:
    async def main() -> int:
        time = VirtualTime()
        server = Provider(time, allowed=0, retry_after=retry_after)

        async def opened() -> None:
            await time.wait(30_000)
            server.allowed = 1

        await time.run(agent(coordinator_in(time), server, Random(1)), opened())
        return server.requests

    assert asyncio.run(main()) <= 16
