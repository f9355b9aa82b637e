"""The plan's own functions as tools: typed Python, described to the model by signature and docstring (G-5, Z-13)."""

import functools
import inspect
import typing
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from smithers_py.agents.tools.confine import Refused
from smithers_py.agents.tools.spec import ToolJournal
from smithers_py.errors import InvalidPropError, SmithersError, TaskFailed
from smithers_py.nodes.tools import tool_name
from smithers_py.state.activity import Activity, current
from smithers_py.workers.function import run_function
from smithers_py.workers.pool import DaemonPool

if TYPE_CHECKING:
    from pydantic_ai import RunContext
    from pydantic_ai.tools import Tool

_CTX = "ctx"
_NO_KEYWORD = {
    inspect.Parameter.POSITIONAL_ONLY: "is positional only",
    inspect.Parameter.VAR_POSITIONAL: "takes any number of values",
    inspect.Parameter.VAR_KEYWORD: "takes any name",
}


def function_tool(
    fn: Callable[..., Any], ctx: Any, pool: DaemonPool, journal: ToolJournal, grace_seconds: float
) -> "Tool[Any]":
    """The PydanticAI tool for `fn`; sync functions run in a thread of `pool`, `ctx` goes to a parameter of that name.

    Raises InvalidPropError: a parameter that a model cannot pass, or an annotation that cannot be resolved.
    """
    from pydantic_ai.exceptions import UserError
    from pydantic_ai.tools import RunContext, Tool

    async def call(run: "RunContext[Any]", /, **args: Any) -> Any:
        return await _call(fn, args, run.tool_call_id or "", ctx, pool, journal, grace_seconds)

    name = tool_name(fn)
    signature, hints = _signature(fn, name)
    first = inspect.Parameter("run", inspect.Parameter.POSITIONAL_ONLY, annotation=RunContext[Any])
    call.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])  # pyright: ignore[reportFunctionMemberAccess]
    call.__annotations__ = {"run": RunContext[Any], **hints}
    call.__doc__ = fn.__doc__
    call.__name__ = name
    try:
        return Tool(call, takes_ctx=True, name=name, description=None, max_retries=10)
    except (UserError, TypeError, ValueError) as error:
        raise InvalidPropError(f"the function {name!r} cannot be a tool: {error}") from error


def _signature(fn: Callable[..., Any], name: str) -> tuple[inspect.Signature, dict[str, Any]]:
    """What the model may pass: all parameters but `ctx`, with their types."""
    try:
        signature = inspect.signature(fn)
        hints = typing.get_type_hints(fn if hasattr(fn, "__annotations__") else type(fn).__call__, include_extras=True)
    except (NameError, TypeError, ValueError) as error:
        raise InvalidPropError(
            f"the function {name!r} cannot be a tool: {error}",
            hint="Annotate its parameters with types that its module knows at run time.",
        ) from error
    kept: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.name == _CTX:
            continue
        if problem := _NO_KEYWORD.get(parameter.kind):
            raise InvalidPropError(
                f"the function {name!r} cannot be a tool: its parameter {parameter.name!r} {problem}",
                hint="Give every parameter of a tool a name and a type.",
            )
        kept.append(
            parameter.replace(
                kind=inspect.Parameter.KEYWORD_ONLY, annotation=hints.get(parameter.name, parameter.empty)
            )
        )
    return signature.replace(parameters=kept), {one: hint for one, hint in hints.items() if one != _CTX}


async def _call(
    fn: Callable[..., Any],
    args: dict[str, Any],
    call_id: str,
    ctx: Any,
    pool: DaemonPool,
    journal: ToolJournal,
    grace_seconds: float,
) -> Any:
    """One call, as an activity of its own: what it writes is kept if it returns, and dropped if it raises (Z-0)."""
    activity = _activity(tool_name(fn), call_id)
    token = current.set(activity) if activity is not None else None
    actions = []
    try:
        value = await run_function(functools.partial(fn, **args), ctx, pool, None, grace_seconds=grace_seconds)
        if activity is not None:
            actions = activity.close()
    except SmithersError as error:
        raise _told(fn, error) from error
    finally:
        if activity is not None:
            activity.close()
        if token is not None:
            current.reset(token)
    journal.put(call_id, actions)
    return value


def _activity(name: str, call_id: str) -> Activity | None:
    task = current.get()
    if task is None:
        return None  # outside an execution: ctx raises, as everywhere there
    return Activity(
        "tool",
        task.node_id,
        f"tool {name}",
        frame=task.frame,
        uuid_seed=f"{task.uuid_seed}/{call_id}",
        owner=task.owner,
    )


def _told(fn: Callable[..., Any], error: SmithersError) -> Exception:
    """What the model hears: its own kind of exception passes, others are named."""
    from pydantic_ai.exceptions import ModelRetry, ToolFailed

    cause = error.error if isinstance(error, TaskFailed) else error
    if isinstance(cause, ModelRetry | ToolFailed | Refused):
        return cause
    return ToolFailed(f"{tool_name(fn)} raised {type(cause).__name__}: {cause}")
