"""Handlers and the flush: what lands when, in which order, in which frame (S-1 to S-5, H-1 to H-5, Z-0, Z-1, Z-15)."""

import asyncio
import time

import pytest
from sem_play import Hold, nothing

from smithers_py import Each, Effect, Fragment, Phase, Task, Text, component
from smithers_py.engine.run import Limits
from smithers_py.errors import ContextError

pytestmark = pytest.mark.requirement("S-3", "S-4", "H-1", "Z-15")


def in_one_frame(played, ids):
    return len({played.task(node_id).handled_frame for node_id in ids}) == 1


@pytest.mark.parametrize("write", ["update", "increment"])
def test_five_tasks_finishing_in_one_frame_leave_five(run, write):
    hold = Hold(5)

    @component
    def App(ctx):
        def handler(r):
            if write == "update":
                ctx.state.update("n", lambda n: (n or 0) + 1)
            else:
                ctx.state.increment("n")

        return [hold.task(), *[Task(hold.body(), id=f"t{n}", on_finished=handler) for n in range(5)]]

    played = run(App, hold=hold)
    ids = [f"t{n}" for n in range(5)]
    assert in_one_frame(played, ids)
    rows = played.transitions("n")
    assert [(row.old_value_json, row.new_value_json) for row in rows] == [
        (None, "1"),
        ("1", "2"),
        ("2", "3"),
        ("3", "4"),
        ("4", "5"),
    ]
    assert {row.frame_index for row in rows} == {played.task("t0").handled_frame}
    assert [row.node_id for row in rows] == ids
    assert played.state == {"n": 5}


def test_the_last_set_wins_in_plan_order_not_in_order_of_finishing(run):
    finished = []
    # The results come in an order that is not the plan's.
    hold = Hold(3, reverse=True)

    @component
    def App(ctx):
        def handler(name):
            def set_(r):
                finished.append(name)
                ctx.state.set("who", name)

            return set_

        def work(n):
            return Task(hold.body(), on_finished=handler(n))

        return [
            hold.task(),
            Each(["c", "a", "b"], children=lambda n: Fragment(key=n, children=[work(n)])),
        ]

    played = run(App, hold=hold)
    assert finished == ["c", "a", "b"]
    assert played.state == {"who": "b"}
    assert [row.new_value_json for row in played.transitions("who")] == ['"c"', '"a"', '"b"']


def test_writes_are_visible_to_nobody_until_the_flush(run, calls):
    hold = Hold(2)

    @component
    def App(ctx):
        def first(r):
            ctx.state.set("n", 1)
            ctx.state.set("n", ctx.state.get("n", 0) + 10)
            ctx.vol.set("v", 1)
            calls((ctx.state.get("n"), ctx.vol.get("v")))

        def second(r):
            calls((ctx.state.get("n"), ctx.vol.get("v")))
            ctx.state.update("n", lambda n: (calls(("flush", n)), n)[1])

        return [
            hold.task(),
            Task(hold.body(), id="a", on_finished=first),
            Task(hold.body(), id="b", on_finished=second),
        ]

    played = run(App, hold=hold)
    assert calls.names == [(None, None), (None, None), ("flush", 10)]
    assert played.state == {"n": 10}


def test_an_async_handler_sees_the_old_state_even_after_a_pause(run, calls):
    @component
    def App(ctx):
        async def handler(r):
            ctx.state.set("n", 1)
            await asyncio.sleep(0)
            calls(ctx.state.get("n"))

        return Task(nothing, on_finished=handler)

    run(App)
    assert calls.names == [None]


def test_setting_an_equal_value_makes_no_transition_and_no_render(run, calls):
    @component
    def App(ctx):
        calls("app")
        ctx.state.get("n")
        return Task(nothing, id="t", on_finished=lambda r: ctx.state.set("n", {"a": [1]}))

    played = run(App, state={"n": {"a": [1]}})
    assert calls.names == ["app"]
    assert [row.frame_index for row in played.transitions("n")] == [-1]
    assert [frame.keys_written for frame in played.frames][-1] == ["$node/t"]


def test_there_and_back_in_one_frame_changes_nothing(run, calls):
    @component
    def App(ctx):
        def handler(r):
            ctx.state.set("n", 2)
            ctx.state.set("n", 1)
            ctx.state.set("new", 1)
            ctx.state.delete("new")

        calls(ctx.state.get("n"))
        return Task(nothing, on_finished=handler)

    played = run(App, state={"n": 1})
    assert calls.names == [1]
    assert played.state == {"n": 1}


def test_an_update_that_raises_drops_only_its_handler(run):
    hold = Hold(3)

    @component
    def App(ctx):
        def good(r):
            ctx.state.update("n", lambda n: (n or 0) + 1)

        def bad(r):
            ctx.state.set("lost", 1)
            ctx.state.update("n", lambda n: n / 0)

        return [
            hold.task(),
            Task(hold.body(), id="a", on_finished=good),
            Task(hold.body(), id="b", on_finished=bad),
            Task(hold.body(), id="c", on_finished=good),
        ]

    played = run(App, hold=hold)
    assert played.state == {"n": 2}
    assert [played.status(n) for n in "abc"] == ["succeeded", "failed", "succeeded"]
    assert (played.result.status, len(played.result.errors)) == ("failed", 1)
    assert "ZeroDivisionError" in str(played.result.errors[0])
    assert "'b'" in played.result.errors[0]["where"]["node"]


