"""Several questions of one task, and the slots of tasks that wait (P-1, P-2, E-3)."""

import asyncio

import pytest
from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import FunctionModel

from smithers_py import Claude, Human, Task, ToolPolicy, plan
from smithers_py.engine.run import Limits


def two_calls(messages, _info):
    """A model that calls two tools at once, and then says what it was told."""
    if not any(isinstance(message, ModelResponse) for message in messages):
        return ModelResponse([ToolCallPart(name, {}, tool_call_id=name) for name in ("first", "second")])
    told = [str(part.content) for message in messages for part in message.parts if part.part_kind == "tool-return"]
    return ModelResponse([TextPart("|".join(told))])


def first() -> str:
    """The first tool."""
    return "did first"


def second() -> str:
    """The second tool."""
    return "did second"


TOOLS = {"tools": [first, second], "policy": ToolPolicy(ask=["first", "second"])}


@pytest.mark.requirement("P-1", "P-2", "G-5")
async def test_a_task_with_two_questions_is_blocked_until_both_are_answered(run):
    @plan
    def App(ctx):
        Claude(id="agent", model=FunctionModel(two_calls), prompt="go", **TOOLS).on_finished(
            lambda r: ctx.state.set("told", r.output)
        )

    async with run(App, model=None) as live:
        await live.event("approval.requested")
        await live.event("approval.requested")
        await live.event("execution.waiting")
        one, two = await live.approvals()
        assert await live.state("$node/agent") == {"status": "blocked", "reason": "approval"}
        await live.answer(str(one.id), True)
        # A frame and a look later the other question still blocks it.
        await live.tell("set", key="seen", value=1)
        assert await live.word("agent") == "blocked"
        assert (await live.execution()).status == "waiting"
        await live.answer(str(two.id), False, comment="not that one")
        assert (await live.result()).status == "completed"
        told = await live.state("told")
        assert f"did {'first' if '/first/' in one.request_key else 'second'}" in told
        assert "not that one" in told


@pytest.mark.requirement("E-3", "P-2")
async def test_an_agent_that_waits_for_a_person_gives_its_slot_to_the_next(run):
    @plan
    def App(ctx):
        for name in ("one", "two"):
            Claude(id=name, model=FunctionModel(two_calls), prompt="go", **TOOLS)
        Task(lambda: None, id="work").on_finished(lambda r: ctx.state.set("worked", True))
        Human("ship", "Ship it?")

    async with run(App, model=None, limits=Limits(idle_timeout_ms=0, max_agents=1, max_tasks=1)) as live:
        for _ in range(5):
            await live.event("approval.requested")
        for asked in await live.approvals():
            await live.answer(str(asked.id), True)
        async with asyncio.timeout(30):
            assert (await live.result()).status == "completed"
        assert await live.state("worked") is True
