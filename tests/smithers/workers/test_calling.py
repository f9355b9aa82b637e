"""`ctx` goes to the parameter of that name, wherever it stands, and never by count (Z-13)."""

import functools
from collections.abc import Callable
from typing import Any

import pytest

from smithers_py.workers.calling import call_with_ctx, invoke, is_async, wants_ctx

pytestmark = pytest.mark.requirement("Z-13")


class Handler:
    def method(self, r: Any, ctx: Any) -> Any:
        return (r, ctx)

    def __call__(self, r: Any, *, ctx: Any) -> Any:
        return (r, ctx)


def logged(fn: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(fn)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return fn(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    "fn",
    [
        lambda r, ctx: (r, ctx),
        lambda ctx, r: (r, ctx),
        lambda r, *, ctx: (r, ctx),
        lambda r, verbose=False, ctx=None: (r, ctx),
        lambda r, ctx=None: (r, ctx),
        lambda *args, ctx: (args[0], ctx),
        lambda ctx, /, r: (r, ctx),
        Handler().method,
        Handler(),
        logged(lambda r, ctx: (r, ctx)),
        logged(lambda ctx, r: (r, ctx)),
        functools.partial(lambda extra, r, ctx: (r, ctx), 1),
    ],
)
def test_ctx_finds_its_parameter(fn: Callable[..., Any]) -> None:
    assert wants_ctx(fn)
    assert invoke(fn, "result", ctx="context") == ("result", "context")
    assert call_with_ctx(fn, ("result",), "context") == ("result", "context")


@pytest.mark.parametrize(
    "fn",
    [
        lambda r: r,
        lambda r, context=None: r if context is None else "wrong",
        lambda r, **kwargs: "wrong" if kwargs else r,
        lambda *ctx: ctx[0] if len(ctx) == 1 else "wrong",
        lambda r, other=None: r if other is None else "wrong",
        str,
    ],
)
def test_nothing_else_receives_it(fn: Callable[..., Any]) -> None:
    assert not wants_ctx(fn)
    assert invoke(fn, "result", ctx="context") == "result"


def test_a_local_variable_named_ctx_is_no_parameter() -> None:
    def fn(r: Any) -> Any:
        ctx = r
        return ctx

    assert not wants_ctx(fn)
    assert invoke(fn, 1, ctx=2) == 1


def test_an_async_function_gives_its_coroutine() -> None:
    async def fn(ctx: Any) -> Any:
        return ctx

    class Callee:
        async def __call__(self) -> None: ...

    coroutine = invoke(fn, ctx=1)
    coroutine.close()
    assert is_async(fn)
    assert is_async(functools.partial(fn, 1))
    assert is_async(Callee())
    assert not is_async(lambda: fn(1))
    assert not is_async(str)
