"""What `ctx` may do, and where (S-1, S-3, S-6, F-2, Z-0, Z-13 to Z-17)."""

import asyncio
import contextvars
import inspect
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, Field
from state_world import World

from smithers_py.errors import (
    ContextError,
    ReservedKeyError,
    StateActionError,
    StateValueError,
    WriteInRenderError,
)
from smithers_py.state.actions import Batch, Set
from smithers_py.state.activity import Activity, current
from smithers_py.state.context import Context

USES: list[Callable[[Context], Any]] = [
    lambda ctx: ctx.state.get("a"),
    lambda ctx: ctx.state.keys(),
    lambda ctx: ctx.state.set("a", 1),
    lambda ctx: ctx.state.init("a", 1),
    lambda ctx: ctx.vol.get("a"),
    lambda ctx: ctx.vol.keys(),
    lambda ctx: ctx.vol.set("a", 1),
    lambda ctx: ctx.vol.init("a", 1),
    lambda ctx: ctx.fs.read("a"),
    lambda ctx: ctx.fs.exists("a"),
    lambda ctx: ctx.fs.glob("a"),
    lambda ctx: ctx.fs.write("a", "b"),
    lambda ctx: ctx.now(),
    lambda ctx: ctx.random(),
    lambda ctx: ctx.uuid(),
    lambda ctx: ctx.node("a"),
    lambda ctx: ctx.use_effect("a", deps=[], fn=print),
]
WRITES: list[Callable[[Context], Any]] = [
    lambda ctx: ctx.state.set("a", 1),
    lambda ctx: ctx.state.update("a", lambda a: a),
    lambda ctx: ctx.state.delete("a"),
    lambda ctx: ctx.state.append("a", 1),
    lambda ctx: ctx.state.increment("a"),
    lambda ctx: ctx.state.merge("a", {}),
    lambda ctx: ctx.state.remove("a", "b"),
    lambda ctx: ctx.vol.set("a", 1),
    lambda ctx: ctx.vol.update("a", lambda a: a),
    lambda ctx: ctx.vol.delete("a"),
    lambda ctx: ctx.vol.append("a", 1),
    lambda ctx: ctx.vol.increment("a"),
    lambda ctx: ctx.vol.merge("a", {}),
    lambda ctx: ctx.vol.remove("a", "b"),
    lambda ctx: ctx.fs.write("a", "b"),
]


def source(fn: Callable[..., Any]) -> str:
    return inspect.getsource(fn).strip()


@pytest.mark.requirement("Z-15")
@pytest.mark.parametrize("use", USES, ids=source)
def test_outside_everything_raises(world: World, use: Callable[[Context], Any]) -> None:
    with pytest.raises(ContextError) as caught:
        use(world.ctx)
    assert caught.value.where.file == __file__


@pytest.mark.requirement("F-2", "Z-25", "E-4")
@pytest.mark.parametrize("write", WRITES, ids=source)
def test_writes_in_render_name_component_and_line(world: World, write: Callable[[Context], Any]) -> None:
    with pytest.raises(WriteInRenderError) as caught:
        world.render(write)
    where = caught.value.where
    assert (where.node, where.file, where.frame) == ("App", __file__, 3)
    assert where.line == write.__code__.co_firstlineno
    assert not world.files.take_records()


@pytest.mark.requirement("S-3", "T-2", "Z-10")
@pytest.mark.parametrize("write", WRITES, ids=source)
@pytest.mark.parametrize("kind", ["handler", "effect", "task"])
def test_a_write_after_the_end_raises(world: World, write: Callable[[Context], Any], kind: Any) -> None:
    contexts: list[contextvars.Context] = []
    activity = world.act(lambda ctx: contexts.append(contextvars.copy_context()), kind)
    activity.close()
    with pytest.raises(ContextError, match=f"after its {kind} was over"):
        contexts[0].run(write, world.ctx)
    assert not (world.files.root / "a").exists()


@pytest.mark.requirement("Z-10")
def test_a_task_in_a_thread_writes_until_it_is_fenced_and_every_write_is_in_or_refused(world: World) -> None:
    refused: list[int] = []
    started = threading.Event()

    def body() -> None:
        for number in range(100_000):
            try:
                world.ctx.state.append("log", number)
            except ContextError:
                refused.append(number)
                return
            started.set()

    threads: list[threading.Thread] = []

    def task(ctx: Context) -> None:
        threads.append(threading.Thread(target=contextvars.copy_context().run, args=(body,)))
        threads[0].start()

    activity = world.act(task, "task")
    assert started.wait(10)
    actions = activity.close()
    threads[0].join()
    assert not activity.actions
    assert refused == [len(actions)]


@pytest.mark.requirement("S-1", "S-3")
def test_init_is_the_one_write_of_a_render(world: World) -> None:
    def component(ctx: Context) -> Any:
        ctx.state.init("a", 1)
        ctx.vol.init("v", object)
        return ctx.state.get("a", "none yet")

    def queued() -> list[Any]:
        return world.act(component, "render").take_actions()

    assert world.render(component)[0] == "none yet"
    actions = queued()
    assert [action.key for action in actions] == ["a", "v"]
    world.flush(Batch("n", actions=actions), Batch("m", actions=list(actions)))
    assert world.read("a") == 1
    assert queued() == [], "present keys queue nothing"


