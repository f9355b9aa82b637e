"""Human: asked once, answered from another process, typed, rejected, cancelled, left for later (N-7, P-1, P-2)."""

import asyncio
import json

import pytest
from pydantic import BaseModel, Field

from smithers_persistence.people import ApprovalRecord
from smithers_py import End, Human, If, Parallel, Phase, Step, Stop, Task, plan
from smithers_py.errors import UsageError


class Release(BaseModel):
    version: str
    count: int = Field(default=1, ge=1)


@plan
def Ship(ctx):
    asked = Human("ship", "Ship it?\nAll tests pass.")
    asked.on_approve(lambda r: ctx.state.set("yes", [r.by, r.comment]))
    asked.on_reject(lambda r: ctx.state.set("no", r.comment))


@pytest.mark.requirement("N-7", "P-1")
async def test_an_answer_from_another_process_goes_to_the_handler_and_is_recorded(run):
    async with run(Ship) as live:
        await live.event("approval.requested")
        [asked] = await live.approvals()
        assert (asked.status, asked.kind, asked.title) == ("pending", "human_review", "Ship it?")
        told = await live.answer("ship", True, comment="go")
        assert (told.status, told.answered_from, told.comment) == ("approved", "cli", "go")
        result = await live.result()
        assert (result.status, result.exit_code) == ("completed", 0)
        assert json.loads(json.dumps(await live.state("yes"))) == [told.answered_by, "go"]
        event = await live.event("approval.answered")
        payload = json.loads(event.payload_json or "{}")
        assert (payload["by"], payload["from"], payload["comment"]) == (told.answered_by, "cli", "go")
        assert "@" in payload["by"]


@pytest.mark.requirement("N-7", "Z-13")
async def test_a_rejection_with_on_reject_settles_the_node(run):
    async with run(Ship) as live:
        await live.event("approval.requested")
        await live.answer("ship", False, comment="not on Friday")
        result = await live.result()
        assert result.status == "completed"
        assert await live.state("no") == "not on Friday"
        assert (await live.task("ship")).status == "succeeded"


@plan
def ShipOrFail(ctx):
    with Phase("ask"):
        Human("ship", "Ship it?").on_approve(lambda r: ctx.state.set("yes", True))
    with Phase("after"):
        Task(lambda: None, id="after")


@pytest.mark.requirement("N-7", "Z-7")
async def test_a_rejection_without_on_reject_fails_the_node_and_what_comes_after(run):
    async with run(ShipOrFail) as live:
        await live.event("approval.requested")
        await live.answer("ship", False, comment="no")
        result = await live.result()
        assert (result.status, result.exit_code) == ("failed", 1)
        [error] = result.errors
        assert (error["code"], "no" in error["message"]) == ("E507", True)
        assert await live.state("$node/ship") == "failed"


@plan
def Typed(ctx):
    Human("release", "Which version?", schema=Release).on_approve(
        lambda r: ctx.state.set("got", [type(r.output).__name__, r.output.version, r.output.count])
    )


@pytest.mark.requirement("N-7")
async def test_a_typed_question_tells_its_fields_and_gives_the_model(run):
    async with run(Typed) as live:
        await live.event("approval.requested")
        with pytest.raises(UsageError, match=r"asks for an answer with fields.*version: text; count: whole number"):
            await live.answer("release", True)
        with pytest.raises(UsageError, match="version: is missing; count: must be whole number"):
            await live.answer("release", True, output={"count": "many"})
        with pytest.raises(UsageError, match="count: must be at least 1"):
            await live.answer("release", True, output={"version": "1", "count": 0})
        await live.answer("release", True, output={"version": "1.2"})
        assert (await live.result()).status == "completed"
        assert await live.state("got") == ["Release", "1.2", 1]


class Even(BaseModel):
    number: int

    def model_post_init(self, _context: object) -> None:
        if self.number % 2:
            raise ValueError("it must be even")


@plan
def Picky(ctx):
    Human("even", "A number?", schema=Even).on_approve(lambda r: ctx.state.set("n", r.output.number))


@pytest.mark.requirement("N-7")
async def test_an_answer_that_only_the_model_refuses_is_asked_again_with_the_reason(run):
    async with run(Picky) as live:
        await live.event("approval.requested")
        await live.answer("even", True, output={"number": 3})
        await live.event("approval.refused")
        [asked] = await live.approvals()
        assert (asked.status, asked.answered_by, asked.output_json) == ("pending", None, None)
        assert "it must be even" in json.loads(asked.payload_json or "{}")["refused"]
        await live.answer("even", True, output={"number": 4})
        assert (await live.result()).status == "completed"
        assert await live.state("n") == 4


