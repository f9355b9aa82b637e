"""What plans may not write, and where they may not use ctx at all (F-2, S-1, Z-1, Z-15)."""

import pytest
from sem_play import nothing

from smithers_py import Phase, Signal, Task, Text, component
from smithers_py.errors import ContextError, ReservedKeyError, StateValueError, WriteInRenderError

pytestmark = pytest.mark.requirement("F-2", "S-1", "Z-15")


@pytest.mark.parametrize("write", ["set", "update", "delete", "append", "merge", "increment", "vol", "signal", "fs"])
def test_writes_in_render_are_refused_at_their_line(run, write):
    signal = []

    @component
    def Bad(ctx):
        match write:
            case "set":
                ctx.state.set("n", 1)
            case "update":
                ctx.state.update("n", lambda n: 1)
            case "delete":
                ctx.state.delete("n")
            case "append":
                ctx.state.append("n", 1)
            case "merge":
                ctx.state.merge("n", {})
            case "increment":
                ctx.state.increment("n")
            case "vol":
                ctx.vol.set("n", 1)
            case "fs":
                ctx.fs.write("x.txt", "x")
            case "signal":
                signal.append(Signal(0))
                signal[0].set(1)

    @component
    def App(ctx):
        return Phase("p", children=[Bad()])

    played = run(App, healthy=True)
    assert played.result.status == "failed"
    assert played.result.stop_reason == "render"
    error = played.result.errors[0]
    assert error["where"]["file"] == __file__
    assert "Bad" in error["where"]["node"] or "Bad" in error["message"]
    if write != "signal":
        assert error["code"] == WriteInRenderError.code
    assert played.frames == []
    assert not list(played.path.parent.glob("x.txt"))


@pytest.mark.parametrize(
    ("value", "code"), [(object(), StateValueError.code), (float("nan"), StateValueError.code), ({1: 2}, None)]
)
def test_what_cannot_be_stored_is_refused_at_the_call(run, value, code):
    @component
    def App(ctx):
        def handler(r):
            ctx.state.set("before", 1)
            ctx.state.set("n", value)

        return Task(nothing, id="t", on_finished=handler)

    played = run(App)
    if code is None:
        assert played.result.status in ("completed", "failed")
        return
    assert played.state == {}
    assert played.result.errors[0]["code"] == code
    assert "'n'" in played.result.errors[0]["message"]


def test_the_engines_own_keys_are_refused(run):
    @component
    def App(ctx):
        return Task(nothing, id="t", on_finished=lambda r: ctx.state.set("$node/t", "x"))

    assert run(App).result.errors[0]["code"] == ReservedKeyError.code


def test_ctx_outside_raises(run):
    kept = []

    @component
    def App(ctx):
        kept.append(ctx)
        return Text("x")

    run(App)
    for use in (
        lambda ctx: ctx.state.get("n"),
        lambda ctx: ctx.state.set("n", 1),
        lambda ctx: ctx.vol.set("n", 1),
        lambda ctx: ctx.now(),
        lambda ctx: ctx.uuid(),
        lambda ctx: ctx.node("x"),
        lambda ctx: ctx.fs.read("x"),
    ):
        with pytest.raises(ContextError):
            use(kept[0])
