"""What a plan can read: vol, Signals, files, nodes, clock and chance, input; what a frame's row tells of it (F-7)."""

import pytest
from pydantic import BaseModel
from sem_play import nothing

from smithers_py import Computed, If, Phase, Signal, Step, Task, Text, component, plan
from smithers_py.clock import SystemClock
from smithers_py.engine.run import Limits
from smithers_py.errors import UsageError
from smithers_py.testing import FakeClock

pytestmark = pytest.mark.requirement("S-2", "F-7")


class Order(BaseModel):
    count: int
    name: str = "x"


def states(*values, key="s"):
    left = list(values)

    def on_frame(watch, report):
        if left:
            watch.write(**{key: left.pop(0)})

    return on_frame


def test_vol_renders_and_leaves_no_trace_in_state(run, calls):
    @component
    def Reader(ctx):
        calls(ctx.v.get("n"))
        return Text(str(ctx.vol.get("n")))

    @component
    def App(ctx):
        calls("app")
        return [Reader(), Task(nothing, id="t", on_finished=lambda r: ctx.vol.set("n", object))]

    played = run(App)
    assert calls.names == ["app", None, object]
    assert played.state == {}
    assert played.transitions() == []
    frame = next(frame for frame in played.frames if "vol:n" in frame.keys_written)
    assert frame.frame_index == played.task("t").handled_frame


