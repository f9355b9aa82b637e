"""What a failure does to its containers, its siblings and the run (Z-7, H-2)."""

import pytest
from sem_play import nothing

from smithers_py import Command, Effect, Fragment, If, Parallel, Phase, Ralph, Step, Task, Text, component
from smithers_py.errors import CommandFailed, HandlerError, TaskFailed

pytestmark = pytest.mark.requirement("Z-7", "H-2")


def boom():
    raise ValueError("broken pipe dream")


def bad_handler(*_):
    raise RuntimeError("handler broke")


def test_an_unhandled_failure_fails_its_containers_and_skips_what_follows(run, calls):
    @component
    def App(ctx):
        return [
            Phase(
                "a",
                children=[
                    Step("one", children=[Task(boom, id="boom"), Task(lambda: calls("beside"), id="beside")]),
                    Step("two", children=[Task(lambda: calls("no"), id="never")]),
                    Task(lambda: calls("no"), id="anonymous"),
                ],
                on_complete=lambda r: calls("no"),
            ),
            Phase("b", children=[Task(lambda: calls("no"))]),
            Phase("c", on_start=lambda: calls("no")),
            Task(lambda: calls("other branch"), id="other"),
        ]

    played = run(App)
    assert sorted(calls.names) == ["beside", "other branch"]
    statuses = {row.name or row.node_id: row.status for row in played.nodes}
    assert statuses == {
        "a": "failed",
        "one": "failed",
        "boom": "failed",
        "beside": "succeeded",
        "two": "skipped",
        "anonymous": "skipped",
        "b": "skipped",
        "c": "skipped",
        "other": "succeeded",
    }
    result = played.result
    assert (result.status, result.exit_code) == ("failed", 1)
    assert (played.execution.status, played.execution.exit_code) == ("failed", 1)
    assert [error["code"] for error in result.errors] == [TaskFailed.code]
    assert "broken pipe dream" in result.errors[0]["message"]
    assert result.errors[0]["where"]["file"] == __file__
    skipped = played.transitions(f"$node/{played.node('b').node_id}")[-1]
    assert skipped.new_value_json == '{"status":"skipped","reason":"upstream"}'
    assert "broken pipe dream" in played.task("boom").last_error_json


def test_parallel_siblings_finish_and_then_the_parallel_fails(run, gate, calls):
    @component
    def App(ctx):
        return Phase(
            "p",
            children=[
                Parallel(
                    max_concurrency=1,
                    id="par",
                    children=[
                        Task(boom, id="boom"),
                        Task(lambda: calls("later"), id="later"),
                        Step("s", children=[Task(lambda: calls("step"))]),
                    ],
                ),
                Task(lambda: calls("no"), id="after"),
            ],
        )

    played = run(App)
    assert calls.names == ["later", "step"]
    assert {name: played.status(name) for name in ("par", "later", "s", "after", "p")} == {
        "par": "failed",
        "later": "succeeded",
        "s": "succeeded",
        "after": "skipped",
        "p": "failed",
    }


@pytest.mark.parametrize("owner", ["own", "step", "phase", "outer"])
def test_on_error_of_the_nearest_settles_the_node(run, calls, owner):
    def on(level):
        return {"on_error": lambda e: calls(f"{level} {type(e).__name__}")} if level == owner else {}

    @component
    def Part(ctx):
        return Fragment(children=[Task(boom, id="boom", **on("own"))])

    @component
    def App(ctx):
        return Phase(
            "outer",
            children=[
                Parallel(
                    children=[
                        Phase(
                            "p",
                            children=[
                                Step("s", children=[Part()], **on("step")),
                                Task(lambda: calls("after"), id="after"),
                            ],
                            **on("phase"),
                        )
                    ]
                )
            ],
            **on("outer"),
        )

    played = run(App)
    assert calls.names == [f"{owner} TaskFailed", "after"]
    assert played.result.status == "completed"
    assert played.status("boom") == "failed"
    assert {played.status(name) for name in ("s", "p", "outer", "after")} == {"succeeded"}


