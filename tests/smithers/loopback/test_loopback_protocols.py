"""The three protocols, whole and streamed, as the providers' real clients read them."""

import asyncio

import pytest
from loopback_models import MODELS
from pydantic import BaseModel

from smithers_py.loopback import Loopback, Reply, Request, ToolCall, Usage, answer, call, say

both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
every = pytest.mark.parametrize("model", MODELS)


class Report(BaseModel):
    title: str
    score: int


def add(a: int, b: int) -> int:
    """The sum of two numbers."""
    return a + b


@every
@both
def test_words_and_what_was_asked(ask, model: str, stream: bool) -> None:
    seen: list[Request] = []

    def brain(request: Request) -> str:
        seen.append(request)
        return "two  spaces,\nnewlines and “quotes”"

    with Loopback(brain) as server:
        result = asyncio.run(ask(server, model, "say it", stream=stream, instructions="be brief"))
        assert result.output == "two  spaces,\nnewlines and “quotes”"
        (entry,) = server.requests
    (request,) = seen
    assert (request.prompt, request.system, request.turn) == ("say it", "be brief", 0)
    assert request.model == model.partition(":")[2]
    assert request.stream is stream
    assert (entry.status, entry.outcome, entry.in_flight) == (200, "answered", 1)
    assert entry.ended is not None
    assert entry.ended >= entry.started


@every
@both
def test_tool_calls_come_back_with_their_results(ask, model: str, stream: bool) -> None:
    seen: list[Request] = []

    def brain(request: Request) -> Reply:
        seen.append(request)
        if not request.results("add"):
            calls = (ToolCall("add", {"a": 1, "b": 2}), ToolCall("add", {"a": 30, "b": 4}))
            return Reply(text="I add twice", tool_calls=calls)
        return say(" and ".join(result.text for result in request.results("add")))

    with Loopback(brain) as server:
        assert asyncio.run(ask(server, model, stream=stream, tools=[add])).output == "3 and 34"
    first, second = seen
    assert first.has_tool("add")
    assert first.tools[0].description == "The sum of two numbers."
    assert set(first.tools[0].parameters["properties"]) == {"a", "b"}
    assert [dict(result.args) for result in second.results()] == [{"a": 1, "b": 2}, {"a": 30, "b": 4}]
    assert [message.role for message in second.messages] == ["user", "assistant", "user"]
    assert second.messages[1].text == "I add twice"
    assert second.last.tool_results == second.results()
    assert len({result.id for result in second.results()}) == 2


@every
@both
def test_an_answer_in_a_schema_that_does_not_fit_is_asked_for_again(ask, model: str, stream: bool) -> None:
    seen: list[Request] = []

    def brain(request: Request) -> Reply:
        seen.append(request)
        return answer({"title": "t", "score": 3 if request.turn else "many"})

    with Loopback(brain) as server:
        assert asyncio.run(ask(server, model, stream=stream, output_type=Report)).output == Report(title="t", score=3)
    first, second = seen
    assert first.schema is not None
    assert set(first.schema["properties"]) == {"title", "score"}
    # New Anthropic models take a schema themselves; then what was wrong comes back as the user's words.
    assert first.output_tool == (None if model.startswith("anthropic") else "final_result")
    told = second.results("final_result")[0].text if first.output_tool else second.last.text
    assert "integer" in told


@every
@both
def test_a_schema_the_provider_takes_itself(ask, model: str, stream: bool) -> None:
    from pydantic_ai import NativeOutput

    seen: list[Request] = []

    def brain(request: Request) -> Reply:
        seen.append(request)
        return answer({"title": "t", "score": 3})

    with Loopback(brain) as server:
        result = asyncio.run(ask(server, model, stream=stream, output_type=NativeOutput(Report)))
    assert result.output == Report(title="t", score=3)
    assert seen[0].output_tool is None
    assert seen[0].schema is not None
    assert set(seen[0].schema["properties"]) == {"title", "score"}


@every
@both
def test_tokens_are_counted_and_priced(ask, model: str, stream: bool) -> None:
    told = Usage(input=1000, output=50, cache_read=200)
    with Loopback(lambda request: say("priced", usage=told)) as server:
        usage = asyncio.run(ask(server, model, stream=stream)).usage
    assert (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens) == (1200, 50, 200)
    assert usage.cost is not None
    assert usage.cost > 0


@both
def test_a_longer_conversation_costs_more(ask, stream: bool) -> None:
    with Loopback(lambda request: "one") as server:
        short = asyncio.run(ask(server, MODELS[0], "hi", stream=stream)).usage
        long = asyncio.run(ask(server, MODELS[0], "hi " * 400, stream=stream)).usage
    assert long.input_tokens - short.input_tokens == 300 - 1
    assert short.output_tokens == long.output_tokens == 1


@pytest.mark.parametrize("model", MODELS[:2])
@both
def test_thinking(ask, model: str, stream: bool) -> None:
    from pydantic_ai.messages import ThinkingPart

    with Loopback(lambda request: say("yes", thinking="hm, so")) as server:
        result = asyncio.run(ask(server, model, stream=stream))
    assert [part.content for part in result.response.parts if isinstance(part, ThinkingPart)] == ["hm, so"]
    assert result.output == "yes"


@pytest.mark.parametrize("model", MODELS)
def test_the_same_place_of_a_conversation_has_the_same_call_ids(ask, model: str) -> None:
    """So that a conversation that is resumed in another process goes on with the ids it had."""
    ids: list[list[str]] = []

    def brain(request: Request) -> Reply:
        done = request.results("add")
        if len(done) < 2:
            return call("add", a=len(done), b=1)
        ids.append([result.id for result in done])
        return say("done")

    with Loopback(brain) as server:
        for _ in range(2):
            asyncio.run(ask(server, model, tools=[add]))
    assert ids[0] == ids[1]
    assert len(set(ids[0])) == 2
