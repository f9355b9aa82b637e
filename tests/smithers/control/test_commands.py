"""Commands from another process: seen at once, applied by a frame, answered with their effect (C-7, Z-21)."""

import asyncio
import json
import threading
import time

import pytest

from smithers_persistence import reads
from smithers_py import Human, Parallel, Ralph, Smithers, Task, Timer, plan
from smithers_py.engine.run import Limits
from smithers_py.errors import UsageError


def gated(started: threading.Event, gate: threading.Event):
    def work():
        started.set()
        assert gate.wait(30)

    return work


@pytest.mark.requirement("C-7", "Z-21")
async def test_pause_lets_what_runs_finish_and_starts_nothing_until_unpause(run):
    started, gate = threading.Event(), threading.Event()

    @plan
    def App(ctx):
        with Ralph("loop", max_iterations=2):
            Task(gated(started, gate), id="work").on_finished(lambda r: ctx.state.increment("done", 1))

    async with run(App) as live:
        await asyncio.to_thread(started.wait, 30)
        told = await live.tell("pause")
        assert (told.status, told.message) == ("done", "paused: nothing new starts, what runs goes on")
        assert told.frame is not None
        await live.event("execution.paused")
        gate.set()
        await live.event("task.succeeded")
        async with asyncio.timeout(30):
            while len(await live.db.read(lambda conn: reads.tasks(conn, live.id))) < 2:
                pass
        assert await live.state("done") == 1
        assert (await live.execution()).status == "paused"
        assert (await live.reader.run_state(live.id)).state == "paused"
        assert await live.word("loop/1/work") == "scheduled"
        assert (await live.tell("pause")).message == "it was paused already"
        assert (await live.tell("unpause")).status == "done"
        assert (await live.result()).status == "completed"
        assert await live.state("done") == 2


@plan
def Waiting(ctx):
    ctx.state.get("key")
    Human("ship", "Ship it?")


@pytest.mark.requirement("C-7", "Z-15", "S-5")
async def test_set_is_a_transition_that_names_who_asked(run):
    async with run(Waiting) as live:
        await live.event("execution.waiting")
        told = await live.tell("set", key="key", value={"a": [1, None]})
        assert (told.status, told.message) == ("done", "key is set")
        [change] = await live.reader.transitions(live.id, key="key")
        assert (change.new, change.trigger, change.handler) == (
            {"a": [1, None]},
            f"set by {told.asked_by}",
            "operator",
        )
        assert change.frame == told.frame
        event = await live.event("command.set")
        assert (event.source, event.frame_index) == ("operator", told.frame)
        payload = json.loads(event.payload_json or "{}")
        assert (payload["by"], payload["from"]) == (told.asked_by, "cli")
        assert payload["args"] == {"key": "key", "value": {"a": [1, None]}}


@pytest.mark.parametrize(
    ("verb", "node", "args", "message"),
    [
        ("set", None, {"key": "$node/x", "value": 1}, "the key '$node/x' is the engine's own"),
        ("set", None, {"key": "x"}, "set needs a key and a value"),
        ("cancel", "shp", {}, "there is no node 'shp' in the plan. Did you mean 'ship'?"),
        ("dance", None, {}, "this engine does not know 'dance'"),
    ],
)
@pytest.mark.requirement("C-7")
async def test_what_makes_no_sense_is_refused_with_the_reason(run, verb, node, args, message):
    async with run(Waiting) as live:
        await live.event("execution.waiting")
        told = await live.tell(verb, node, **args)
        assert (told.status, told.message) == ("refused", message)
        assert (await live.event(f"command.{verb}")).level == "warning"