def test_the_nearest_on_error_wins_and_runs_once(run, calls):
    @component
    def App(ctx):
        return Phase(
            "p",
            children=[Step("s", children=[Task(boom)], on_error=lambda e: calls("step"))],
            on_error=lambda e: calls("phase"),
        )

    run(App)
    assert calls.names == ["step"]


def test_on_error_gets_the_typed_error_and_may_write(run):
    @component
    def App(ctx):
        def failed(e, ctx):
            ctx.state.set("seen", [type(e).__name__, e.exit_code, e.stderr])

        return Command("echo why >&2; exit 7", on_error=failed, id="c")

    played = run(App)
    assert played.state == {"seen": ["CommandFailed", 7, "why\n"]}
    transition = played.transitions("seen")[0]
    assert (transition.node_id, transition.handler) == ("c", "on_error")
    assert CommandFailed.code in played.task("c").last_error_json


@pytest.mark.parametrize("event", ["on_finished", "on_error"])
def test_a_handler_that_raises_writes_nothing_and_the_run_goes_on(run, calls, event):
    @component
    def App(ctx):
        def handler(_):
            ctx.state.set("lost", 1)
            ctx.vol.set("lost", 1)
            raise RuntimeError("handler broke")

        work = boom if event == "on_error" else nothing
        return [
            Task(work, id="w", **{event: handler}),
            Task(nothing, id="other", on_finished=lambda r: ctx.state.set("other", 1)),
            If(lambda: ctx.vol.get("lost"), children=[Text("seen")]),
        ]

    played = run(App)
    assert played.state == {"other": 1}
    assert "Text" not in {row.node_type for row in played.nodes}
    assert played.status("w") == "failed"
    assert played.task("w").handled_frame is not None
    errors = played.result.errors
    assert [error["code"] for error in errors] == [HandlerError.code]
    assert "handler broke" in errors[0]["message"]
    assert any(level == "error" and "handler broke" in text for level, text in played.watch.logs)
    assert (played.result.status, played.result.exit_code) == ("failed", 1)
    event_row = [row for row in played.events if row.type == "handler.failed"]
    assert [row.node_id for row in event_row] == ["w"]


def test_an_async_handler_that_raises_or_outlives_its_time(run):
    import asyncio

    from smithers_py.engine.run import Limits

    @component
    def App(ctx):
        async def slow(r):
            ctx.state.set("slow", 1)
            await asyncio.Event().wait()

        async def broken(r):
            ctx.state.set("broken", 1)
            raise TimeoutError("mine")

        async def fine(r):
            ctx.state.set("a", 1)
            await asyncio.sleep(0)
            ctx.state.set("b", 2)

        return [
            Task(nothing, id="slow", on_finished=slow),
            Task(nothing, id="broken", on_finished=broken),
            Task(nothing, id="fine", on_finished=fine),
        ]

    played = run(App, limits=Limits(idle_timeout_ms=0, handler_timeout_ms=50))
    assert played.state == {"a": 1, "b": 2}
    by_node = {error["where"]["node"]: error for error in played.result.errors}
    (slow,) = [error for node, error in by_node.items() if "slow" in node]
    (broken,) = [error for node, error in by_node.items() if "broken" in node]
    assert "0.05" in slow["message"]
    assert "mine" in broken["message"]


@pytest.mark.parametrize("event", ["on_start", "on_complete"])
@pytest.mark.parametrize("kind", [Phase, Step])
def test_a_container_event_that_raises_fails_the_container(run, calls, kind, event):
    @component
    def App(ctx):
        inner = kind("c", children=[Task(lambda: calls("work"), id="w")], **{event: bad_handler})
        return Phase("p", children=[inner, Task(lambda: calls("after"), id="after")])

    played = run(App)
    assert played.status("c") == "failed"
    assert played.status("p") == "failed"
    assert played.status("after") == "skipped"
    assert calls.names in (["work"], [])
    assert (played.result.status, played.result.exit_code) == ("failed", 1)
    assert [error["code"] for error in played.result.errors] == [HandlerError.code]