@pytest.mark.requirement("S-3")
def test_a_handler_does_not_see_its_own_writes(world: World) -> None:
    def handler(ctx: Context) -> None:
        ctx.state.set("a", 1)
        assert ctx.state.get("a") is None
        ctx.vol.set("a", 1)
        assert ctx.vol.get("a") is None

    world.flush(handler)
    assert world.read("a") == 1


@pytest.mark.requirement("S-1", "Z-15")
def test_a_value_is_encoded_at_the_call(world: World) -> None:
    value = {"a": [1]}

    def handler(ctx: Context) -> None:
        ctx.state.set("k", value)
        ctx.state.append("l", value)
        ctx.state.merge("m", value)
        value["a"].append(2)

    world.flush(handler)
    assert world.read("k") == world.read("m") == {"a": [1]}
    assert world.read("l") == [{"a": [1]}]


@pytest.mark.requirement("S-1", "Z-1")
@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda ctx: ctx.state.set("$node/a", 1), ReservedKeyError),
        (lambda ctx: ctx.vol.set("$x", 1), ReservedKeyError),
        (lambda ctx: ctx.state.init("$x", 1), ReservedKeyError),
        (lambda ctx: ctx.state.set("", 1), StateActionError),
        (lambda ctx: ctx.state.set(1, 1), StateActionError),
        (lambda ctx: ctx.state.set("\ud800", 1), StateActionError),
        (lambda ctx: ctx.state.set("k", {1}), StateValueError),
        (lambda ctx: ctx.state.append("k", 1, {1}), StateValueError),
        (lambda ctx: ctx.state.merge("k", {"a": b""}), StateValueError),
        (lambda ctx: ctx.state.increment("k", "1"), StateActionError),
        (lambda ctx: ctx.state.increment("k", True), StateActionError),
        (lambda ctx: ctx.state.increment("k", float("nan")), StateValueError),
        (lambda ctx: ctx.state.update("k", 5), StateActionError),
        (lambda ctx: ctx.state.remove("k", []), StateActionError),
        (lambda ctx: ctx.state.remove("k", [1.5]), StateActionError),
        (lambda ctx: ctx.vol.remove("k", ()), StateActionError),
    ],
)
def test_wrong_calls_raise_there_and_queue_nothing(
    world: World, write: Callable[[Context], Any], error: type[Exception]
) -> None:
    queued: list[Any] = []

    def handler(ctx: Context) -> None:
        with pytest.raises(error):
            write(ctx)

    queued += world.act(handler).close()
    assert queued == []


@pytest.mark.requirement("Z-0")
def test_on_progress_writes_only_volatile_state(world: World) -> None:
    def handler(ctx: Context) -> None:
        ctx.vol.set("tokens", 1)
        with pytest.raises(StateActionError, match="may write only"):
            ctx.state.set("tokens", 1)

    assert len(world.act(handler, vol_only=True).close()) == 1


def test_an_update_may_read_ctx_but_not_write_through_it(world: World) -> None:
    world.flush(lambda ctx: ctx.state.set("a", 2))
    plan = world.flush(lambda ctx: ctx.state.update("b", lambda b: ctx.state.get("a") * 10))
    assert not plan.failed
    assert world.read("b") == 20
    plan = world.flush(lambda ctx: ctx.state.update("b", lambda b: ctx.state.set("a", 3)))
    assert isinstance(plan.failed[0][1], ContextError)


@pytest.mark.requirement("S-6", "Z-17")
def test_clock_and_chance_in_render_are_those_of_the_scope(world: World) -> None:
    def component(ctx: Context) -> Any:
        return ctx.now(), ctx.random(), ctx.random(), ctx.uuid()

    first, scope = world.render(component)
    again, _ = world.render(component, scope)
    assert first == again
    assert not scope.deps
    now, one, other, uuid = first
    assert now == datetime.fromtimestamp(world.clock.time_ms / 1000, UTC)
    assert 0 <= one < 1
    assert one != other
    assert len(uuid) == 36
    world.clock.time_ms += 5
    assert world.render(component, scope)[0][0] > now


@pytest.mark.requirement("S-6", "Z-17")
def test_a_task_s_uuid_is_an_idempotency_key(world: World) -> None:
    seen: list[str] = []
    body = lambda ctx: seen.extend([ctx.uuid(), ctx.uuid()])
    for node in ("a", "a", "b"):
        world.act(body, "task", node_id=node)
    assert seen[0:2] == seen[2:4]
    assert len(set(seen)) == 4
    moments: list[datetime] = []
    world.act(lambda ctx: moments.append(ctx.now()), "task")
    world.clock.time_ms += 1
    world.act(lambda ctx: moments.append(ctx.now()), "task")
    assert moments[0] < moments[1]