@pytest.mark.requirement("Z-24", "R-1")
def test_signals_are_queued_until_the_flush_and_render_their_readers(run, calls):
    made = {}

    @component
    def Reader(ctx):
        calls(("reader", made["double"].get()))
        return Text(str(made["double"].get()))

    @component
    def App(ctx):
        if "n" not in made:
            made["n"] = Signal(1)
            made["double"] = Computed(lambda: made["n"].get() // 2)

        def handler(r):
            made["n"].set(made["n"].get() + 4)
            made["n"].update(lambda n: n + 1)
            calls(("handler", made["n"].peek()))

        calls("app")
        return [
            Reader(),
            Phase("p", children=[Task(nothing, on_finished=handler)]),
            Phase("q", children=[Task(nothing)]),
        ]

    played = run(App)
    assert calls.names == ["app", ("reader", 0), ("handler", 1), ("reader", 3)]
    assert ("Text", "3") in played.shape()


def test_a_signal_write_of_a_handler_that_raises_is_dropped(run, calls):
    made = {}

    @component
    def App(ctx):
        signal = made.setdefault("n", Signal(1)) if "n" not in made else made["n"]

        def handler(r):
            signal.set(5)
            raise ValueError("no")

        calls(signal.get())
        return Task(nothing, on_finished=handler)

    run(App)
    assert calls.names == [1]


def test_a_file_read_in_render_renders_again_when_it_changes(run, tmp_path, calls):
    (tmp_path / "note.txt").write_text("one")

    @component
    def Reader(ctx):
        text = ctx.fs.read("note.txt")
        calls(text)
        return Text(text)

    @component
    def App(ctx):
        calls("app")

        def change():
            (tmp_path / "note.txt").write_text("two")

        def done(ctx):
            import time

            deadline = time.monotonic() + 5
            while "two" not in calls.names and time.monotonic() < deadline:
                time.sleep(0.01)

        return [Reader(), Phase("p", children=[Task(change), Task(done)])]

    played = run(App, workspace=tmp_path, limits=Limits(idle_timeout_ms=0, throttle_ms=20))
    assert calls.names == ["app", "one", "two"]
    assert ("Text", "two") in played.shape()
    assert [frame.keys_read for frame in played.frames if frame.frame_index and frame.scopes] == [["file:note.txt"]]


@pytest.mark.requirement("Z-14", "Z-1")
def test_node_status_and_output_are_visible_after_the_flush(run, calls):
    @component
    def Reader(ctx):
        view = ctx.node("t")
        calls((view.status, view.output))
        return Text(str(view.status))

    @component
    def App(ctx):
        return [
            Reader(),
            Task(lambda: {"n": 1}, id="t", on_finished=lambda r: calls(("handler", ctx.node("t").status))),
            If(lambda: ctx.node("t").status == "succeeded", children=[Task(nothing, id="next")]),
        ]

    played = run(App)
    assert calls.names[0] == (None, None)
    assert calls.names[-1] == ("succeeded", {"n": 1})
    assert ("handler", "running") in calls.names
    assert calls.names.index(("handler", "running")) < calls.names.index(("succeeded", {"n": 1}))
    assert played.node("next").mounted_frame == played.task("t").handled_frame + 1
    assert played.history("t") == ["running", "succeeded"]


@pytest.mark.requirement("Z-14")
def test_node_error_and_attempt(run):
    def boom():
        raise ValueError("the reason")

    @component
    def App(ctx):
        view = ctx.node("t")
        if view.status == "failed":
            return [Task(boom, id="t"), Text(f"{view.attempt} {view.error['message']}")]
        return [Task(boom, id="t"), Text("waiting")]

    text = next(shape[1] for shape in run(App).shape() if shape[0] == "Text")
    assert text.startswith("1 ")
    assert "the reason" in text


@pytest.mark.requirement("Z-14")
def test_a_node_that_never_was(run):
    @component
    def App(ctx):
        view = ctx.node("nobody")
        return Text(repr((view.status, view.output, view.error, view.attempt, view.structured)))

    assert ("Text", "(None, None, None, None, None)") in run(App).shape()


@pytest.mark.requirement("Z-14")
def test_a_node_is_looked_up_from_the_nearest_scope_outward(run):
    @component
    def Show(ctx):
        return Text(f"{ctx.node('w').output}, {ctx.node('top').output}, {ctx.node('none').output}")

    @component
    def Row(ctx, name):
        return [Task(lambda: f"inner {name}", id="w"), Show()]

    @component
    def App(ctx):
        return [
            Task(lambda: "outer", id="w"),
            Task(lambda: "top", id="top"),
            Row("a", key="a"),
            Row("b", key="b"),
            Show(),
        ]

    played = run(App)
    texts = [shape[1] for shape in played.shape() if shape[0] == "Text"]
    assert texts == ["inner a, top, None", "inner b, top, None", "outer, top, None"]


@pytest.mark.requirement("Z-17", "S-6")
def test_chance_is_derived_and_the_time_is_that_of_the_scopes_last_run(run):
    seen = []

    @component
    def Still(ctx):
        seen.append(("still", ctx.now(), ctx.random(), ctx.random(), ctx.uuid()))

    @component
    def Moving(ctx):
        seen.append(("moving", ctx.state.get("s"), ctx.now(), ctx.random(), ctx.uuid()))

    @component
    def App(ctx):
        return [Still(), Moving(), Moving(), Text("x")]

    clock = FakeClock()

    def on_frame(watch, report):
        clock.advance(1000)
        if report.index < 2:
            watch.write(s=report.index)

    run(App, clock=clock, on_frame=on_frame)
    still = [one for one in seen if one[0] == "still"]
    moving = [one for one in seen if one[0] == "moving"]
    assert len(still) == 1
    assert still[0][2] != still[0][3]
    first, second = moving[0::2], moving[1::2]
    assert len(first) == len(second) >= 2
    assert len({one[3:] for one in first}) == 1
    assert first[0][3:] != second[0][3:]
    assert first[1][2] > first[0][2]


@pytest.mark.requirement("Z-17")
def test_uuid_of_a_task_is_its_idempotency_key(run):
    seen = []

    @component
    def App(ctx):
        def work(ctx):
            seen.append(ctx.uuid())
            if len(seen) == 1:
                raise ConnectionError("once")

        return [Task(work, id="t", retries=1), Task(lambda ctx: ctx.uuid(), id="u")]

    played = run(App)
    assert seen[0] == seen[1]
    assert seen[0] not in played.task("u").result_json


@pytest.mark.requirement("Z-14")
def test_the_input_is_validated_against_the_plans_model(run):
    @plan(input=Order)
    def App(ctx):
        Text(f"{ctx.input.name} {ctx.input.count}")

    assert ("Text", "x 3") in run(App, input={"count": 3}).shape()
    with pytest.raises(UsageError, match="count"):
        run(App, input={"name": "y"})


def test_a_frame_row_tells_what_happened(run):
    @component
    def Child(ctx):
        return Text(str(ctx.state.get("n")))

    @component
    def App(ctx):
        ctx.state.get("other")
        return [
            Child(),
            Phase(
                "p",
                children=[Step("s", children=[Task(lambda: 1, id="t", on_finished=lambda r: ctx.state.set("n", 1))])],
            ),
        ]

    before = SystemClock().now_ms()
    played = run(App)
    first, handled, rendered = played.frames[:3]
    assert [frame.frame_index for frame in played.frames] == list(range(len(played.frames)))
    assert (first.reason, first.triggers) == ("start", ["start"])
    assert (first.mounted, first.unmounted, first.updated, first.scopes) == (5, 0, 0, 2)
    assert sorted(first.keys_read) == ["n", "other"]
    assert (handled.reason, handled.triggers[0]) == ("task", "task:t")
    assert (handled.mounted, handled.scopes, handled.keys_read) == (0, 0, [])
    assert "n" in handled.keys_written
    assert "$node/t" in handled.keys_written
    assert (rendered.reason, rendered.updated, rendered.scopes, rendered.keys_read) == ("flush", 1, 1, ["n"])
    assert any("n" in trigger for trigger in rendered.triggers)
    for frame in played.frames:
        assert frame.flushed
        assert list(frame.phase_ms) == ["snapshot", "render", "reconcile", "commit", "execute", "effects", "flush"]
        assert all(isinstance(ms, int | float) and ms >= 0 for ms in frame.phase_ms.values())
        assert before <= frame.created_at <= SystemClock().now_ms()
        assert frame.bytes <= 2000


@pytest.mark.requirement("F-6", "Z-18")
def test_every_frame_is_rebuilt_from_rows(run):
    """Plan after each frame, and the state that each frame saw, against what the engine had in memory then."""
    memory = []

    @component
    def App(ctx):
        n = ctx.state.get("n", 0)
        return [
            *[Text(f"{k}", key=(k * 7) % 11) for k in range(n % 5)],
            Task(nothing, key=f"t{n}", on_finished=lambda r: ctx.state.set("n", n + 1)) if n < 12 else None,
            If(n % 3 == 0, children=["third"], fallback=[Text("other", key="o")]),
        ]

    def on_frame(watch, report):
        memory.append((report.index, watch.tree.flat(), watch.run.state.texts(), watch.run.tree.plan_hash_bytes))

    played = run(App, on_frame=on_frame)
    frames = played.frames
    assert [frame.frame_index for frame in frames] == [index for index, *_ in memory] == list(range(len(frames)))
    from smithers_persistence.state_fold import state_at

    for index, flat, texts, plan_hash in memory:
        assert played.plan(index) == flat
        assert frames[index].plan_hash == plan_hash
        if index + 1 < len(frames):
            assert played.read(state_at, played.id, index + 1) == texts
    assert len({frame.chain for frame in frames}) == len(frames)