@pytest.mark.requirement("C-7", "T-7", "P-1")
async def test_cancel_is_answered_with_the_end_of_the_work_and_the_plan_goes_on(run):
    @plan
    def App(ctx):
        with Parallel():
            Human("ship", "Ship it?")
            Timer("long", seconds=1_000)

    async with run(App) as live:
        await live.event("execution.waiting")
        told = await live.tell("cancel", "ship")
        assert (told.status, told.message) == ("done", "Human 'ship' was cancelled")
        assert [asked.status for asked in await live.approvals()] == ["cancelled"]
        assert (await live.tell("cancel", "lo")).message == "Timer 'long' was cancelled"
        assert (await live.result()).status == "completed"
        assert (await live.task("ship")).status == "cancelled"


@pytest.mark.requirement("C-7", "T-7")
async def test_what_has_not_started_is_cancelled_too_and_what_is_over_is_not(run):
    started, gate = threading.Event(), threading.Event()

    @plan
    def App(ctx):
        with Parallel():
            Task(gated(started, gate), id="first")
            Task(lambda: None, id="second").on_finished(lambda r: ctx.state.set("ran", True))

    async with run(App, limits=Limits(idle_timeout_ms=0, max_tasks=1)) as live:
        await asyncio.to_thread(started.wait, 30)
        told = await live.tell("cancel", "second")
        assert told.message == "Task 'second' was cancelled before it started"
        assert (await live.task("second")).status == "cancelled"
        assert "is cancelled: there is nothing to cancel" in (await live.tell("cancel", "second")).message
        gate.set()
        assert (await live.result()).status == "completed"
        assert await live.state("ran") is None


@pytest.mark.parametrize(("verb", "status", "code"), [("stop", "stopped", 4), ("terminate", "terminated", 143)])
@pytest.mark.requirement("C-7", "C-4", "T-7")
async def test_the_end_is_answered_by_the_closing_record(run, verb, status, code):
    cleaned: list[str] = []

    async def work():
        try:
            await asyncio.sleep(1_000)
        finally:
            cleaned.append("yes")

    @plan
    def App(ctx):
        Task(work, id="work")
        Human("ship", "Ship it?")

    async with run(App) as live:
        await live.event("approval.requested")
        told = await live.tell(verb)
        assert (told.status, told.message) == ("done", status)
        result = await live.result()
        assert (result.status, result.exit_code) == (status, code)
        assert (await live.execution()).status == status
        assert cleaned == ["yes"]
        # It can be resumed, and then the question is still open.
        assert [asked.status for asked in await live.approvals()] == ["pending"]


@pytest.mark.requirement("C-7", "T-7")
async def test_terminate_ends_what_a_stop_gives_its_grace(run):
    stubborn = asyncio.Event()

    async def work():
        try:
            await asyncio.sleep(1_000)
        except asyncio.CancelledError:
            stubborn.set()
            await asyncio.sleep(1_000)

    @plan
    def App(ctx):
        Task(work, id="work")

    async with run(App, limits=Limits(idle_timeout_ms=0, grace_ms=1_000_000)) as live:
        await live.event("task.started")
        stopping = asyncio.create_task(live.tell("stop"))
        await stubborn.wait()
        await live.tell("terminate")
        result = await live.result()
        assert result.status == "stopped"
        assert (await stopping).status == "done"


@pytest.mark.requirement("C-7", "Z-21")
async def test_a_command_is_acknowledged_while_the_engine_is_held_up(run):
    """A handler that never awaits holds the whole loop: the acknowledgement comes from the watching thread."""
    held, let_go = threading.Event(), threading.Event()

    def hold(r):
        held.set()
        assert let_go.wait(30)

    @plan
    def App(ctx):
        Task(lambda: None, id="work").on_finished(hold)
        Human("ship", "Ship it?")

    def other_process(path):
        """On a loop of its own, for this one stands still."""
        from smithers_persistence import Database
        from smithers_py.harness.commands import send_command

        async def body():
            db = await Database.open(path)
            began = time.monotonic()
            told = await send_command(db, "latest", "pause", wait_seconds=0)
            while not told.seen_at and time.monotonic() - began < 10:
                from smithers_py.harness.commands import list_commands
                from smithers_py.harness.reader import Reader

                [told] = await list_commands(Reader(db), told.execution_id)
            seen = time.monotonic() - began
            let_go.set()
            await db.close()
            return told, seen

        held.wait(30)
        return asyncio.run(body())

    answers: list = []
    async with run(App) as live:
        thread = threading.Thread(target=lambda: answers.append(other_process(live.db.path)))
        thread.start()
        event = await live.event("command.pause")
        thread.join()
        assert event.level == "info"
        [(told, seen)] = answers
        assert told.status == "seen"
        # 300 ms on a machine that is not busy: benchmarks/proofs/control.py measures it.
        assert seen < 2


