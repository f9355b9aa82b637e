"""The plan's own functions as tools: how the model sees them, what they get, what becomes of what they write."""

import asyncio
import threading
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.models.test import TestModel
from toolbox import Person, use

from smithers_py.agents.tools.build import build_tools
from smithers_py.agents.tools.spec import ToolJournal, ToolSpec
from smithers_py.errors import InvalidPropError
from smithers_py.state.actions import Set
from smithers_py.state.activity import Activity, current
from smithers_py.workers.pool import DaemonPool


class Item(BaseModel):
    name: str
    count: int = 1


def order(item: Item, speed: Literal["slow", "fast"], ctx: Any, note: str | None = None) -> str:
    """Order an item.

    Args:
        item: What to order.
        speed: How soon it should come.
    """
    return f"{item.count} {item.name} {speed} {note} {ctx}"


def results(root: Path, tool: Any, *calls: dict[str, Any], **spec: Any) -> list[Any]:
    name = tool.__name__
    return [part.content for part in use(root, [(name, args) for args in calls], tools=[tool], **spec)]


@pytest.mark.requirement("G-5", "Z-13")
def test_the_model_sees_signature_and_docstring_but_not_ctx() -> None:
    model, pool = TestModel(call_tools=[]), DaemonPool(1)
    toolsets = build_tools(ToolSpec(tools=(order,), workspace=Path()), Person(), pool)
    asyncio.run(Agent(model, toolsets=toolsets).run("x"))
    pool.close()
    assert model.last_model_request_parameters is not None
    [tool] = model.last_model_request_parameters.function_tools
    schema = tool.parameters_json_schema
    assert (tool.name, tool.description) == ("order", "Order an item.")
    assert list(schema["properties"]) == ["item", "speed", "note"]
    assert schema["required"] == ["item", "speed"]
    assert schema["properties"]["speed"]["enum"] == ["slow", "fast"]
    assert schema["properties"]["speed"]["description"] == "How soon it should come."


@pytest.mark.requirement("G-5", "Z-13")
def test_arguments_arrive_as_their_types_and_ctx_as_ctx(tmp_path: Path) -> None:
    given = {"item": {"name": "pen", "count": "2"}, "speed": "fast"}
    assert results(tmp_path, order, given, ctx="CTX") == ["2 pen fast None CTX"]
    [mended] = results(tmp_path, order, {"item": {"name": "pen"}, "speed": "never"})
    assert mended[0]["loc"] == ["speed"]


@pytest.mark.requirement("G-5")
def test_sync_functions_run_in_threads_and_async_ones_on_the_loop(tmp_path: Path) -> None:
    def sync() -> bool:
        return threading.current_thread() is threading.main_thread()

    async def on_loop() -> bool:
        await asyncio.sleep(0)
        return threading.current_thread() is threading.main_thread()

    assert results(tmp_path, sync, {}) == [False]
    assert results(tmp_path, on_loop, {}) == [True]


@dataclass
class Point:
    x: int


@pytest.mark.requirement("G-5")
def test_what_functions_return_and_raise(tmp_path: Path) -> None:
    def give(what: str) -> Any:
        """Give."""
        if what == "retry":
            raise ModelRetry("once more")
        if what == "exit":
            raise SystemExit(3)
        values: dict[str, Any] = {
            "model": Item(name="a"),
            "dataclass": Point(1),
            "none": None,
            "long": "x" * 200_000,
            "odd": object(),
            "path": Path("a/b"),
        }
        return values[what]

    def given(what: str) -> Any:
        return results(tmp_path, give, {"what": what})[0]

    assert given("model") == {"name": "a", "count": 1}
    assert given("dataclass") == {"x": 1}
    assert given("none") is None
    assert given("path") == "a/b"
    assert len(given("long")) < 61_000
    assert "140000 characters left out" in given("long")
    assert "cannot be written as JSON" in given("odd")
    assert given("nothing") == "give raised KeyError: 'nothing'"
    assert given("exit") == "give raised SystemExit: 3"
    assert given("retry") == "once more"


@pytest.mark.requirement("Z-0", "Z-17")
def test_what_a_call_writes_is_kept_when_it_returns_and_dropped_when_it_raises(tmp_path: Path) -> None:
    seen: list[tuple[str, str]] = []

    def note(key: str) -> None:
        activity = current.get()
        assert activity is not None
        seen.append((activity.handler or "", activity.uuid_seed))
        activity.queue(Set(key, "1"))
        if key == "bad":
            raise RuntimeError

    journal = ToolJournal()
    token = current.set(Activity("task", "agent", "task", frame=4, uuid_seed="run/agent/4"))
    try:
        results(tmp_path, note, {"key": "good"}, {"key": "bad"}, journal=journal)
    finally:
        current.reset(token)
    assert [action.key for action in journal.take("call-0") if isinstance(action, Set)] == ["good"]
    assert journal.take("call-0") == []
    assert journal.take("call-1") == []
    assert seen == [("tool note", "run/agent/4/call-0"), ("tool note", "run/agent/4/call-1")]


def positional(a: int, /) -> int:
    return a


def starred(*a: int) -> int:
    return len(a)


def unknown(a: "Nowhere") -> int:  # type: ignore[name-defined]  # noqa: F821
    return a


@pytest.mark.requirement("A-4")
@pytest.mark.parametrize(
    ("fn", "said"),
    [(positional, "is positional only"), (starred, "takes any number"), (unknown, "'Nowhere' is not defined")],
)
def test_a_function_that_no_model_can_call_says_why(tmp_path: Path, fn: Any, said: str) -> None:
    with pytest.raises(InvalidPropError, match=said):
        results(tmp_path, fn, {})


@pytest.mark.requirement("G-5")
def test_methods_and_callable_objects_are_tools_too(tmp_path: Path) -> None:
    class Shop:
        def price(self, name: str) -> int:
            """The price."""
            return len(name)

    assert results(tmp_path, Shop().price, {"name": "pen"}) == [3]
    assert typing.get_type_hints(order)["note"] == str | None
