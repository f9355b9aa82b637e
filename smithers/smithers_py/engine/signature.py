"""What of a runnable's description is code: its function, its tools, its schema (Z-19).

Two functions are the same when they would do the same: bytecode, constants, names, defaults and the values they close
over; not where they stand. The other props are compared as the plan stores them.
"""

import functools
from collections.abc import Iterator
from hashlib import blake2b
from types import CodeType
from typing import Any

import orjson
from pydantic import PydanticSchemaGenerationError, TypeAdapter
from pydantic.errors import PydanticInvalidForJsonSchema

from smithers_py.nodes.props import plan_value, qualified_name

_CODE_PROPS = ("fn", "schema", "tools", "plan", "retry_on")
_DEEPEST = 4


def signature_of(desc: Any) -> bytes | None:
    """16 bytes for the code in a description; None where there is none."""
    props = desc.__dict__
    held = [(name, props[name]) for name in _CODE_PROPS if props.get(name) is not None]
    parts = [f"{name}={text}" for name, value in held for text in _texts(value, _DEEPEST)]
    return blake2b("\0".join(parts).encode(), digest_size=16).digest() if parts else None


def _texts(value: Any, depth: int) -> Iterator[str]:
    if value is None or depth == 0:
        return
    if isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, depth)
    elif isinstance(value, functools.partial):
        yield from _texts(value.func, depth)
        yield from (_plain(item) for item in (*value.args, *value.keywords.items()))
    elif isinstance(value, type):
        yield _schema(value)
    elif callable(value):
        yield from _function(value, depth)


def _function(fn: Any, depth: int) -> Iterator[str]:
    fn = getattr(fn, "__func__", fn)
    code = getattr(fn, "__code__", None)
    if code is None:
        yield qualified_name(type(fn))
        return
    yield _code(code)
    for value in (*(fn.__defaults__ or ()), *(fn.__kwdefaults__ or {}).items()):
        yield _plain(value)
    for cell in fn.__closure__ or ():
        try:
            held = cell.cell_contents
        except ValueError:
            continue  # a name that is bound later
        if callable(held) and not isinstance(held, type):
            yield from _function(held, depth - 1) if depth > 1 else ()
        else:
            yield _plain(held)


@functools.lru_cache(maxsize=1024)
def _code(code: CodeType) -> str:
    consts = [_code(one) if isinstance(one, CodeType) else repr(one) for one in code.co_consts]
    made = blake2b(code.co_code, digest_size=16)
    made.update("\0".join([*consts, *code.co_names, *code.co_varnames, *code.co_freevars]).encode())
    return made.hexdigest()


@functools.lru_cache(maxsize=256)
def _schema(kind: type) -> str:
    try:
        return orjson.dumps(TypeAdapter(kind).json_schema(), option=orjson.OPT_SORT_KEYS).decode()
    except (PydanticSchemaGenerationError, PydanticInvalidForJsonSchema):
        return qualified_name(kind)


def _plain(value: Any) -> str:
    """A value by what it holds; of an object that has no JSON form, such as `ctx`, only the type."""
    return orjson.dumps(plan_value(value), default=lambda other: qualified_name(type(other))).decode()