@pytest.mark.requirement("C-7", "Z-21")
async def test_without_an_engine_it_is_queued_or_refused(run):
    async with run(Waiting, wait=False) as live:
        assert (await live.result()).status == "waiting"
        told = await live.tell("set", key="key", value=1)
        assert (told.status, told.message, told.seen_at) == ("queued until resume", None, None)
        with pytest.raises(UsageError, match="is not running, so there is nothing to stop"):
            await live.tell("stop")
        assert [one.status for one in await live.commands()] == ["queued"]


@plan
def Nothing(ctx):
    Task(lambda: None, id="work")


@pytest.mark.requirement("C-7")
async def test_a_completed_execution_takes_none(run):
    async with run(Nothing) as live:
        assert (await live.result()).status == "completed"
        for verb in ("pause", "stop", "cancel", "set"):
            with pytest.raises(UsageError, match=f"is completed, so there is nothing to {verb}"):
                await live.tell(verb)


@plan
def Child(ctx):
    Human("inner", "Go on?").on_approve(lambda r: ctx.state.set("yes", True))
    Task(lambda: None, id="work")


@plan
def Parent(ctx):
    Smithers(Child, id="child").on_finished(lambda r: ctx.state.set("ended", True))


@pytest.mark.requirement("Z-11", "P-2")
async def test_a_child_that_waits_blocks_its_parents_node(run):
    async with run(Parent) as live:
        await live.event("execution.waiting")
        assert await live.state("$node/child") == {"status": "blocked", "reason": "human"}
        await live.answer("inner", True)
        assert (await live.result()).status == "completed"
        assert await live.state("ended") is True


@pytest.mark.requirement("Z-11", "T-7")
async def test_cancelling_the_node_of_a_child_ends_the_child(run):
    async with run(Parent) as live:
        await live.event("execution.waiting")
        [_, child_id] = await live.reader.family(live.id)
        assert (await live.tell("cancel", "child")).status == "done"
        assert (await live.result()).status == "completed"
        child = await live.db.read(lambda conn: reads.get_execution(conn, child_id))
        assert (child.status, child.stop_reason, child.owner) == ("stopped", "parent", None)


@pytest.mark.requirement("Z-11", "P-2")
async def test_a_parent_that_leaves_takes_its_child_along(run):
    async with run(Parent, wait=False) as live:
        assert (await live.result()).status == "waiting"
        [_, child_id] = await live.reader.family(live.id)
        child = await live.db.read(lambda conn: reads.get_execution(conn, child_id))
        assert (child.status, child.owner) == ("waiting", None)


@pytest.mark.requirement("Z-11", "C-7")
async def test_a_child_is_paused_with_its_parent(run):
    @plan
    def Two(ctx):
        Human("first", "?").on_approve(lambda r: ctx.state.set("go", True))
        if ctx.state.get("go"):
            Task(lambda: None, id="second")

    @plan
    def App(ctx):
        Smithers(Two, id="child")

    async with run(App) as live:
        await live.event("execution.waiting")
        await live.tell("pause")
        await live.answer("first", True)
        [_, child_id] = await live.reader.family(live.id)

        async def word() -> str:
            return (await live.db.read(lambda conn: reads.get_execution(conn, child_id))).status

        async with asyncio.timeout(30):
            while await word() != "paused":
                pass
        await live.tell("unpause")
        assert (await live.result()).status == "completed"
