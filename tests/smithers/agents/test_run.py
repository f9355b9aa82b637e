"""One agent run: its answer, its stream, its limits."""

import asyncio
import dataclasses
import json
from typing import Any

import pytest
from fake_provider import Recorder, model_on
from pydantic import BaseModel

from smithers_py.agents import stream as stream_module
from smithers_py.agents.run import AgentOutput, AgentSpec, run_agent
from smithers_py.errors import AgentError, StoreError, TaskTimeout
from smithers_py.loopback import Loopback, hang


class Report(BaseModel):
    title: str
    score: int


@dataclasses.dataclass
class Point:
    x: int


def ask(recorder: Recorder | None = None, **spec: Any) -> AgentOutput:
    full = AgentSpec(**{"task_id": "t", "model": "test", "prompt": "hello", **spec})
    return asyncio.run(run_agent(full, recorder or Recorder()))


def scripted(*answers: Any) -> Any:
    """A FunctionModel without streaming that gives these answers in turn; the last one stays."""
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    def answer(messages: Any, info: Any) -> ModelResponse:
        turn = sum(isinstance(message, ModelResponse) for message in messages)
        said = answers[min(turn, len(answers) - 1)]
        if isinstance(said, Exception):
            raise said
        if isinstance(said, dict):
            return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, said)])
        return ModelResponse(parts=[TextPart(said)])

    return FunctionModel(answer, model_name="scripted")


@pytest.mark.requirement("N-4", "G-1")
def test_the_offline_model_answers_in_text() -> None:
    recorder = Recorder()
    output = ask(recorder, model="test")
    assert output.text == "success (no tool calls)" == recorder.text
    assert output.structured is None
    assert output.structured_json is None
    assert output.model == "test"
    assert output.cost_usd is None
    assert output.usage["requests"] == 1
    usage = recorder.payloads("usage")[-1]
    assert usage.pop("call")["model"] == "test"
    assert usage == output.usage
    assert output.duration_ms >= 0


@pytest.mark.requirement("N-4", "H-5")
def test_a_function_model_without_streaming_answers_whole() -> None:
    recorder = Recorder()
    output = ask(recorder, model=scripted("forty two"))
    assert output.text == "forty two"
    assert recorder.payloads("text") == [{"text": "forty two", "thinking": False}]
    assert [kind for kind, _ in recorder.events] == ["text", "usage"]


def test_a_wrapped_function_model_is_looked_into() -> None:
    from pydantic_ai.models.wrapper import WrapperModel

    assert ask(model=WrapperModel(scripted("inside"))).text == "inside"


@pytest.mark.requirement("N-4", "H-5")
@pytest.mark.parametrize(
    ("schema", "answer", "expected"),
    [
        (Report, {"title": "t", "score": 9}, Report(title="t", score=9)),
        (Point, {"x": 3}, Point(3)),
        (list[int], {"response": [1, 2]}, [1, 2]),
    ],
)
def test_a_schema_gives_its_object_and_its_json(schema: Any, answer: dict[str, Any], expected: Any) -> None:
    output = ask(model=scripted(answer), schema=schema)
    assert output.structured == expected
    assert type(output.structured) is type(expected)
    assert json.loads(output.text) == output.structured_json
    assert json.dumps(output.structured_json)


def test_an_answer_that_does_not_fit_is_sent_back_to_be_mended() -> None:
    recorder = Recorder()
    output = ask(recorder, model=scripted({"title": "t", "score": "many"}, {"title": "t", "score": 1}), schema=Report)
    assert output.structured == Report(title="t", score=1)
    assert output.usage["requests"] == 2
    assert "many" in recorder.messages[1]
    (refused,) = recorder.payloads("answer")
    assert refused["answer"] == {"title": "t", "score": "many"}
    assert "score: Input should be a valid integer" in refused["refused"]


def test_an_answer_that_never_fits_fails_for_good() -> None:
    with pytest.raises(AgentError) as caught:
        ask(model=scripted({"title": 1}), schema=Report)
    assert caught.value.retryable is False


