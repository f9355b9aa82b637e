"""Effects: when they run, when they clean up, and what stops a plan that chases itself (N-6, H-4, Z-16, F-9, Z-20)."""

import pytest
from sem_play import nothing

from smithers_py import Each, Effect, Fragment, If, Phase, Ralph, Task, Text, component
from smithers_py.engine.run import Limits
from smithers_py.errors import EffectError

pytestmark = pytest.mark.requirement("N-6", "H-4", "Z-16")


def states(*values, key="s"):
    left = list(values)

    def on_frame(watch, report):
        if left:
            watch.write(**{key: left.pop(0)})

    return on_frame


def test_it_runs_after_commit_and_again_when_deps_change_by_value(run, calls):
    @component
    def App(ctx):
        n = ctx.state.get("s", 0)
        calls(f"render {n}")
        return Effect("e", deps=[{"half": n // 2}, [1, 2]], run=lambda: calls(f"effect {n}"))

    played = run(App, on_frame=states(1, 2, 2, 3))
    assert calls.names == ["render 0", "effect 0", "render 1", "render 2", "effect 2", "render 3"]
    (row,) = played.effects
    assert row.effect_id == "e"
    assert "1" in row.deps_json


def test_empty_deps_run_once(run, calls):
    @component
    def App(ctx):
        return Effect("e", deps=[], run=lambda: calls(f"{ctx.state.get('s')}")), Text(str(ctx.state.get("s")))

    run(App, on_frame=states(1, 2))
    assert calls.names == ["None"]


@pytest.mark.parametrize("how", ["returned", "prop"])
def test_cleanup_comes_before_the_next_run_and_at_unmount(run, calls, how):
    @component
    def App(ctx):
        n = ctx.state.get("s", 0)
        if n == 9:
            return Text("gone")

        def setup():
            calls(f"run {n}")
            return (lambda: calls(f"clean {n}")) if how == "returned" else None

        more = {} if how == "returned" else {"cleanup": lambda: calls(f"clean {n}")}
        return Effect("e", deps=[n], run=setup, **more)

    played = run(App, on_frame=states(1, 9))
    assert calls.names == ["run 0", "clean 0", "run 1", "clean 1"]
    assert played.effects == []


def test_cleanup_runs_when_a_parent_leaves(run, calls):
    @component
    def Inner(ctx, name):
        ctx.use_effect(f"e{name}", deps=[name], fn=lambda: lambda: calls(f"clean {name}"))
        return Text(name)

    @component
    def App(ctx):
        return If(
            lambda: not ctx.state.get("s"),
            children=[Fragment(children=[Each("ab", children=lambda n: Inner(n, key=n))])],
        )

    run(App, on_frame=states(True))
    assert calls.names in (["clean a", "clean b"], ["clean b", "clean a"])


def test_cleanup_at_unmount_may_write(run):
    @component
    def App(ctx):
        if ctx.state.get("s"):
            return Text("gone")
        return Effect("e", deps=[], run=lambda: lambda: ctx.state.set("cleaned", 1))

    assert run(App, on_frame=states(True)).state == {"s": True, "cleaned": 1}


def test_strict_mode_does_setup_cleanup_setup(run, calls):
    @component
    def App(ctx):
        n = ctx.state.get("s", 0)

        def setup():
            calls(f"run {n}")
            return lambda: calls(f"clean {n}")

        return Effect("e", deps=[n], run=setup)

    run(App, strict=True, on_frame=states(1))
    assert calls.names[:5] == ["run 0", "clean 0", "run 0", "clean 0", "run 1"]


def test_use_effect_is_a_node_of_the_plan(run, calls):
    @component
    def App(ctx):
        ctx.use_effect("load", deps=[ctx.state.get("s", 0)], fn=lambda: calls("load"))
        return Phase("p", children=[Task(nothing)])

    played = run(App, on_frame=states(1, 1))
    assert calls.names == ["load", "load"]
    assert played.node("load").node_type == "Effect"
    assert played.node("load").source.startswith(f"{__file__}:")
    assert played.status("p") == "succeeded"


def test_use_effect_outside_render_raises(run):
    @component
    def App(ctx):
        return Task(nothing, id="t", on_finished=lambda r: ctx.use_effect("x", deps=[], fn=nothing))

    assert "use_effect" in run(App).result.errors[0]["message"]


def test_effects_run_in_plan_order_after_the_handlers_before_them(run, calls):
    @component
    def App(ctx):
        n = ctx.state.get("s", 0)
        return [
            Effect("b", deps=[n], run=lambda: calls("b")),
            Fragment(children=[Effect("a", deps=[n], run=lambda: calls("a"))]),
            Effect("c", deps=[n], run=lambda: calls("c")),
        ]

    run(App, on_frame=states(1))
    assert calls.names == ["b", "a", "c", "b", "a", "c"]


def test_an_async_effect_may_return_a_cleanup(run, calls):
    @component
    def App(ctx):
        async def setup():
            calls("run")

            async def clean():
                calls("clean")

            return clean

        return [] if ctx.state.get("s") else Effect("e", deps=[], run=setup)

    run(App, on_frame=states(True))
    assert calls.names == ["run", "clean"]


@pytest.mark.parametrize("deps", [[object()], [{1, 2}], [float("nan")]])
def test_deps_that_cannot_be_compared_are_an_error_before_anything_is_kept(run, gate, deps):
    @component
    def App(ctx):
        wrong = Effect("e", deps=deps, run=nothing) if ctx.state.get("s") else Text("first")
        return [Task(gate.wait("t"), id="t"), wrong]

    played = run(App, on_frame=states(True))
    assert played.result.status == "failed"
    assert "'e'" in played.result.errors[0]["message"]
    assert ("Text", "first") in played.shape()
    assert played.task("t").status == "cancelled"
    assert played.frames[-1].plan_hash == played.frames[0].plan_hash


def test_an_effect_that_fails_runs_again_only_when_its_deps_change(run, calls):
    @component
    def App(ctx):
        n = ctx.state.get("s", 0)

        def setup():
            calls(n)
            if n < 2:
                raise ValueError("not yet")

        return [Effect("e", deps=[n // 2], run=setup), Text(str(n))]

    played = run(App, on_frame=states(1, 2))
    assert calls.names == [0, 2]
    assert [error["code"] for error in played.result.errors] == [EffectError.code]


# -- storms ------------------------------------------------------------------------------------------------------

storm = pytest.mark.requirement("F-9", "Z-20")


@storm
def test_an_effect_writing_what_it_reads_is_stopped_with_keys_and_effect_named(run):
    @component
    def App(ctx):
        n = ctx.state.get("counter", 0)
        ctx.use_effect("chaser", deps=[n], fn=lambda: ctx.state.set("counter", n + 1))
        return Text(f"n {n}")

    played = run(App, check=False)
    result = played.result
    assert (result.status, result.exit_code, result.stop_reason) == ("stalled", 4, "frame_storm")
    reason = played.execution.status_reason
    assert "'counter'" in reason
    assert "chaser" in reason
    assert 99 <= played.state["counter"] <= 101


@storm
def test_a_toggling_plan_is_a_loop(run):
    @component
    def App(ctx):
        on = ctx.state.get("on", False)
        return Effect("toggle", deps=[on], run=lambda: ctx.state.set("on", not on))

    played = run(App)
    assert (played.result.status, played.result.stop_reason) == ("stalled", "loop_detected")
    assert "'on'" in played.execution.status_reason
    assert "toggle" in played.execution.status_reason
    assert len(played.frames) < 12


@storm
def test_a_loop_through_vol_is_found_too(run):
    @component
    def App(ctx):
        n = ctx.vol.get("n", 0)
        return Effect("e", deps=[n], run=lambda: ctx.vol.set("n", n + 1))

    played = run(App, check=False)
    assert (played.result.status, played.result.stop_reason) == ("stalled", "frame_storm")
    assert "n" in played.execution.status_reason


@storm
def test_two_effects_that_chase_each_other_are_both_named(run):
    @component
    def App(ctx):
        a, b = ctx.state.get("a", 0), ctx.state.get("b", 0)
        return [
            Effect("first", deps=[a], run=lambda: ctx.state.set("b", a + 1)),
            Effect("second", deps=[b], run=lambda: ctx.state.set("a", b + 1)),
        ]

    played = run(App, check=False)
    assert played.result.stop_reason == "frame_storm"
    for word in ("'a'", "'b'", "first", "second"):
        assert word in played.execution.status_reason


@storm
def test_the_limits_are_configurable(run):
    @component
    def App(ctx):
        n = ctx.state.get("n", 0)
        return Effect("e", deps=[n], run=lambda: ctx.state.set("n", n + 1) if n < 150 else None)

    assert run(App, check=False).result.status == "stalled"
    played = run(App, check=False, limits=Limits(idle_timeout_ms=0, storm_frames=200))
    assert (played.result.status, played.state) == ("completed", {"n": 150})


@storm
def test_many_frames_with_progress_are_no_storm(run):
    """150 tasks in a chain whose handlers write and whose writes render: each ended task is progress."""

    @component
    def App(ctx):
        n = ctx.state.get("n", 0)
        return Task(nothing, key=n, on_finished=lambda r: ctx.state.set("n", n + 1)) if n < 150 else Text("end")

    played = run(App, check=False)
    assert (played.result.status, played.state) == ("completed", {"n": 150})
    assert len(played.frames) > 250


@storm
def test_a_loop_that_writes_the_same_values_again_is_no_storm(run):
    @component
    def App(ctx):
        return Ralph(
            "r",
            max_iterations=8,
            children=lambda n: [Task(nothing, id="w", on_finished=lambda r: ctx.state.set("on", n % 2 == 0))],
        )

    assert run(App).result.status == "completed"


@storm
def test_operator_writes_are_no_storm(run):
    left = list(range(120))

    @component
    def App(ctx):
        return Text(str(ctx.state.get("s")))

    played = run(App, check=False, on_frame=lambda watch, report: watch.write(s=left.pop()) if left else None)
    assert played.result.status == "completed"
