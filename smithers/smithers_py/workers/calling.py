"""Calls the user's functions: `ctx` goes to a parameter of that name and to nothing else (Z-13).

Shared by tasks, handlers and effects, so that one rule decides what a user's function receives.
"""

import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
_KEYWORD = -1


def wants_ctx(fn: Callable[..., Any]) -> bool:
    """Whether `fn` has a parameter named `ctx`, wherever it stands."""
    return _ctx_position(fn) is not None


def call_with_ctx(fn: Callable[..., Any], args: tuple[Any, ...], ctx: Any) -> Any:
    """Call `fn` with `args` in order, and `ctx` in the place of the parameter of that name, if it has one.

    Returns what `fn` returns, an awaitable included. Raises what `fn` raises.
    """
    position = _ctx_position(fn)
    if position is None:
        return fn(*args)
    if 0 <= position <= len(args):
        return fn(*args[:position], ctx, *args[position:])
    # After parameters that keep their defaults it can only be named.
    return fn(*args, ctx=ctx)


def invoke(fn: Callable[..., Any], *args: Any, ctx: Any) -> Any:
    """`call_with_ctx` for callers that have the arguments one by one: `invoke(handler, result, ctx=ctx)`."""
    return call_with_ctx(fn, args, ctx)


def misfit(fn: Callable[..., Any] | None, args: tuple[Any, ...]) -> bool:
    """Whether `fn` cannot take `args`, so that its TypeError is about the call and not about what it does."""
    if fn is None:
        return False
    try:
        signature = inspect.signature(fn)
    except (TypeError, ValueError):
        return False  # builtins without a signature
    position = _ctx_position(fn)
    try:
        if position is None:
            signature.bind(*args)
        elif 0 <= position <= len(args):
            signature.bind(*args[:position], None, *args[position:])
        else:
            signature.bind(*args, ctx=None)
    except TypeError:
        return True
    return False


def is_async(fn: Callable[..., Any]) -> bool:
    """Whether calling `fn` only makes a coroutine: async functions, partials and objects with an async `__call__`."""
    if inspect.iscoroutinefunction(fn):
        return True
    return not isinstance(fn, FunctionType) and inspect.iscoroutinefunction(getattr(fn, "__call__", None))  # noqa: B004


def _ctx_position(fn: Callable[..., Any]) -> int | None:
    """The index of `ctx` among the positional parameters, -1 when it must be named, None without one."""
    if isinstance(fn, FunctionType) and not hasattr(fn, "__wrapped__"):
        # Handlers are lambdas made anew by every render: the code object answers 20 times faster than a signature.
        return _position_in_code(fn)
    try:
        parameters = inspect.signature(fn).parameters
    except (TypeError, ValueError):
        return None  # builtins without a signature
    ctx = parameters.get("ctx")
    if ctx is None or ctx.kind in (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD):
        return None
    if ctx.kind not in _POSITIONAL:
        return _KEYWORD
    return list(parameters).index("ctx")


def _position_in_code(fn: FunctionType) -> int | None:
    code = fn.__code__
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    if "ctx" not in names:
        return None
    index = names.index("ctx")
    return index if index < code.co_argcount else _KEYWORD
