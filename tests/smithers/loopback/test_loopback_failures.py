"""Every way in which a provider fails, as the real clients and PydanticAI classify it."""

import asyncio
import http.client
import json
from collections.abc import Callable
from typing import Any

import pytest
from loopback_models import MODELS

from smithers_py.loopback import (
    Failure,
    Loopback,
    Reply,
    Request,
    drop,
    hang,
    out_of_quota,
    overloaded,
    rate_limited,
    say,
    server_error,
)

every = pytest.mark.parametrize("model", MODELS)


def raised(ask: Any, server: Loopback, model: str, **how: Any) -> Any:
    """What asking raises."""
    from pydantic_ai.exceptions import AgentRunError

    with pytest.raises(AgentRunError) as caught:
        asyncio.run(ask(server, model, **how))
    return caught.value


@pytest.mark.requirement("E-1")
@every
@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (rate_limited(7), "ModelRateLimitError"),
        (out_of_quota(), "ModelQuotaExceededError"),
        (server_error(), "ModelServerError"),
        (server_error(503), "ModelUnavailableError"),
        (overloaded(), "ModelOverloadedError"),
        (Failure(status=401, type="authentication_error"), "ModelAuthenticationError"),
        (Failure(status=404, type="not_found_error"), "ModelNotFoundError"),
        (drop(), "ModelConnectionError"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failures_and_their_classes(ask, model: str, failure: Failure, expected: str) -> None:
    from pydantic_ai import exceptions

    with Loopback(lambda request: failure) as server:
        error = raised(ask, server, model)
        (entry,) = server.requests
    assert isinstance(error, getattr(exceptions, expected))
    assert entry.status == failure.status
    assert entry.outcome == ("failed" if failure.status else "broken")
    if failure.retry_after:
        assert error.retry_after == 7.0
        assert entry.retry_after == 7.0


@pytest.mark.parametrize("model", MODELS[1:])
def test_openai_says_429_when_the_money_is_spent(ask, model: str) -> None:
    from pydantic_ai.exceptions import ModelQuotaExceededError

    with Loopback(lambda request: out_of_quota(429)) as server:
        assert isinstance(raised(ask, server, model), ModelQuotaExceededError)


@every
def test_a_provider_that_never_answers(ask, model: str) -> None:
    from pydantic_ai.exceptions import ModelTimeoutError

    with Loopback(lambda request: hang()) as server:
        assert isinstance(raised(ask, server, model, timeout=0.2), ModelTimeoutError)
        server.wait_for(1, ended=True)
        assert server.requests[0].outcome == "client left"


@every
@pytest.mark.parametrize("after", [1, 3])
def test_a_stream_that_breaks(ask, model: str, after: int) -> None:
    with Loopback(lambda request: say("one two three four", break_after=after)) as server:
        raised(ask, server, model, stream=True)
        assert server.requests[0].outcome == "broken"
        assert server.requests[0].status == 200


@every
def test_an_answer_that_breaks_in_its_middle(ask, model: str) -> None:
    from pydantic_ai.exceptions import ModelConnectionError

    with Loopback(lambda request: say("one two", break_after=0)) as server:
        assert isinstance(raised(ask, server, model), ModelConnectionError)


@every
def test_an_error_within_a_stream(ask, model: str) -> None:
    from pydantic_ai.exceptions import ModelAPIError

    with Loopback(lambda request: say("one two", break_after=3, break_with="overloaded_error")) as server:
        error = raised(ask, server, model, stream=True)
    assert isinstance(error, ModelAPIError)
    assert "the stream failed" in str(error)


def test_a_client_that_goes_away_in_the_middle_of_a_stream_is_noticed(ask) -> None:
    def brain(request: Request) -> Reply:
        return say("one two three", pace=60)

    async def scenario(server: Loopback) -> None:
        running = asyncio.ensure_future(ask(server, MODELS[0], stream=True))
        await asyncio.to_thread(server.wait_for, 1)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.to_thread(server.wait_for, 1, ended=True)

    with Loopback(brain) as server:
        asyncio.run(scenario(server))
        assert server.requests[0].outcome == "client left"


@pytest.mark.parametrize("brain", [lambda request: 1 / 0, lambda request: None], ids=["raises", "returns nothing"])
def test_a_brain_with_a_fault_is_told_and_not_asked_again(
    ask, brain: Callable[[Request], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    from pydantic_ai.exceptions import ModelRequestRejectedError

    with Loopback(brain) as server:
        error = raised(ask, server, MODELS[0])
    assert isinstance(error, ModelRequestRejectedError)
    assert "the brain raised" in str(error)
    assert len(server.brain_errors) == 1
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/v1/models", None, 404),
        ("POST", "/v1/embeddings", b"{}", 404),
        ("POST", "/v1/messages", b"no json", 400),
        ("POST", "/v1/messages", b"{}", 400),
        ("POST", "/v1/chat/completions", b'{"messages": 3}', 400),
        ("POST", "/v1/responses", b"[]", 400),
    ],
)
def test_what_is_no_request_is_refused_and_not_counted(method: str, path: str, body: bytes | None, status: int) -> None:
    with Loopback(lambda request: "x") as server:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"))
        connection.request(method, path, body=body)
        answer = connection.getresponse()
        assert answer.status == status
        assert json.loads(answer.read())["error"]["type"]
        connection.close()
        assert server.requests == []