def test_used_clock_is_told_per_scope(world: World) -> None:
    activity = world.act(lambda ctx: ctx.now())
    assert activity.used_clock
    activity.enter_scope("s", 1)
    assert not activity.used_clock


@pytest.mark.requirement("N-6", "Z-16")
def test_use_effect_is_collected_with_its_encoded_deps(world: World) -> None:
    effects: list[Any] = []

    def component(ctx: Context) -> None:
        ctx.use_effect("sync", deps=[ctx.state.get("a"), 1], fn=print)
        with pytest.raises(StateValueError, match="deps of effect bad"):
            ctx.use_effect("bad", deps=[{1}], fn=print)

        activity = current.get()
        assert activity is not None
        effects.extend(activity.take_effects())

    world.render(component)
    assert [(effect.id, effect.deps_text, effect.fn) for effect in effects] == [("sync", "[null,1]", print)]
    with pytest.raises(ContextError, match="outside render"):
        world.act(USES[-1])


class Nodes:
    """An engine's answers: a loop whose iterations are identity scopes, results kept beside the keys."""

    def candidates(self, id: str, activity: Activity, back: int) -> Sequence[str]:  # noqa: A002
        return [f"loop/{2 - back}/{id}", id] if not back else [f"loop/{2 - back}/{id}"]

    def result(self, node_id: str) -> Mapping[str, Any] | None:
        return {"output": f"from {node_id}"}


@pytest.mark.requirement("Z-14")
def test_node_views(world: World) -> None:
    ctx = Context(execution_id="e1", store=world.store, files=world.files, clock=world.clock, nodes=Nodes())
    seen = lambda _: (ctx.node("w").status, ctx.node("w").output, ctx.node("w").attempt, ctx.node("w").previous.status)

    def engine(key: str, text: str) -> None:
        world.store.publish(world.store.plan_flush([Batch(None, kind="engine", actions=[Set(f"$node/{key}", text)])]))

    value, scope = world.render(seen)
    assert value == (None, None, None, None)
    for key, text, expected in [
        ("w", '"scheduled"', ("scheduled", "from w", None, None)),
        ("loop/1/w", '["failed",2]', ("scheduled", "from w", None, "failed")),
        ("loop/2/w", '["running",3]', ("running", "from loop/2/w", 3, "failed")),
        ("loop/2/w", '"succeeded"', ("succeeded", "from loop/2/w", 1, "failed")),
        ("loop/2/w", '{"status":"failed","error":{"code":"E1"}}', ("failed", "from loop/2/w", None, "failed")),
    ]:
        engine(key, text)
        assert world.dirty() == [scope], "a view is a subscription, to nearer nodes that are not there yet too"
        value, _ = world.render(seen, scope)
        assert value == expected
    assert world.render(lambda _: ctx.node("w").error)[0] == {"code": "E1"}
    assert world.render(lambda _: world.ctx.node("w").status)[0] == "scheduled"


@pytest.mark.requirement("R-4")
def test_handlers_on_one_loop_keep_their_own_activities(world: World) -> None:
    async def main() -> list[Activity]:
        barrier = asyncio.Barrier(2)

        async def handler(name: str) -> Activity:

            activity = Activity("handler", name)
            current.set(activity)
            await barrier.wait()
            world.ctx.state.set(name, 1)
            return activity

        return list(await asyncio.gather(handler("a"), handler("b")))

    one, other = asyncio.run(main())
    assert [[action.key for action in activity.close()] for activity in (one, other)] == [["a"], ["b"]]


class Settings(BaseModel):
    phase: str = "start"
    count: int = Field(default=0, ge=0)
    owner: str
    tags: list[str] = Field(default_factory=list)


@pytest.mark.requirement("S-1")
def test_typed_access(world: World) -> None:
    def handler(ctx: Context) -> None:
        state = ctx.state.typed(Settings)
        assert (state.phase, state.count, state.tags) == ("start", 0, [])
        with pytest.raises(AttributeError, match="'owner' is absent"):
            _ = state.owner
        with pytest.raises(AttributeError, match="no field 'nothing'"):
            state.nothing = 1  # type: ignore[attr-defined]
        for wrong in (-1, "many"):
            with pytest.raises(StateValueError, match=r"Settings\.count"):
                state.count = wrong  # type: ignore[assignment]
        state.count = 3
        state.owner = "me"

    world.flush(handler, lambda ctx: ctx.state.set("phase", 5))
    value, scope = world.render(lambda ctx: (ctx.state.typed(Settings).count, ctx.state.typed(Settings).owner))
    assert value == (3, "me")
    assert len(scope.deps) == 2
    with pytest.raises(StateValueError, match=r"Settings\.phase"):
        world.render(lambda ctx: ctx.state.typed(Settings).phase)


def test_the_marker_and_the_input(world: World, tmp_path: Path) -> None:
    assert type(world.ctx).__smithers_ctx__ is True
    assert world.ctx.input == {"n": 1}
    assert world.ctx.execution_id == "e1"
    assert world.files.root == tmp_path.resolve()
    with pytest.raises(AttributeError):
        world.ctx.input = {}  # type: ignore[misc]
