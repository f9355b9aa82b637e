"""retry, rerun and reset-loop in a run that lives: only what was asked for happens again (C-7, Z-3, Z-7)."""

import asyncio

import pytest

from smithers_persistence import reads
from smithers_persistence.verify import verify
from smithers_py import Human, If, Parallel, Phase, Step, Task, While, plan


class Flaky:
    """Work that fails the first `failures` times."""

    def __init__(self, failures=1):
        self.calls = 0
        self.failures = failures

    def __call__(self):
        self.calls += 1
        if self.calls <= self.failures:
            raise ValueError("not yet")
        return self.calls


@pytest.mark.requirement("C-7", "Z-7")
async def test_retry_does_a_failed_nodes_work_again_and_what_was_skipped_after_it(run):
    work, other = Flaky(), Flaky(0)

    @plan
    def App(ctx):
        with Parallel():
            with Phase("flaky"):
                Task(other, id="before")
                Task(work, id="work").on_finished(lambda r: ctx.state.set("got", [r.output, r.attempt]))
                Task(lambda: None, id="after").on_finished(lambda r: ctx.state.set("after", True))
            with Step("person"):
                Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("execution.waiting")
        assert (await live.task("work")).status == "failed"
        assert (await live.tell("retry", "before")).status == "refused"
        told = await live.tell("retry", "work")
        assert (told.status, told.message) == ("done", "Task 'work' is tried again")
        await live.event("task.succeeded", "after")
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert await live.state("got") == [2, 2]
        assert await live.state("after") is True
        assert (work.calls, other.calls) == (2, 1)


@pytest.mark.requirement("C-7", "Z-7", "E-1", "T-7")
async def test_what_a_person_tries_again_has_all_its_retries(run):
    """Attempts before that count for nothing, whether they failed or were cancelled."""
    failed, calls = Flaky(3), []

    async def cancelled():
        calls.append(1)
        if len(calls) == 1:
            await asyncio.Event().wait()
        if len(calls) == 2:
            raise ConnectionError("not yet")

    @plan
    def App(ctx):
        Task(failed, id="failed", retries=1, retry_on=ValueError)
        Task(cancelled, id="cancelled", retries=1)
        Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("task.failed", "failed")
        await live.tell("cancel", "cancelled")
        await live.event("execution.waiting")
        for name in ("failed", "cancelled"):
            assert (await live.tell("retry", name)).status == "done"
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert [(await live.task(name)).attempt for name in ("failed", "cancelled")] == [4, 3]
        rows = await live.db.read(lambda conn: reads.attempts(conn, live.id))
        outcomes = {name: [row.outcome for row in rows if row.node_id == name] for name in ("failed", "cancelled")}
        assert outcomes["failed"] == ["failed", "failed", "failed", "succeeded"]
        assert outcomes["cancelled"] == ["cancelled", "failed", "succeeded"]


@pytest.mark.requirement("C-7", "Z-7", "H-2")
async def test_retry_of_a_handler_that_raised_runs_only_that(run):
    work, handler = Flaky(0), Flaky()

    @plan
    def App(ctx):
        Task(work, id="work").on_finished(lambda r: ctx.state.set("handled", handler()))
        Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("handler.failed")
        await live.event("execution.waiting")
        assert (await live.tell("retry", "work")).status == "done"
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert await live.state("handled") == 2
        assert work.calls == 1


@pytest.mark.requirement("C-7", "Z-3")
async def test_rerun_does_finished_work_again_as_another_incarnation(run):
    work = Flaky(0)

    @plan
    def App(ctx):
        Task(work, id="work").on_finished(lambda r: ctx.state.append("got", r.output))
        Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("execution.waiting")
        assert (await live.tell("rerun", "work")).status == "done"
        await live.event("task.succeeded", "work")
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert await live.state("got") == [1, 2]
        rows = await live.db.read(lambda conn: reads.tasks(conn, live.id))
        assert [row.attempt for row in rows if row.node_id == "work"] == [1, 1]


@pytest.mark.requirement("C-7", "Z-6", "F-3")
async def test_a_condition_in_what_is_brought_back_is_asked_once(run):
    asked = []

    def condition(ctx):
        asked.append(ctx.state.get("on", True))
        return asked[-1]

    @plan
    def App(ctx):
        with Step("outer"):
            with Phase("inner"):
                with If(lambda: condition(ctx)):
                    Task(lambda: None, id="sometimes")
                Task(lambda: None, id="always")
        Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("execution.waiting")
        before = len(asked)
        assert (await live.tell("rerun", "always")).status == "done"
        await live.event("task.succeeded", "always")
        await live.event("execution.waiting")
        assert len(asked) == before + 1
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert await live.db.read(verify) == []


@pytest.mark.requirement("C-7", "Z-8")
async def test_reset_loop_begins_at_its_first_iteration(run):
    @plan
    def App(ctx):
        with Parallel():
            with While("loop", lambda: ctx.state.get("n", 0) < 3, max_iterations=5):
                Task(lambda: None, id="work").on_finished(lambda r: ctx.state.increment("n", 1))
            Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("execution.waiting")
        assert (await live.tell("reset-loop", "ship")).message == "Human 'ship' is no loop"
        await live.tell("set", key="n", value=1)
        assert (await live.tell("reset-loop", "loop")).status == "done"
        await live.event("execution.waiting")
        assert await live.state("n") == 3
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert await live.state("$loop/loop") == [1, "condition"]


@pytest.mark.requirement("C-7", "N-7")
async def test_a_rejected_question_is_asked_anew_by_retry(run):
    @plan
    def App(ctx):
        Human("sure", "Sure?").on_approve(lambda r: ctx.state.set("sure", True))
        Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("execution.waiting")
        await live.answer("sure", False)
        await live.event("task.failed", "sure")
        await live.tell("retry", "sure")
        await live.event("approval.requested", "sure")
        await live.answer("sure", True)
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"
        assert await live.state("sure") is True
