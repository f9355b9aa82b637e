"""`smithers check`: rules about the code of a script, read from its syntax tree (A-7).

A handler or a task that changes a variable of its component looks right and is not: the component runs again and makes
the variable anew, and a restart forgets it. What such a function changes of its own is its own business.
"""

import ast
import linecache
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from smithers_py.px.compiler import parse_px
from smithers_py.px.loader import is_px, text_of
from smithers_py.where import column_of

_MARKS = frozenset({"component", "plan", "phase"})
_CHANGERS = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)
_HINT = "It is lost at the next render and after a restart; keep it in ctx.state (or ctx.vol)."
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

_Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Finding(BaseModel):
    """One thing that `check` says; `level` is "error" or "warning", `line` and `column` count from 1."""

    level: str
    code: str
    message: str
    hint: str = ""
    node: str | None = None
    file: str | None = None
    line: int | None = None
    column: int | None = None


def code_findings(path: Path) -> Iterator[Finding]:
    """The findings of one file, which must be Python or `.px`."""
    linecache.checkcache(str(path))
    source = path.read_bytes()
    tree = parse_px(text_of(source, str(path)), str(path)) if is_px(path, source) else ast.parse(source)
    for fn in ast.walk(tree):
        if isinstance(fn, ast.FunctionDef) and any(_is_mark(one) for one in fn.decorator_list):
            ours = _bound(fn) - _facades(fn)
            for inner in _inner(fn):
                yield from _changes(inner, ours, fn.name, path)


def _is_mark(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name in _MARKS


def _own(fn: _Function) -> Iterator[ast.AST]:
    """The parts of a function's body, down to the functions and classes in it and not into them."""
    stack: list[ast.AST] = list(fn.body) if isinstance(fn.body, list) else [fn.body]
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            stack.extend(ast.iter_child_nodes(node))


def _inner(fn: _Function) -> Iterator[_Function]:
    return (node for node in _own(fn) if isinstance(node, _FUNCTIONS))


def _bound(fn: _Function) -> set[str]:
    """Names that a function binds itself: parameters and assignments; `nonlocal` ones are another's."""
    given = fn.args
    names = {arg.arg for arg in [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg] if arg}
    for node in _own(fn):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
    return names - {name for node in _own(fn) if isinstance(node, ast.Nonlocal | ast.Global) for name in node.names}


def _facades(fn: _Function) -> set[str]:
    """Names for parts of ctx (`state = ctx.state`) and parameters: changing those is no mistake of this kind."""
    names = {arg.arg for arg in [*fn.args.posonlyargs, *fn.args.args, *fn.args.kwonlyargs]}
    for node in _own(fn):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Attribute):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _changes(fn: _Function, visible: set[str], component: str, path: Path) -> Iterator[Finding]:
    """Where a function below a component, or one inside it, changes what the component bound."""
    for node in _own(fn):
        if isinstance(node, ast.Nonlocal):
            yield from (_finding(node, name, component, path) for name in node.names if name in visible)
    visible = visible - _bound(fn)
    for node in _own(fn):
        target: ast.expr | None = None
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGERS:
            target = node.func.value
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            target = node.value
        if isinstance(target, ast.Name) and target.id in visible:
            yield _finding(target, target.id, component, path)
        if isinstance(node, _FUNCTIONS):
            yield from _changes(node, visible, component, path)


def _finding(node: ast.stmt | ast.expr, name: str, component: str, path: Path) -> Finding:
    return Finding(
        level="warning",
        code="W105",
        message=f"a handler or task of {component} changes the local variable {name!r}",
        hint=_HINT,
        node=component,
        file=str(path),
        line=node.lineno,
        column=column_of(linecache.getline(str(path), node.lineno), node.col_offset),
    )
