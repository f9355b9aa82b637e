"""The limit, the log, and how the server ends."""

import asyncio

import pytest
from loopback_models import MODELS

from smithers_py.loopback import Loopback, Reply, Request, hang, say


def test_so_many_at_a_time_and_the_rest_is_told_to_wait(ask) -> None:
    """Five come at once, three fit: the three are held until all five have come."""
    from pydantic_ai.exceptions import ModelRateLimitError

    def brain(request: Request) -> Reply:
        server.wait_for(5)
        return say("you were lucky")

    async def scenario() -> None:
        asked = [ask(server, MODELS[0], f"request {number}") for number in range(5)]
        ends = await asyncio.gather(*asked, return_exceptions=True)
        refused = [one for one in ends if isinstance(one, ModelRateLimitError)]
        assert len(refused) == 2
        assert [error.retry_after for error in refused] == [2.0, 2.0]

    with Loopback(brain, limit=3, retry_after=2) as server:
        asyncio.run(scenario())
        assert server.max_in_flight == 3
        assert (server.count(), server.count(status=200), server.count(status=429)) == (5, 3, 2)
        assert [entry.number for entry in server.requests] == [1, 2, 3, 4, 5]
        assert [entry.in_flight for entry in server.requests[2:]] == [3, 3, 3]
        assert asyncio.run(ask(server, MODELS[0])).output == "you were lucky"  # there is room again


def test_a_server_of_an_event_loop(ask) -> None:
    async def scenario() -> None:
        async with Loopback(lambda request: say("hi", delay=0.01)) as server:
            assert (await ask(server, MODELS[0])).output == "hi"

    asyncio.run(scenario())


def test_waiting_for_requests_that_do_not_come_ends() -> None:
    with Loopback(lambda request: "x") as server, pytest.raises(TimeoutError, match="0 requests, not 1, came"):
        server.wait_for(1, seconds=0.01)


def test_ending_it_lets_go_of_requests_that_hang(ask) -> None:
    from pydantic_ai.exceptions import ModelConnectionError

    async def scenario() -> None:
        async with Loopback(lambda request: hang()) as server:
            running = asyncio.ensure_future(ask(server, MODELS[0]))
            await asyncio.to_thread(server.wait_for, 1)
        with pytest.raises(ModelConnectionError):
            await running
        assert server.requests[0].ended is not None

    asyncio.run(scenario())


def test_a_proxy_of_the_shell_does_not_get_between(ask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    with Loopback(lambda request: "direct") as server:
        assert server.env["NO_PROXY"] == "example.org,127.0.0.1"
        assert asyncio.run(ask(server, MODELS[0])).output == "direct"
