"""Conversations that are gone on with: nothing finished is done twice, whatever died when (G-3)."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from conversations import Scripted, converse, stored
from fake_provider import Recorder

from smithers_persistence.rows import AgentRow
from smithers_py.agents.session import message_text
from smithers_py.errors import AgentError
from smithers_py.nodes.tools import pure
from smithers_py.workers.control import Answer


class Work:
    """Tools that count their calls."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def deliver(self, number: int) -> str:
        """Deliver a number."""
        self.calls.append(number)
        return f"delivered {number}"

    @property
    def looks(self) -> Any:
        @pure
        def look(number: int) -> str:
            """Look at a number."""
            self.calls.append(number)
            return f"seen {number}"

        return look


def delivery(turns: int) -> list[Any]:
    return [*[("deliver", {"number": turn}) for turn in range(turns)], "all delivered"]


class EngineDied(Exception):
    """Raised where the process would have been killed."""


class Dying(Recorder):
    """Dies at the n-th checkpoint, before or after it was written."""

    def __init__(self, at: int, *, before: bool) -> None:
        super().__init__()
        self.at = at
        self.before = before

    async def checkpoint(self, row: AgentRow, wrote: Any = None, actions: Any = ()) -> None:
        if len(self.rows) > self.at or (self.before and len(self.rows) == self.at):
            raise EngineDied
        await super().checkpoint(row, wrote, actions)
        if len(self.rows) == self.at + 1:
            raise EngineDied

    def ends_with(self, row: AgentRow) -> None:
        """A dead engine writes nothing."""


async def die(at: int, script: Scripted, work: Work, folder: Path, *, before: bool) -> Recorder:
    recorder = Dying(at, before=before)
    with pytest.raises(AgentError, match="EngineDied"):
        await converse(recorder, script, folder, [work.deliver])
    return recorder


@pytest.mark.requirement("G-3", "T-5")
@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("at", range(1, 10))
def test_killed_at_any_checkpoint_the_conversation_goes_on_and_ends_the_same(
    at: int, before: bool, tmp_path: Path
) -> None:
    async def scenario() -> None:
        script, work = Scripted(*delivery(5)), Work()
        died = await die(at, script, work, tmp_path, before=before)
        asked, called = len(script.asked), list(work.calls)
        second = Recorder(stored(died.rows, status="interrupted"))
        second.attempt = 2
        second.answer = Answer(approved=True)
        output = await converse(second, script, tmp_path, [work.deliver])
        assert output.text == "all delivered"
        # At most the one thing that was under way is done again; a tool only after asking.
        assert len(script.asked) <= 6 + 1
        assert sorted(set(work.calls)) == list(range(5))
        assert len(work.calls) <= 5 + len(second.asked)
        assert called == work.calls[: len(called)]
        assert script.asked[asked:] == list(range(script.asked[asked], 6))
        whole = stored([*died.rows, *second.rows])
        assert len(whole.messages) == 12
        assert [json.loads(text)["kind"] for text in whole.messages] == ["request", "response"] * 6
        assert all(call.status == "done" for call in whole.tools)

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_a_call_under_way_is_run_again_only_when_a_person_says_so(tmp_path: Path) -> None:
    async def scenario() -> None:
        script, work = Scripted(*delivery(2)), Work()
        died = await die(0, script, work, tmp_path, before=False)
        assert died.rows[0].tools[0].status == "open"
        second = Recorder(stored(died.rows, status="interrupted"))
        second.answer = Answer(approved=False, comment="it arrived", by="me")
        output = await converse(second, script, tmp_path, [work.deliver])
        assert output.text == "all delivered"
        assert [(ask.kind, ask.payload["tool"]) for ask in second.asked] == [("command_exec", "deliver")]
        assert "again" in second.asked[0].title
        assert work.calls == [1]
        told = script.heard[-1][2].parts[0].content
        assert "not run again" in told
        assert "it arrived" in told
        assert stored([*died.rows, *second.rows]).tools[0].status == "denied"

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_a_call_that_only_looks_is_run_again_without_asking(tmp_path: Path) -> None:
    async def scenario() -> None:
        work = Work()
        look = work.looks
        script = Scripted(("look", {"number": 1}), "seen")
        recorder = Dying(0, before=False)
        with pytest.raises(AgentError, match="EngineDied"):
            await converse(recorder, script, tmp_path, [look])
        second = Recorder(stored(recorder.rows, status="interrupted"))
        assert (await converse(second, script, tmp_path, [look])).text == "seen"
        assert second.asked == []
        assert work.calls == [1]

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_of_calls_made_together_only_those_without_result_run(tmp_path: Path) -> None:
    async def scenario() -> None:
        work = Work()
        script = Scripted([("deliver", {"number": 0}), ("deliver", {"number": 1})], "all")
        first = Recorder()
        await converse(first, script, tmp_path, [work.deliver])
        rows = [row for row in first.rows if row.status == "running"]
        done = next(at for at, row in enumerate(rows) if any(call.status == "done" for call in row.tools))
        half = stored(rows[: done + 1], status="interrupted")
        finished = {call.call_id for call in half.tools if call.status == "done"}
        assert len(finished) == 1
        work.calls.clear()
        second = Recorder(half)
        await converse(second, script, tmp_path, [work.deliver])
        assert {f"call-{number}" for number in work.calls} == {"call-0", "call-1"} - finished

    asyncio.run(scenario())


