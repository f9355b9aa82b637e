"""One request of an agent: its turn, its retries inside the conversation, its count. Time is virtual."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from virtual_time import VirtualTime, coordinator_in

from smithers_py.agents.budget import Meter
from smithers_py.agents.coordinator import CallRules
from smithers_py.config import Budget
from smithers_py.errors import BudgetExceeded
from smithers_py.workers.control import Answer, AskRequest

Shown = list[tuple[str | None, int | None]]


class Recorder:
    """The engine's end of a task."""

    task_id = "t"

    def __init__(self) -> None:
        self.shown: Shown = []
        self.emitted: list[tuple[str, dict[str, Any]]] = []

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        self.shown.append((reason, until_ms))

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        self.emitted.append((kind, payload))

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None: ...

    async def ask(self, request: AskRequest) -> Answer:
        raise NotImplementedError


def error(status: int, retry_after: float | None = None) -> Exception:
    from pydantic_ai.exceptions import ModelHTTPError, ModelRateLimitError, ModelServerError, ModelUnavailableError

    kinds: dict[int, Any] = {429: ModelRateLimitError, 503: ModelUnavailableError, 529: ModelUnavailableError}
    category = kinds.get(status, ModelServerError if status >= 500 else None)
    if category is None:
        return ModelHTTPError(status, "m")
    return ModelHTTPError.for_category(category, status_code=status, model_name="m", retry_after=retry_after)


def scripted(time: VirtualTime, *answers: Any, system: str = "far") -> Any:
    """A model that raises or says these in turn; the last one stays. `asked` counts."""
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models import Model, ModelRequestParameters, StreamedResponse
    from pydantic_ai.usage import RequestUsage

    class Stream(StreamedResponse):
        def __init__(self, response: ModelResponse) -> None:
            super().__init__(ModelRequestParameters())
            self.response = response

        async def _get_event_iterator(self) -> AsyncIterator[Any]:
            return
            yield

        def get(self) -> ModelResponse:
            return self.response

        model_name = "m"
        provider_name = provider_url = None
        timestamp = None  # pyright: ignore[reportAssignmentType]

    class Scripted(Model):
        asked = 0
        model_name = "m"

        @property
        def system(self) -> str:
            return system

        async def request(self, messages: Any, model_settings: Any, model_request_parameters: Any) -> ModelResponse:
            said = answers[min(self.asked, len(answers) - 1)]
            self.asked += 1
            await time.wait(10)
            if isinstance(said, Exception):
                raise said
            calls = [ToolCallPart("look", {})] * said if isinstance(said, int) else [TextPart(said)]
            return ModelResponse(calls, usage=RequestUsage(input_tokens=70, output_tokens=30))

        @asynccontextmanager
        async def request_stream(self, messages: Any, settings: Any, parameters: Any, context: Any = None) -> Any:
            yield Stream(await self.request(messages, settings, parameters))

    return Scripted()


class Play:
    """A model behind its rules."""

    def __init__(self, *answers: Any, retries: int = 2, system: str = "far", **limits: Any) -> None:
        from smithers_py.agents.calls import coordinated

        self.time = VirtualTime()
        self.model = scripted(self.time, *answers, system=system)
        self.control = Recorder()
        self.meter = Meter(Budget(**limits))
        self.coordinator = coordinator_in(self.time)
        rules = CallRules(coordinator=self.coordinator, meters=(self.meter,), retries=retries)
        self.asker = coordinated(self.model, rules, self.control)

    def ask(self, body: Exception | None = None, *, stream: bool = False) -> Any:
        """One request; `body` is raised while its stream is read."""
        from pydantic_ai.models import ModelRequestParameters

        parameters = ModelRequestParameters()

        async def one() -> Any:
            if not stream:
                return await self.asker.request([], None, parameters)
            async with self.asker.request_stream([], None, parameters) as response:
                if body is not None:
                    raise body
                return response.get()

        async def main() -> Any:
            (result,) = await self.time.run(one())
            return result

        return asyncio.run(main())


both = pytest.mark.parametrize("stream", [False, True])