@pytest.mark.requirement("N-7")
async def test_a_model_that_could_not_be_read_back_is_refused_before_anybody_is_asked(run):
    class Local(BaseModel):
        x: int

    @plan
    def App(ctx):
        Human("h", "?", schema=Local)

    async with run(App) as live:
        result = await live.result()
        assert "could not be read back after a restart" in result.errors[0]["message"]
        assert await live.approvals() == []


@plan
def Branches(ctx):
    with Parallel():
        with Step("asking"):
            Human("ship", "Ship it?")
        with Step("working"):
            for index in range(5):
                Task(lambda: None, id=f"t{index}").on_finished(lambda r: ctx.state.increment("done", 1))


@pytest.mark.requirement("P-2", "Z-21", "O-2")
async def test_it_blocks_only_its_branch_and_the_run_waits_without_idling(run):
    async with run(Branches) as live:
        await live.event("execution.waiting")
        assert await live.state("done") == 5
        assert await live.state("$node/ship") == {"status": "blocked", "reason": "human"}
        assert await live.word("ship") == "blocked"
        assert (await live.execution()).status == "waiting"
        state = await live.reader.run_state(live.id)
        assert (state.state, state.blocked) == ("waiting-human", 1)
        assert "Human 'ship' waits for a person" in state.reason
        assert not live.work.done()
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"


@pytest.mark.requirement("P-2", "C-4")
async def test_without_waiting_it_ends_as_waiting_and_the_question_stays_open(run):
    async with run(Branches, wait=False) as live:
        result = await live.result()
        assert (result.status, result.exit_code) == ("waiting", 3)
        row = await live.execution()
        assert (row.status, row.owner, row.ended_at) == ("waiting", None, None)
        task = await live.task("ship")
        assert (task.status, task.attempt) == ("scheduled", 1)
        assert [asked.status for asked in await live.approvals()] == ["pending"]
        assert (await live.reader.run_state(live.id)).state == "waiting-human"
        await live.answer("ship", True)
        with pytest.raises(UsageError, match="no open question"):
            await live.answer("ship", True)


@plan
def Withdrawn(ctx):
    with If(not ctx.state.get("over", False)):
        Human("ship", "Ship it?")
    Task(lambda: None, id="then").on_finished(lambda r: None)


@pytest.mark.requirement("P-1", "Z-15")
async def test_a_node_that_leaves_the_plan_withdraws_its_question(run):
    async with run(Withdrawn) as live:
        await live.event("approval.requested")
        told = await live.tell("set", key="over", value=True)
        assert told.status == "done"
        await live.event("approval.cancelled")
        assert (await live.result()).status == "completed"
        assert [asked.status for asked in await live.approvals()] == ["cancelled"]


@plan
def Ended(ctx):
    Human("ship", "Ship it?")
    with If(ctx.state.get("over") == "end"):
        End({"so": "be it"})
    with If(ctx.state.get("over") == "stop"):
        Stop("enough")


@pytest.mark.parametrize(("word", "status"), [("end", "cancelled"), ("stop", "pending")])
@pytest.mark.requirement("P-1", "Z-9")
async def test_only_a_run_that_is_over_for_good_withdraws_its_questions(run, word, status):
    async with run(Ended) as live:
        await live.event("approval.requested")
        await live.tell("set", key="over", value=word)
        assert (await live.result()).status == ("completed" if word == "end" else "stopped")
        assert [asked.status for asked in await live.approvals()] == [status]


@plan
def Many(ctx):
    with Parallel():
        for index in range(60):
            Human(f"h{index}", f"Number {index}?").on_approve(lambda r: ctx.state.increment("yes", 1))


@pytest.mark.requirement("P-2", "N-7")
async def test_questions_hold_no_slot(run):
    async with run(Many) as live:
        for _ in range(60):
            await live.event("approval.requested")
        asked: list[ApprovalRecord] = await live.approvals()
        await asyncio.gather(*(live.answer(one.node_id, True) for one in asked))
        assert (await live.result()).status == "completed"
        assert await live.state("yes") == 60


@pytest.mark.requirement("Z-27", "P-1")
async def test_an_agents_command_cannot_answer_and_is_told_apart(run, monkeypatch):
    async with run(Ship) as live:
        await live.event("approval.requested")
        monkeypatch.setenv("SMITHERS_TOOL_CALL", "task:1")
        with pytest.raises(UsageError, match="an agent's command may not answer"):
            await live.answer("ship", True)
        assert (await live.tell("pause")).asked_from == "agent"
        assert [asked.status for asked in await live.approvals()] == ["pending"]