def test_init_in_render_writes_once(run, calls):
    @component
    def App(ctx):
        ctx.state.init("n", 1)
        calls(ctx.state.get("n"))
        return [Text(str(ctx.state.get("n"))), Task(nothing, on_finished=lambda r: ctx.state.set("n", 5))]

    played = run(App)
    assert calls.names == [None, 1, 5]
    assert [row.new_value_json for row in played.transitions("n")] == ["1", "5"]
    assert run(App, state={"n": 7}).transitions("n")[0].new_value_json == "7"


def test_state_given_at_the_start_is_frame_minus_one(run):
    @component
    def App(ctx):
        return Text(str(ctx.state.get("n")))

    played = run(App, state={"n": 3, "m": None})
    assert [(row.key, row.frame_index, row.new_value_json) for row in played.transitions()] == [
        ("n", -1, "3"),
        ("m", -1, "null"),
    ]
    assert played.state == {"n": 3, "m": None}
    assert played.state_at(0)["n"] == 3


def test_a_deletion_is_a_transition(run):
    @component
    def App(ctx):
        return [
            Text(str(ctx.state.get("n", "gone"))),
            Task(nothing, on_finished=lambda r: ctx.state.delete("n", "why")),
        ]

    played = run(App, state={"n": None})
    last = played.transitions("n")[-1]
    assert (last.deleted, last.old_value_json, last.trigger) == (True, "null", "why")
    assert ("Text", "gone") in played.shape()


def test_transitions_say_who_why_and_when(run):
    @component
    def App(ctx):
        def work(ctx):
            ctx.state.set("body", 1, trigger="inside")

        return Phase(
            "p",
            id="p",
            children=[Task(work, id="t", on_finished=lambda r: ctx.state.set("n", 1, trigger="done"))],
            on_start=lambda: ctx.state.set("s", 1),
            on_complete=lambda r: ctx.state.set("c", 1),
        )

    played = run(App)
    found = {row.key: (row.node_id, row.handler, row.trigger) for row in played.transitions()}
    assert found["n"] == ("t", "on_finished", "done")
    assert found["body"][0] == "t"
    assert found["body"][2] == "inside"
    assert found["s"][:2] == ("p", "on_start")
    assert found["c"][:2] == ("p", "on_complete")
    handled = played.task("t").handled_frame
    frames = {row.key: row.frame_index for row in played.transitions()}
    assert frames["s"] == 0
    assert frames["body"] == frames["n"] == handled
    assert frames["c"] == handled + 1


@pytest.mark.requirement("Z-0")
def test_a_task_body_writes_before_its_own_handler_and_only_if_it_succeeds(run, calls):
    @component
    def App(ctx):
        def good(ctx):
            ctx.state.set("n", "body")
            ctx.state.set("b", 1)

        def bad(ctx):
            ctx.state.set("lost", 1)
            raise ValueError("no")

        return [
            Task(good, on_finished=lambda r: ctx.state.set("n", "handler")),
            Task(bad, on_error=lambda e: ctx.state.set("e", 1)),
        ]

    assert run(App).state == {"n": "handler", "b": 1, "e": 1}


def test_a_late_write_of_a_finished_handler_is_refused(run, calls):
    late = []

    @component
    def App(ctx):
        async def handler(r):
            async def later():
                await asyncio.sleep(0)
                try:
                    ctx.state.set("late", 1)
                except ContextError as error:
                    calls(type(error).__name__)

            late.append(asyncio.ensure_future(later()))

        return [Task(nothing, on_finished=handler), Task(lambda: time.sleep(0.05))]

    played = run(App)
    assert played.state == {}
    assert calls.names == ["ContextError"]


@pytest.mark.requirement("R-7")
def test_progress_may_write_only_vol(run):
    from smithers_py import Command

    @component
    def App(ctx):
        def progress(event):
            if event.get("line"):
                ctx.vol.append("lines", event["line"])

        return [
            Command(
                "echo one; echo two", on_progress=progress, on_finished=lambda r: seen.append(ctx.vol.get("lines"))
            ),
        ]

    seen = []
    played = run(App, limits=Limits(idle_timeout_ms=0, throttle_ms=1))
    assert played.result.status == "completed"
    assert seen in ([["one", "two"]], [None], [["one"]])
    assert played.state == {}


def test_a_plan_that_shows_nothing_completes(run):
    @component
    def App(ctx):
        return None

    played = run(App)
    assert (played.result.status, played.result.exit_code) == ("completed", 0)
    assert played.execution.status == "completed"


def test_handlers_get_ctx_by_name(run):
    @component
    def App(ctx):
        def work(ctx, n=3):
            return ctx.input["x"] + n

        def handler(ctx, r):
            ctx.state.set("n", r.output)

        return Fragment(
            children=[
                Task(work, on_finished=lambda r, ctx: ctx.state.set("m", r.output)),
                Task(work, on_finished=handler),
                Effect("e", deps=[], run=lambda ctx: ctx.state.set("e", 1)),
            ]
        )

    assert run(App, input={"x": 1}).state == {"m": 4, "n": 4, "e": 1}