@both
@pytest.mark.requirement("E-1", "E-3")
def test_a_failure_is_shown_and_sent_again(*, stream: bool) -> None:
    play = Play(error(500), error(502), "done")
    play.coordinator.random = lambda: 0.5
    play.ask(stream=stream)
    assert play.model.asked == 3
    start = play.time.now_ms() - int(play.time.ms)
    assert play.control.shown == [("retry", start + 510), (None, None), ("retry", start + 1520), (None, None)]
    assert [(kind, payload["tries"], payload["wait_ms"]) for kind, payload in play.control.emitted] == [
        ("retry", 1, 500),
        ("retry", 2, 1000),
    ]
    assert play.control.emitted[0][1]["text"].endswith("asked again (1 of 2) in 0.5 s")


@both
@pytest.mark.requirement("E-1")
@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (1, 2), (2, 3)])
def test_after_its_retries_the_error_goes_to_the_task(retries: int, asked: int, *, stream: bool) -> None:
    play = Play(error(500), retries=retries)
    with pytest.raises(Exception, match="500"):
        play.ask(stream=stream)
    assert play.model.asked == asked


@both
@pytest.mark.requirement("E-1", "E-2")
def test_rate_limits_are_waited_for_however_many(*, stream: bool) -> None:
    play = Play(*[error(429, 2.0)] * 9, "done", retries=0)
    play.ask(stream=stream)
    assert play.model.asked == 10
    assert play.time.ms > 18_000
    reasons = [reason for reason, _ in play.control.shown]
    assert reasons == ["rate_limit", None] * 9


@pytest.mark.requirement("E-1")
def test_overload_closes_the_window_and_counts_as_a_try() -> None:
    play = Play(error(529, 3.0), error(503, 3.0), error(529, 3.0), "done")
    with pytest.raises(Exception, match="529"):
        play.ask()
    assert play.model.asked == 3
    assert play.time.ms > 6_000


@pytest.mark.requirement("E-1")
@pytest.mark.parametrize("status", [429, 500, 503])
def test_nobody_waits_longer_than_is_sensible(status: int) -> None:
    play = Play(error(status, 86_400.0), "done")
    with pytest.raises(Exception, match=str(status)):
        play.ask()
    assert play.model.asked == 1
    assert play.time.ms < 1_000, "the task's own retry waits for the provider's time"


@both
@pytest.mark.requirement("E-1")
def test_what_is_final_is_asked_once(*, stream: bool) -> None:
    for status in (400, 401, 404):
        play = Play(error(status), "done")
        with pytest.raises(Exception, match=str(status)):
            play.ask(stream=stream)
        assert play.model.asked == 1
        assert play.control.shown == []


@pytest.mark.requirement("E-2")
def test_a_refusal_inside_a_stream_closes_the_window_and_is_not_repeated() -> None:
    play = Play("done")
    with pytest.raises(Exception, match="429"):
        play.ask(error(429, 4.0), stream=True)
    assert play.model.asked == 1
    play.ask()
    assert play.time.ms > 4_000


@pytest.mark.requirement("G-6")
def test_a_stream_that_was_cut_short_is_paid_for() -> None:
    play = Play("done")
    with pytest.raises(RuntimeError):
        play.ask(RuntimeError("cancelled"), stream=True)
    assert play.meter.spent.tokens == 100


@both
@pytest.mark.requirement("G-6")
def test_nothing_is_sent_when_nothing_is_left(*, stream: bool) -> None:
    play = Play("done", max_tokens=150)
    play.ask(stream=stream)
    play.ask(stream=stream)
    with pytest.raises(BudgetExceeded, match="200 of 150 tokens"):
        play.ask(stream=stream)
    assert play.model.asked == 2
    assert play.coordinator.limit_of("far:m") >= 4, "its place is free again"


@both
@pytest.mark.requirement("G-6")
def test_an_answer_with_too_many_tools_is_refused_before_any_runs(*, stream: bool) -> None:
    play = Play(2, max_tool_calls=3)
    play.ask(stream=stream)
    with pytest.raises(BudgetExceeded, match="2 of 3 tool calls"):
        play.ask(stream=stream)
    assert play.meter.spent.tool_calls == 2


def test_a_model_in_this_process_waits_for_nobody() -> None:
    play = Play(error(500), "done", system="function")
    with pytest.raises(Exception, match="500"):
        play.ask()
    assert play.model.asked == 1
    assert play.control.shown == []