@pytest.mark.requirement("G-3", "E-1")
def test_a_second_attempt_goes_on_where_the_first_one_failed(tmp_path: Path) -> None:
    async def scenario() -> None:
        work = Work()
        script = Scripted(*delivery(3)[:2], ConnectionError("gone"))
        first = Recorder()
        with pytest.raises(AgentError) as caught:
            await converse(first, script, tmp_path, [work.deliver])
        assert caught.value.retryable
        assert first.rows[-1].status == "failed"
        assert "gone" in (first.rows[-1].error_json or "")
        script.steps = delivery(2)
        second = Recorder(stored(first.rows))
        second.attempt = 2
        output = await converse(second, script, tmp_path, [work.deliver])
        assert work.calls == [0, 1]
        assert script.asked == [0, 1, 2, 2]
        assert output.usage["requests"] == 3
        own = json.loads(second.rows[-1].usage_json or "")
        assert own["requests"] == 1, "each attempt's row holds what that attempt used"
        assert own["input_tokens"] < output.usage["input_tokens"]

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_restart_begins_again_and_fail_refuses(tmp_path: Path) -> None:
    async def scenario() -> None:
        script, work = Scripted(*delivery(2)), Work()
        died = await die(2, script, work, tmp_path, before=False)
        left = stored(died.rows, status="interrupted")

        refused = Recorder(left)
        with pytest.raises(AgentError, match="was interrupted after") as caught:
            await converse(refused, script, tmp_path, [work.deliver], resume="fail")
        assert not caught.value.retryable
        assert 'resume="continue"' in str(caught.value.hint)

        work.calls.clear()
        again = Recorder(left)
        again.attempt = 2
        output = await converse(again, script, tmp_path, [work.deliver], resume="restart", max_turns=3)
        assert again.stored is None, "the old conversation is gone"
        assert work.calls == [0, 1]
        assert output.text == "all delivered"
        assert output.usage["requests"] > 3, "what the first conversation used is not forgotten"

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_fail_does_not_refuse_a_retry(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Scripted(("deliver", {"number": 0}), ConnectionError("gone"))
        work, first = Work(), Recorder()
        with pytest.raises(AgentError):
            await converse(first, script, tmp_path, [work.deliver], resume="fail")
        script.steps = delivery(1)
        second = Recorder(stored(first.rows))
        assert (await converse(second, script, tmp_path, [work.deliver], resume="fail")).text == "all delivered"

    asyncio.run(scenario())


@pytest.mark.requirement("G-3", "G-4")
def test_an_answer_that_was_about_to_be_mended_is_asked_for_once_more(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Scripted("", "here it is")
        first = Recorder()
        await converse(first, script, tmp_path, system_prompt="be brief")
        assert script.asked == [0, 1]
        rows = [row for row in first.rows if row.status == "running"]
        second = Recorder(stored(rows, status="interrupted"))
        output = await converse(second, script, tmp_path, system_prompt="be brief")
        assert output.text == "here it is"
        assert script.asked[2:] == [0, 1]
        assert len(stored([*rows, *second.rows]).messages) == 4

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_a_tool_that_asks_for_another_try_is_replayed_as_it_was(tmp_path: Path) -> None:
    from pydantic_ai.exceptions import ModelRetry

    async def scenario() -> None:
        calls: list[int] = []

        def moody(number: int) -> str:
            """Refuses one."""
            calls.append(number)
            if number == 1:
                raise ModelRetry("not one")
            return "fine"

        script = Scripted(("moody", {"number": 1}), ("moody", {"number": 2}), "done")
        first = Recorder()
        await converse(first, script, tmp_path, [moody])
        refused = next(row for row in first.rows if any(call.status == "failed" for call in row.tools))
        second = Recorder(stored(first.rows[: first.rows.index(refused) + 1], status="interrupted"))
        calls.clear()
        heard = len(script.heard)
        await converse(second, script, tmp_path, [moody])
        assert calls == [2]
        part = script.heard[heard][2].parts[0]
        assert (part.content, part.outcome) == ("not one", "retried")

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_a_checkpoint_costs_what_was_said_since_the_last_one(tmp_path: Path) -> None:
    async def scenario() -> None:
        script, work, recorder = Scripted(*delivery(40)), Work(), Recorder()
        await converse(recorder, script, tmp_path, [work.deliver])
        sizes = [sum(len(message.message_json) for message in row.messages) for row in recorder.rows]
        assert max(sizes) < 3_000
        assert [message.seq for row in recorder.rows for message in row.messages] == list(range(82))
        assert len(recorder.rows) == 2 * 40 + 1, "one before a tool starts, one when it ended, and the end"

    asyncio.run(scenario())


@pytest.mark.requirement("G-2", "G-7")
def test_calls_of_models_and_tools_are_told_while_they_happen(tmp_path: Path) -> None:
    async def scenario() -> None:
        script, work, recorder = Scripted(*delivery(1)), Work(), Recorder()
        await converse(recorder, script, tmp_path, [work.deliver])
        kinds = [kind for kind, _ in recorder.events]
        assert kinds == ["usage", "tool", "tool", "text", "usage"]
        start, end = recorder.payloads("tool")
        assert (start["phase"], start["tool"], json.loads(start["args"])) == ("start", "deliver", {"number": 0})
        assert (end["phase"], end["call_id"]) == ("end", start["call_id"])
        assert end["ms"] >= 0
        call = recorder.payloads("usage")[0]["call"]
        assert call["input_tokens"] > 0
        assert set(call) >= {"model", "provider", "output_tokens", "cache_read_tokens", "cost_usd", "ms"}

    asyncio.run(scenario())


@pytest.mark.requirement("G-2")
def test_long_arguments_are_cut_in_events_and_rows_not_in_the_message(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Scripted(("write", {"path": "big.txt", "content": "x" * 50_000}), "written")
        recorder = Recorder()
        await converse(recorder, script, tmp_path, ["files"])
        assert len(recorder.payloads("tool")[0]["args"]) < 4_100
        assert "50,000 characters" in recorder.payloads("tool")[0]["args"]
        assert "x" * 50_000 in recorder.messages[1]
        assert (tmp_path / "big.txt").stat().st_size == 50_000

    asyncio.run(scenario())


@pytest.mark.requirement("G-3")
def test_what_is_left_out_of_a_stored_message_says_nothing() -> None:
    from pydantic_ai import messages as m
    from pydantic_ai.usage import RequestUsage

    image = m.BinaryContent(data=b"\x89PNG", media_type="image/png")
    told: list[Any] = [
        m.ModelRequest(parts=[m.SystemPromptPart("be brief"), m.UserPromptPart(["look", image])], instructions="now"),
        m.ModelResponse(
            parts=[
                m.ThinkingPart("hm", signature="s"),
                m.TextPart(""),
                m.ToolCallPart("look", {"at": None, "deep": {"none": None}}, "c1"),
            ],
            usage=RequestUsage(input_tokens=3, details={"reasoning": 0}),
            model_name="m",
            provider_details={"x": None},
        ),
        m.ModelRequest(
            parts=[
                m.ToolReturnPart("look", None, "c1"),
                m.RetryFeedbackPart("again", retry=m.RetryInfo(cause="no_output")),
            ]
        ),
    ]
    texts = [message_text(message) for message in told]
    whole = m.ModelMessagesTypeAdapter.validate_json(m.ModelMessagesTypeAdapter.dump_json(told))
    assert m.ModelMessagesTypeAdapter.validate_json(f"[{','.join(texts)}]") == whole
    assert "workspace_ref" not in texts[1]


@pytest.mark.requirement("G-3", "G-5")
def test_an_id_that_comes_again_in_a_later_turn_is_another_call_and_another_question(tmp_path: Path) -> None:
    async def scenario() -> None:
        script = Scripted(("shell", {"command": "echo one"}), ("shell", {"command": "echo two"}), "done")
        recorder = Recorder()
        recorder.record_process = _nothing  # type: ignore[method-assign] - this agent starts some
        await converse(recorder, script, tmp_path, ["shell"])
        whole = stored(recorder.rows)
        assert [(call.turn, call.call_id) for call in whole.tools] == [(1, "call-0"), (3, "call-0")]
        assert len({ask.key for ask in recorder.asked}) == 2

    asyncio.run(scenario())


async def _nothing(*_: Any) -> None:
    pass
