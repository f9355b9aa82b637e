"""What real HTTP answers become: retryable or not, and after how long (E-1)."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fake_provider import FakeProvider, Recorder

from smithers_py.agents.failures import agent_error
from smithers_py.agents.run import AgentOutput, AgentSpec, run_agent
from smithers_py.errors import AgentError
from smithers_py.workers.retry import is_retryable


@pytest.fixture(autouse=True)
def loopback_is_allowed() -> Iterator[None]:
    from pydantic_ai.models import override_allow_model_requests

    with override_allow_model_requests(True):
        yield


async def ask(provider: FakeProvider, **more: Any) -> AgentOutput:
    spec = AgentSpec(**{"task_id": "t", "model": provider.model(), "prompt": "hello", **more})
    return await run_agent(spec, Recorder())


async def failure(step: dict[str, Any]) -> tuple[AgentError, int]:
    async with FakeProvider(step) as provider:
        with pytest.raises(AgentError) as caught:
            await ask(provider)
        return caught.value, len(provider.requests)


@pytest.mark.requirement("E-1")
@pytest.mark.parametrize(
    ("step", "retryable", "retry_after"),
    [
        ({"status": 408}, True, None),
        ({"status": 409}, True, None),
        ({"status": 425}, True, None),
        ({"status": 429, "error": "rate_limit_error", "headers": {"retry-after": "3"}}, True, 3.0),
        ({"status": 429, "error": "rate_limit_error", "headers": {"retry-after-ms": "250"}}, True, 0.25),
        ({"status": 500}, True, None),
        ({"status": 502}, True, None),
        ({"status": 503}, True, None),
        ({"status": 504}, True, None),
        ({"status": 529, "error": "overloaded_error"}, True, None),
        ({"status": 400, "error": "invalid_request_error"}, False, None),
        ({"status": 401, "error": "authentication_error"}, False, None),
        ({"status": 402, "error": "billing_error"}, False, None),
        ({"status": 403, "error": "permission_error"}, False, None),
        ({"status": 404, "error": "not_found_error"}, False, None),
        ({"status": 422}, False, None),
    ],
    ids=lambda value: str(value.get("status")) if isinstance(value, dict) else "",
)
def test_http_errors(step: dict[str, Any], retryable: bool, retry_after: float | None) -> None:
    error, requests = asyncio.run(failure(step))
    assert (error.retryable, error.retry_after) == (retryable, retry_after)
    assert is_retryable(error) is retryable
    assert requests == 1, "the provider's SDK must not retry by itself"
    assert "claude-sonnet-5-5" in str(error)


@pytest.mark.requirement("E-1")
def test_what_to_do_about_a_refused_key() -> None:
    error, _ = asyncio.run(failure({"status": 401, "error": "authentication_error"}))
    assert "--model test" in str(error)


@pytest.mark.requirement("E-1")
def test_a_refused_connection_is_retryable() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and never listening
        provider = FakeProvider()

        async def scenario() -> None:
            provider.url = f"http://127.0.0.1:{closed.getsockname()[1]}"
            with pytest.raises(AgentError) as caught:
                await ask(provider)
            assert caught.value.retryable

        asyncio.run(scenario())


@pytest.mark.requirement("H-5")
def test_a_priced_model_tells_its_cost_and_streams_its_words() -> None:
    async def scenario() -> None:
        async with FakeProvider({"text": "five it is"}) as provider:
            recorder = Recorder()
            output = await run_agent(AgentSpec(task_id="t", model=provider.model(), prompt="2 + 3?"), recorder)
            assert provider.requests[0]["stream"] is True
            assert output.text.strip() == "five it is"
            assert recorder.text == output.text
            assert output.cost_usd is not None
            assert 0 < output.cost_usd < 0.01
            assert (output.usage["input_tokens"], output.usage["output_tokens"]) == (100, 20)
            assert output.model == "claude-sonnet-5-5"

    asyncio.run(scenario())


def test_one_model_object_serves_many_agents_at_once_and_one_after_another() -> None:
    async def scenario() -> None:
        async with FakeProvider({"text": "ok"}) as provider:
            model = provider.model()
            await asyncio.gather(*(ask(provider, model=model) for _ in range(5)))
            await ask(provider, model=model)
            assert len(provider.requests) == 6

    asyncio.run(scenario())


def test_a_chain_of_models_is_retryable_when_one_of_them_is() -> None:
    from pydantic_ai.models.fallback import FallbackModel

    async def scenario() -> None:
        limited = {"status": 429, "error": "rate_limit_error", "headers": {"retry-after": "7"}}
        async with FakeProvider({"status": 401}) as one, FakeProvider(limited) as other:
            with pytest.raises(AgentError) as caught:
                await ask(one, model=FallbackModel(one.model(), other.model()))
            assert caught.value.retryable
            assert caught.value.retry_after == 7.0

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("raised", "retryable"),
    [(ConnectionResetError("gone"), True), (TimeoutError(), True), (KeyError("x"), False), (RuntimeError(), False)],
)
def test_what_a_function_model_raises(raised: Exception, retryable: bool) -> None:
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: Any, info: Any) -> Any:
        raise raised

    async def scenario() -> None:
        with pytest.raises(AgentError) as caught:
            await run_agent(AgentSpec(task_id="t", model=FunctionModel(answer), prompt="x"), Recorder())
        assert caught.value.retryable is retryable
        assert caught.value.__cause__ is raised

    asyncio.run(scenario())


def test_a_page_long_answer_is_cut_in_the_message() -> None:
    assert len(str(agent_error(RuntimeError("x" * 10_000), "m"))) < 600


def test_real_requests_stay_forbidden_elsewhere() -> None:
    from pydantic_ai.models import override_allow_model_requests

    async def scenario() -> None:
        async with FakeProvider({"text": "never"}) as provider:
            with override_allow_model_requests(False), pytest.raises(AgentError, match="not allowed") as caught:
                await ask(provider)
            assert not caught.value.retryable
            assert provider.requests == []

    asyncio.run(scenario())
