"""`smithers check`: what is wrong with a script, and what will bite its author later (A-7, Z-2).

The plan is rendered without running (`engine.preview`), so rules about nodes see what really mounts; rules about code
read the script's syntax tree. Errors stop a run; warnings do not.
"""

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from smithers_py.dsl.component import Element
from smithers_py.dsl.script import LoadedScript, load_script
from smithers_py.engine.instance import Instance
from smithers_py.engine.launch import initial_state, validated_input
from smithers_py.engine.preview import Preview, preview
from smithers_py.errors import SmithersError
from smithers_py.nodes import BaseNode, NodeKind
from smithers_py.state.context import signal_hook
from smithers_reactive import Runtime

_AGENTS = ("Claude", "Agent")
_MARKS = {"component", "plan", "phase"}
_CHANGERS = frozenset(
    {"add", "append", "clear", "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault", "update"}
)
_STATE_HINT = "It is lost at the next render and after a restart; keep it in ctx.state (or ctx.vol)."


class Finding(BaseModel):
    """One thing that `check` says. `level` is "error" or "warning"; `line` counts from 1; `node` is the plan path."""

    level: str
    code: str
    message: str
    hint: str = ""
    node: str | None = None
    file: str | None = None
    line: int | None = None


def load_preview(
    script: Path, entry: str | None, state: dict[str, Any], given: Any, workspace: Path
) -> tuple[LoadedScript, Preview]:
    """Import a script and render its plan without running it.

    Raises:
        ScriptError, UsageError, PlanError, RenderPhaseError, StateError: what `smithers run` would report.
    """
    rt = Runtime(on_write=signal_hook)
    initial_state(state)
    with rt.activate():
        loaded = load_script(script, entry)
        checked = validated_input(loaded.component, given)
    element = Element(loaded.component, loaded.props)
    return loaded, preview(element, state=state, input=checked, workspace=workspace, rt=rt)


def check_script(script: Path, entry: str | None, state: dict[str, Any], given: Any, workspace: Path) -> list[Finding]:
    """Everything there is to say about a script, errors first, then by line."""
    try:
        loaded, shown = load_preview(script, entry, state, given, workspace)
    except SmithersError as error:
        where = error.where
        return [
            Finding(
                level="error",
                code=error.code,
                message=error.message,
                hint=error.hint,
                node=where.node,
                file=where.file,
                line=where.line,
            )
        ]
    found = [*_node_findings(shown), *_code_findings(loaded.path)]
    unique = {(one.code, one.file, one.line, one.message): one for one in found}
    return sorted(unique.values(), key=lambda one: (one.file or "", one.line or 0, one.code))


# -- rules about nodes ----------------------------------------------------------------------------------------------


def _node_findings(shown: Preview) -> Iterator[Finding]:
    for inst in shown.instances:
        desc = inst.desc
        yield from _unkeyed_items(inst)
        if not isinstance(desc, BaseNode):
            continue
        given = desc.model_fields_set
        if inst.kind is NodeKind.RUNNABLE and desc.id is None and desc.key is None:
            yield _about(
                inst,
                "W101",
                f"{inst.type_name} has no id",
                'Give it id="..."; without one, moving it in the code makes it another node that runs again.',
            )
        if inst.kind is NodeKind.LOOP and "max_iterations" not in given:
            yield _about(
                inst,
                "W103",
                f"{inst.path_name} has no max_iterations",
                "It will stop after 10; say how many iterations you mean.",
            )
        if inst.type_name in _AGENTS and "max_turns" not in given:
            yield _about(
                inst,
                "W104",
                f"{inst.path_name} has no max_turns",
                "It may make 50 model requests; say how many it should need.",
            )


def _unkeyed_items(inst: Instance) -> Iterator[Finding]:
    """Siblings made by one line of code and not told apart: a list."""
    sites = Counter(child.desc.site for child in inst.children if child.segment.startswith("i:") and child.desc.site)
    seen: set[Any] = set()
    for child in inst.children:
        site = child.desc.site
        if child.kind is NodeKind.TEXT or site in seen or not child.segment.startswith("i:"):
            continue
        if site is not None and sites[site] > 1:
            seen.add(site)
            yield _about(
                child,
                "W102",
                f"{sites[site]} {child.type_name} items of a list have no key",
                "Give each key=..., or the list's changes will restart the wrong ones.",
            )


def _about(inst: Instance, code: str, message: str, hint: str) -> Finding:
    file, line = inst.desc.source or (None, None)
    return Finding(level="warning", code=code, message=message, hint=hint, node=inst.path(), file=file, line=line)


# -- rules about code -----------------------------------------------------------------------------------------------


def _code_findings(path: Path) -> Iterator[Finding]:
    tree = ast.parse(path.read_bytes())
    for fn in ast.walk(tree):
        if isinstance(fn, ast.FunctionDef) and any(_is_mark(one) for one in fn.decorator_list):
            local = {name for name, depth in _assigned(fn) if depth == 0}
            for inner in _inner_functions(fn):
                yield from _changes(inner, local, fn.name, path)


def _is_mark(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else getattr(target, "id", "")
    return name in _MARKS


def _assigned(fn: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    """Names bound in a function's own body, not in the functions inside it."""
    stack: list[ast.AST] = list(fn.body)
    while stack:
        node = stack.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, 0
        stack.extend(ast.iter_child_nodes(node))


def _inner_functions(fn: ast.FunctionDef) -> Iterator[ast.AST]:
    for node in ast.walk(fn):
        if node is not fn and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node


def _changes(inner: ast.AST, local: set[str], component: str, path: Path) -> Iterator[Finding]:
    for node in ast.walk(inner):
        name: str | None = None
        if isinstance(node, ast.Nonlocal):
            name = next((one for one in node.names if one in local), None)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _CHANGERS:
            target = node.func.value
            name = target.id if isinstance(target, ast.Name) and target.id in local else None
        elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            name = node.value.id if isinstance(node.value, ast.Name) and node.value.id in local else None
        if name is not None:
            yield Finding(
                level="warning",
                code="W105",
                message=f"a handler or task of {component} changes the local variable {name!r}",
                hint=_STATE_HINT,
                node=component,
                file=str(path),
                line=node.lineno,  # pyright: ignore[reportAttributeAccessIssue] - all three kinds have lines
            )
