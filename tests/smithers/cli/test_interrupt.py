"""Ctrl-C once asks, twice insists (C-5)."""

import asyncio
import os
import signal

import pytest

from smithers_py.cli.interrupt import Interrupts

pytestmark = pytest.mark.requirement("C-5", "C-4")


class Stop:
    """A stop request that writes down what it was asked and lets the test wait for it."""

    def __init__(self):
        self.asked = []
        self.event = asyncio.Event()

    def request(self, now):
        self.asked.append(now)
        self.event.set()


async def send(number, stop):
    stop.event.clear()
    os.kill(os.getpid(), number)
    await asyncio.wait_for(stop.event.wait(), 5)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_first_asks_second_insists_third_breaks_off(number, code):
    told = []

    async def body():
        stop = Stop()
        with Interrupts(stop, told.append) as interrupts:
            assert interrupts.exit_code is None
            await send(number, stop)
            assert stop.asked == [False]
            await send(number, stop)
            assert stop.asked == [False, True]
            assert interrupts.exit_code == code
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), number)

    before = signal.getsignal(signal.SIGTERM)
    asyncio.run(body())
    assert len(told) == 2
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_one_breaks_into_code_that_holds_the_loop_up():
    async def body():
        stop = Stop()
        with Interrupts(stop, print):
            os.kill(os.getpid(), signal.SIGINT)
            # The loop has had no turn since, as when a render never ends.
            with pytest.raises(KeyboardInterrupt):
                os.kill(os.getpid(), signal.SIGINT)

    asyncio.run(body())
