"""The decorator form of plans: `@phase` over a function, `@claude_task` inside it (A-1, Z-12)."""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

from smithers_py.dsl.component import Component
from smithers_py.nodes import Claude, Phase
from smithers_py.nodes.builder import unplaced


def phase(name: str, **props: Any) -> Callable[[Callable[..., Any]], Component]:
    """Make a component of a function whose nodes belong to a `Phase` of this name; `props` are the Phase's.

    Several such functions alone in a script are its plan, in the order they stand there.
    """

    def make(fn: Callable[..., Any]) -> Component:
        @functools.wraps(fn)
        def body(*args: Any, **given: Any) -> None:
            node = Phase(name, **props)
            # Made here, it would have no line of the user's.
            object.__setattr__(node, "site", (fn.__code__, 0))
            with node:
                returned = fn(*args, **given)
            items = list(returned) if isinstance(returned, list | tuple) else [returned]
            node.children += [item for item in unplaced(items) if item is not None]

        return Component(body, is_plan=True, is_phase=True)

    return make


def claude_task(**props: Any) -> Callable[[Callable[..., Any]], Claude]:
    """Make a `Claude` node of these props; the function below is its `on_finished`. The node takes the name over."""

    def make(fn: Callable[..., Any]) -> Claude:
        return Claude(**props, on_finished=fn)

    return make


def in_order(phases: Sequence[Component], module: str) -> Component:
    """The plan of a script that consists of `@phase` functions: their phases side by side, no component between."""

    def body(ctx: Any) -> None:
        for part in phases:
            part.fn(ctx) if part.takes_ctx else part.fn()

    body.__module__ = module
    body.__name__ = body.__qualname__ = module
    body.__wrapped__ = phases[0].fn  # pyright: ignore[reportFunctionMemberAccess] - where errors point
    body.__signature__ = inspect.signature(lambda ctx: ctx)  # pyright: ignore[reportFunctionMemberAccess]
    return Component(body, is_plan=True)
