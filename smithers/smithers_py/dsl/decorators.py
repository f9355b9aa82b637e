"""The decorator form of plans: `@phase` over a function; `@claude_task`, `@command` and `@task` inside it (A-1, Z-12).

    @phase("test")
    def test(ctx):

        @command(["pytest", "-q"], id="tests", check=False)
        def ran(result):                      # its on_finished
            ctx.state.set("code", result.exit_code)

        @task(id="report", retries=2)
        def report():                         # the work itself
            return Path("report.txt").read_text()

        @report.on_finished                   # `report` is the Task node now
        def reported(result):
            ctx.state.set("report", result.output)

An agent and a program have their work in their props, so what is left to write is the handler; a Task's work *is* a
function. In each case the node takes the function's name, and its chaining methods serve as decorators too.
"""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, overload

from smithers_py.dsl.component import Component
from smithers_py.errors import InvalidPropError
from smithers_py.nodes import Claude, Command, Phase, Task
from smithers_py.nodes.base import call_site
from smithers_py.nodes.builder import building, unplaced
from smithers_py.nodes.props import place


def phase(name: str, **props: Any) -> Callable[[Callable[..., Any]], Component]:
    """Make a component of a function whose nodes belong to a `Phase` of this name; `props` are the Phase's.

    Several such functions alone in a script are its plan, in the order they stand there.

    Raises:
        InvalidPropError: the parentheses with the name are missing.
    """
    if callable(name):
        raise _misused("phase", '@phase("build")', sys._getframe(1))
    with building("", None):
        Phase(name, **props)  # what is wrong with them is said here, at the decorator's line

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


def claude_task(*wrong: Any, **props: Any) -> Callable[[Callable[..., Any]], Claude]:
    """Make a `Claude` node of these props; the function below is its `on_finished`. The node takes the name over.

    Raises:
        InvalidPropError: the parentheses with the props are missing.
    """
    if wrong:
        raise _misused("claude_task", '@claude_task(model="sonnet", prompt="...")', sys._getframe(1))

    def make(fn: Callable[..., Any]) -> Claude:
        return Claude(**props).on_finished(fn)

    return make


def command(*argv: Any, **props: Any) -> Callable[[Callable[..., Any]], Command]:
    """Make a `Command` node of these props; the function below is its `on_finished`. The node takes the name over.

    Raises:
        InvalidPropError: the parentheses with the program are missing.
    """
    if argv and callable(argv[0]):
        raise _misused("command", '@command(["pytest", "-q"])', sys._getframe(1))

    def make(fn: Callable[..., Any]) -> Command:
        return Command(*argv, **props).on_finished(fn)

    return make


@overload
def task(fn: Callable[..., Any], /) -> Task: ...
@overload
def task(**props: Any) -> Callable[[Callable[..., Any]], Task]: ...
def task(fn: Callable[..., Any] | None = None, /, **props: Any) -> Any:
    """Make a `Task` node whose work is the function below; the node takes the name over.

    The function is async or not, and gets `ctx` if it names it. A handler is added with `@name.on_finished`.
    `@task` alone, without parentheses, is a Task without props.
    """

    def make(work: Callable[..., Any]) -> Task:
        return Task(work, **props)

    return make if fn is None else make(fn)


def _misused(decorator: str, right: str, frame: FrameType) -> InvalidPropError:
    where = place(decorator, call_site(frame))
    return InvalidPropError(
        f"@{decorator} stands over a function without its props", hint=f"Write {right}.", where=where
    )


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
