"""When frames start: an injected clock for the arithmetic, a real loop for the waking."""

import asyncio
import threading

import pytest

from smithers_reactive import Coalescer

pytestmark = pytest.mark.requirement("R-7")


class Clock:
    def __init__(self) -> None:
        self.now = 1_000

    def __call__(self) -> int:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_nothing_pending_is_never_due(clock: Clock) -> None:
    c = Coalescer[str](clock=clock)
    assert c.due_in_ms() is None
    assert c.take() == []
    clock.now += 10_000
    assert c.due_in_ms() is None


def test_immediate_ones_are_due_at_once_and_share_with_what_is_queued(clock: Clock) -> None:
    c = Coalescer[str](clock=clock)
    c.post("first", immediate=False)
    assert c.due_in_ms() == 0  # after a quiet time the leading edge is not delayed
    assert c.take() == ["first"]
    c.post("progress", immediate=False)
    assert c.due_in_ms() == 250
    c.post("finished", immediate=True)
    c.post("stream", immediate=False)
    assert c.due_in_ms() == 0
    assert c.take() == ["progress", "finished", "stream"]
    assert c.due_in_ms() is None


def test_throttled_ones_make_at_most_one_frame_per_interval(clock: Clock) -> None:
    c = Coalescer[int](throttle_ms=100, clock=clock)
    frames = []
    for n in range(1_000):  # one trigger each millisecond
        c.post(n, immediate=False)
        if c.due_in_ms() == 0:
            frames.append((clock.now, len(c.take())))
        clock.now += 1
    assert [at for at, _ in frames] == list(range(1_000, 2_000, 100))
    assert {size for _, size in frames[1:]} == {100}


def test_the_gate_counts_from_the_last_take_that_had_something(clock: Clock) -> None:
    c = Coalescer[str](clock=clock)
    c.post("a", immediate=True)
    c.take()
    clock.now += 200
    assert c.take() == []  # changes nothing
    c.post("b", immediate=False)
    assert c.due_in_ms() == 50
    clock.now += 60
    assert c.due_in_ms() == 0


def test_an_immediate_one_does_not_make_the_next_immediate(clock: Clock) -> None:
    c = Coalescer[str](clock=clock)
    c.post("stop", immediate=True)
    c.take()
    c.post("tick", immediate=False)
    assert c.due_in_ms() == 250


async def start_waiting(c: Coalescer) -> asyncio.Task[None]:
    task = asyncio.create_task(c.wait())
    await asyncio.sleep(0)
    assert not task.done()
    return task


def test_wait_wakes_on_a_post_from_the_loop_and_from_a_thread(clock: Clock) -> None:
    async def main() -> None:
        c = Coalescer[str](clock=clock)
        task = await start_waiting(c)
        c.post("here", immediate=True)
        await asyncio.wait_for(task, 5)
        assert c.take() == ["here"]
        task = await start_waiting(c)
        threading.Thread(target=c.post, args=("there", True)).start()
        await asyncio.wait_for(task, 5)
        assert c.take() == ["there"]
        c.post("before", immediate=True)
        await c.wait()  # due already: does not sleep

    asyncio.run(main())


def test_wait_sleeps_until_the_throttle_opens_and_an_immediate_one_cuts_it_short() -> None:
    async def main() -> None:
        c = Coalescer[str](throttle_ms=20)
        c.post("a", immediate=False)
        await c.wait()
        c.take()
        c.post("b", immediate=False)
        await asyncio.wait_for(c.wait(), 5)  # the loop's timer
        assert c.take() == ["b"]
        slow = Coalescer[str](throttle_ms=3_600_000)
        slow.post("a", immediate=True)
        slow.take()
        slow.post("b", immediate=False)
        task = await start_waiting(slow)
        slow.post("c", immediate=True)
        await asyncio.wait_for(task, 5)
        assert slow.take() == ["b", "c"]

    asyncio.run(main())


def test_moving_an_injected_clock_wakes_through_wake(clock: Clock) -> None:
    async def main() -> None:
        c = Coalescer[str](throttle_ms=3_600_000, clock=clock)
        c.post("a", immediate=True)
        c.take()
        c.post("b", immediate=False)
        task = await start_waiting(c)
        c.wake()
        await asyncio.sleep(0)
        assert not task.done()
        clock.now += 3_600_000
        c.wake()
        await asyncio.wait_for(task, 5)

    asyncio.run(main())


def test_one_waiter_at_a_time_and_a_cancelled_one_leaves_no_trace(clock: Clock) -> None:
    async def main() -> None:
        c = Coalescer[str](clock=clock)
        task = await start_waiting(c)
        with pytest.raises(RuntimeError, match="waiting"):
            await c.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        c.post("a", immediate=True)
        await c.wait()
        assert c.take() == ["a"]

    asyncio.run(main())


def test_nothing_is_lost_or_reordered_under_many_threads() -> None:
    """Each poster's triggers arrive in its order, all of them, whatever the interleaving."""

    async def main() -> None:
        c = Coalescer[tuple[int, int]](throttle_ms=1)
        posters = [
            threading.Thread(target=lambda p=p: [c.post((p, n), immediate=n % 7 == 0) for n in range(2_000)])
            for p in range(4)
        ]
        for poster in posters:
            poster.start()
        got: list[tuple[int, int]] = []
        while len(got) < 8_000:
            await asyncio.wait_for(c.wait(), 10)
            got += c.take()
        for p in range(4):
            assert [n for poster, n in got if poster == p] == list(range(2_000))

    asyncio.run(main())


def test_posting_after_the_loop_is_gone_keeps_the_trigger(clock: Clock) -> None:
    c = Coalescer[str](clock=clock)

    async def main() -> None:
        await start_waiting(c)  # left behind: cancelled by the end of the loop

    asyncio.run(main())
    c.post("late", immediate=True)
    assert c.take() == ["late"]