def test_an_effect_that_raises_fails_its_node_and_nothing_else(run, calls):
    @component
    def App(ctx):
        def effect(ctx):
            ctx.state.set("lost", 1)
            raise RuntimeError("effect broke")

        return Phase(
            "p",
            children=[
                Effect("e", deps=[], run=effect),
                Task(lambda: calls("work")),
                Task(lambda: calls("more")),
            ],
            on_complete=lambda r: calls("complete"),
        )

    played = run(App)
    assert calls.names == ["work", "more", "complete"]
    assert played.state == {}
    assert played.status("e") == "failed"
    assert played.status("p") == "succeeded"
    assert (played.result.status, played.result.exit_code) == ("failed", 1)
    assert "effect broke" in played.result.errors[0]["message"]


def test_a_failure_stops_its_loop(run, calls):
    @component
    def App(ctx):
        def work(n):
            calls(f"work {n}")
            if n == 1:
                raise ValueError("second time unlucky")

        return [
            Ralph(
                "loop",
                children=lambda n: [Task(lambda: work(n)), Task(lambda: calls(f"then {n}"), id="then")],
                on_complete=lambda r: calls("no"),
            )
        ]

    played = run(App)
    assert calls.names == ["work 0", "then 0", "work 1"]
    assert played.status("loop") == "failed"
    assert played.status("loop/1/then") == "skipped"
    assert played.result.exit_code == 1


def test_a_failed_step_at_the_root_skips_the_later_steps_only(run, calls):
    @component
    def App(ctx):
        return [
            Step("s", children=[Task(boom)]),
            Phase("p", children=[Task(lambda: calls("phase"))]),
            Step("t", children=[Task(lambda: calls("no"))]),
        ]

    played = run(App)
    assert calls.names == ["phase"]
    assert played.status("t") == "skipped"


def test_a_retry_that_succeeds_leaves_two_attempts(run):
    tries = []

    def flaky():
        tries.append(1)
        if len(tries) == 1:
            raise ConnectionError("gone")
        return "back"

    @component
    def App(ctx):
        return Task(flaky, id="t", retries=1, on_finished=lambda r: ctx.state.set("r", [r.output, r.attempt]))

    played = run(App)
    assert len(tries) == 2
    assert played.state == {"r": ["back", 2]}
    assert played.history("t") == ["running", "blocked", "running", "succeeded"]
    assert [(row.attempt, row.outcome) for row in played.attempts] == [(1, "failed"), (2, "succeeded")]
    first, second = played.attempts
    assert second.started_at - first.ended_at >= 400
    assert played.result.status == "completed"


def test_only_retryable_errors_are_retried(run, calls):
    def wrong():
        calls("wrong")
        raise ValueError("no use")

    def picky():
        calls("picky")
        raise ConnectionError("would be")

    @component
    def App(ctx):
        return [
            Task(wrong, id="wrong", retries=3),
            Task(picky, id="picky", retries=3, retry_on=KeyError),
            Task(picky, id="default"),
        ]

    played = run(App)
    assert sorted(calls.names) == ["picky", "picky", "wrong"]
    assert {row.attempt for row in played.tasks} == {1}


def test_a_result_that_cannot_be_stored_fails_the_task(run):
    @component
    def App(ctx):
        return Task(lambda: object(), id="t", on_error=lambda e: ctx.state.set("e", str(e)))

    played = run(App)
    assert played.status("t") == "failed"
    assert "object" in played.state["e"]


def test_failures_of_many_are_all_reported_in_order(run):
    async def at_once():
        """On the loop, so that all three fail in one turn of it: threads may end in any order."""
        boom()

    @component
    def App(ctx):
        return [Task(at_once, id=f"t{n}") for n in range(3)]

    played = run(App)
    assert [error["where"]["node"].rsplit(" ", 1)[-1] for error in played.result.errors] == ["'t0'", "'t1'", "'t2'"]
