"""What real HTTP answers become: retryable or not, and after how long (E-1)."""

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from fake_provider import Recorder, model_on

from smithers_py.agents.failures import agent_error
from smithers_py.agents.run import AgentOutput, AgentSpec, run_agent
from smithers_py.errors import AgentError
from smithers_py.loopback import Failure, Loopback, Usage, rate_limited, say
from smithers_py.workers.retry import is_retryable


@pytest.fixture(autouse=True)
def loopback_is_allowed() -> Iterator[None]:
    from pydantic_ai.models import override_allow_model_requests

    with override_allow_model_requests(True):
        yield


async def ask(server: Loopback, **more: Any) -> AgentOutput:
    spec = AgentSpec(**{"task_id": "t", "model": model_on(server), "prompt": "hello", **more})
    return await run_agent(spec, Recorder())


async def failed(how: Failure) -> tuple[AgentError, int]:
    async with Loopback(lambda request: how) as server:
        with pytest.raises(AgentError) as caught:
            await ask(server)
        return caught.value, server.count()


@pytest.mark.requirement("E-1")
@pytest.mark.parametrize(
    ("how", "retryable", "retry_after"),
    [
        (Failure(status=408), True, None),
        (Failure(status=409), True, None),
        (Failure(status=425), True, None),
        (rate_limited(3), True, 3.0),
        (Failure(status=429, type="rate_limit_error", headers={"retry-after-ms": "250"}), True, 0.25),
        (Failure(status=500), True, None),
        (Failure(status=502), True, None),
        (Failure(status=503), True, None),
        (Failure(status=504), True, None),
        (Failure(status=529, type="overloaded_error"), True, None),
        (Failure(status=400, type="invalid_request_error"), False, None),
        (Failure(status=401, type="authentication_error"), False, None),
        (Failure(status=402, type="billing_error"), False, None),
        (Failure(status=403, type="permission_error"), False, None),
        (Failure(status=404, type="not_found_error"), False, None),
        (Failure(status=422), False, None),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Failure) else "",
)
def test_http_errors(how: Failure, retryable: bool, retry_after: float | None) -> None:
    error, requests = asyncio.run(failed(how))
    assert (error.retryable, error.retry_after) == (retryable, retry_after)
    assert is_retryable(error) is retryable
    assert requests == 1, "the provider's SDK must not retry by itself"
    assert "claude-sonnet-5-5" in str(error)


@pytest.mark.requirement("E-1")
def test_what_to_do_about_a_refused_key() -> None:
    error, _ = asyncio.run(failed(Failure(status=401, type="authentication_error")))
    assert "--model test" in str(error)


@pytest.mark.requirement("E-1")
def test_a_refused_connection_is_retryable() -> None:
    class Refusing(Loopback):
        @property
        def url(self) -> str:
            return f"http://127.0.0.1:{closed.getsockname()[1]}"

    async def scenario() -> None:
        with pytest.raises(AgentError) as caught:
            await ask(Refusing(lambda request: "never"))
        assert caught.value.retryable

    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # bound and never listening
        asyncio.run(scenario())


@pytest.mark.requirement("H-5")
def test_a_priced_model_tells_its_cost_and_streams_its_words() -> None:
    async def scenario() -> None:
        async with Loopback(lambda request: say("five it is", usage=Usage(100, 20))) as server:
            recorder = Recorder()
            output = await run_agent(AgentSpec(task_id="t", model=model_on(server), prompt="2 + 3?"), recorder)
            assert server.requests[0].request.stream is True
            assert output.text == "five it is"
            assert recorder.text == output.text
            assert output.cost_usd is not None
            assert 0 < output.cost_usd < 0.01
            assert (output.usage["input_tokens"], output.usage["output_tokens"]) == (100, 20)
            assert output.model == "claude-sonnet-5-5"

    asyncio.run(scenario())


def test_one_model_object_serves_many_agents_at_once_and_one_after_another() -> None:
    async def scenario() -> None:
        async with Loopback(lambda request: "ok") as server:
            model = model_on(server)
            await asyncio.gather(*(ask(server, model=model) for _ in range(5)))
            await ask(server, model=model)
            assert server.count() == 6

    asyncio.run(scenario())


def test_a_chain_of_models_is_retryable_when_one_of_them_is() -> None:
    from pydantic_ai.models.fallback import FallbackModel

    async def scenario() -> None:
        refused, limited = Failure(status=401), rate_limited(7)
        async with Loopback(lambda request: refused) as one, Loopback(lambda request: limited) as other:
            with pytest.raises(AgentError) as caught:
                await ask(one, model=FallbackModel(model_on(one), model_on(other)))
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
        async with Loopback(lambda request: "never") as server:
            with override_allow_model_requests(False), pytest.raises(AgentError, match="not allowed") as caught:
                await ask(server)
            assert not caught.value.retryable
            assert server.requests == []

    asyncio.run(scenario())