@pytest.mark.requirement("N-4")
def test_max_turns_bounds_the_requests() -> None:
    asked: list[int] = []

    def answer(messages: Any, info: Any) -> Any:
        from pydantic_ai.messages import ModelResponse, ToolCallPart

        asked.append(1)
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, {"title": 1})])

    from pydantic_ai.models.function import FunctionModel

    with pytest.raises(AgentError, match="request_limit") as caught:
        ask(model=FunctionModel(answer), schema=Report, max_turns=1)
    assert caught.value.retryable is False
    assert "max_turns" in str(caught.value)
    assert len(asked) == 1


def test_the_system_prompt_and_the_prompt_reach_the_model() -> None:
    heard: list[Any] = []

    def answer(messages: Any, info: Any) -> Any:
        from pydantic_ai.messages import ModelResponse, TextPart

        heard.append((info.instructions, messages[-1].parts[-1].content))
        return ModelResponse(parts=[TextPart("ok")])

    from pydantic_ai.models.function import FunctionModel

    ask(model=FunctionModel(answer), prompt="do it", system_prompt="be brief")
    assert heard == [("be brief", "do it")]


def test_the_history_can_be_read_back() -> None:
    from pydantic_ai.messages import ModelMessagesTypeAdapter

    recorder = Recorder()
    ask(recorder)
    messages = ModelMessagesTypeAdapter.validate_json(f"[{','.join(recorder.messages)}]")
    assert [message.kind for message in messages] == ["request", "response"]


def test_the_stream_comes_in_batches_while_the_model_writes() -> None:
    from pydantic_ai.models.function import FunctionModel

    async def scenario() -> None:
        halfway = asyncio.Event()

        class Watching(Recorder):
            def emit(self, kind: str, payload: dict[str, Any]) -> None:
                super().emit(kind, payload)
                halfway.set()

        async def write(messages: Any, info: Any) -> Any:
            yield "first "
            await halfway.wait()  # the batch is let go by its timer, not by more text
            for number in range(200):
                yield f"{number} "

        recorder = Watching()
        spec = AgentSpec(task_id="t", model=FunctionModel(stream_function=write), prompt="go")
        output = await run_agent(spec, recorder)
        assert recorder.text == output.text == "first " + "".join(f"{number} " for number in range(200))
        texts = recorder.payloads("text")
        assert texts[0]["text"] == "first "
        assert len(texts) <= 2 + 200 // stream_module.BATCH_EVENTS + 1

    asyncio.run(scenario())


def test_thinking_is_told_from_text_and_keeps_its_order() -> None:
    async def scenario() -> None:
        recorder = Recorder()
        stream = stream_module.AgentStream(recorder)
        stream.add("hm ", thinking=True)
        stream.add("so", thinking=True)
        stream.add("")
        stream.add("yes")
        stream.flush()
        stream.flush()
        assert recorder.payloads("text") == [{"text": "hm so", "thinking": True}, {"text": "yes", "thinking": False}]

    asyncio.run(scenario())


def test_a_failing_store_is_not_taken_for_a_failing_model() -> None:
    class Full(Recorder):
        def emit(self, kind: str, payload: dict[str, Any]) -> None:
            raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        ask(Full(), model=scripted("x"))


@pytest.mark.requirement("T-7")
def test_timeout_and_cancellation_end_a_request_that_hangs() -> None:
    from pydantic_ai.models import override_allow_model_requests

    async def scenario() -> None:
        with override_allow_model_requests(True):
            async with Loopback(lambda request: hang()) as server:
                spec = AgentSpec(task_id="t", model=model_on(server), prompt="go", timeout=0.05)
                with pytest.raises(TaskTimeout) as caught:
                    await run_agent(spec, Recorder())
                assert caught.value.seconds == 0.05

                before = server.count()
                running = asyncio.ensure_future(run_agent(dataclasses.replace(spec, timeout=None), Recorder()))
                await asyncio.to_thread(server.wait_for, before + 1)
                running.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await running

    asyncio.run(scenario())
