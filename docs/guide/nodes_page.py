# ruff: noqa: INP001 - a tool beside the page that it writes, not a module of a package
"""Writes nodes.md from the docstrings and signatures of the node classes (A-4 keeps them true: props are checked).

python docs/guide/nodes_page.py > docs/guide/nodes.md
"""

import ast
import inspect
import re
import sys
import textwrap
from typing import Any

from smithers_py import nodes
from smithers_py.nodes import BaseNode

GROUPS = {
    "Work": ["Command", "Task", "Claude", "Agent", "Smithers"],
    "Waiting": ["Human", "Timer"],
    "Order": ["Phase", "Step", "Parallel", "Worktree"],
    "Loops": ["While", "Ralph"],
    "Choices and lists": ["If", "Switch", "Case", "Default", "Each", "Fragment", "Text"],
    "Effects and ends": ["Effect", "Stop", "End"],
}

HEAD = """# Nodes

Every node of a plan: what it does, its props with their defaults, its events, an example. The examples are bodies of a
`@plan` function, in which `work` is a Python function without parameters. This page is generated from the docstrings:
`python docs/guide/nodes_page.py > docs/guide/nodes.md`.

**Every node** takes `id` and `key`. An `id` is the node's own name: it stays the same node wherever it moves, and
`smithers` and `ctx.node(id)` find it. A `key` tells it from its siblings. Give every node that does work one of
the two; without them it is known by its position. Props before the `*` may be given by position.

**Every node that does work** (the first group) also takes `timeout`, in seconds for one attempt, `retries`, how often
a failed attempt is repeated (Claude, Agent: 3, others: 0), and `retry_on`. Only timeouts, lost connections and busy
services are repeated, unless `retry_on` says otherwise: an exception type, several, or a function of the error.

**Events** are keywords (`on_finished=fn`) or methods (`.on_finished(fn)`); [events.md](events.md) says what each gets.
"""

_IDS = re.compile(r" ?\([A-Z]-\d+(?:, [A-Z]-\d+)*\)")
"""What the specification calls it means nothing to a user."""

_COMMON = {"id", "key", "retries", "retry_on", "timeout"}
_PLAIN = {name: {"children"} for name in ("Command", "Task", "Smithers")}
"""Of what runs no prompt, `children` say nothing."""


def node_types() -> list[type[BaseNode]]:
    """Every node type of the page, in its order."""
    return [getattr(nodes, name) for group in GROUPS.values() for name in group]


def description(node_type: type[BaseNode]) -> tuple[str, str]:
    """The prose of a node's docstring, and the example in it."""
    prose: list[str] = []
    example: list[str] = []
    for part in re.split(r"\n\n(?=\S|    \S)", inspect.cleandoc(node_type.__doc__ or "")):
        (example if part.startswith("    ") else prose).append(_IDS.sub("", part))
    return "\n\n".join(prose), textwrap.dedent("\n\n".join(example))


def signature(node_type: type[BaseNode]) -> str:
    """How the node is called, as the type checker knows it; common props and events are left to the page's head."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(node_type)))
    init = next(at for at in ast.walk(tree) if isinstance(at, ast.FunctionDef) and at.name == "__init__")
    first = [arg for arg in init.args.args if arg.arg != "self"]
    # Only the last of the positional ones have a default.
    defaults: list[ast.expr | None] = [None] * (len(first) - len(init.args.defaults))
    defaults += init.args.defaults
    given = [_parameter(arg, default) for arg, default in zip(first, defaults, strict=True)]
    named = [
        _parameter(arg, default)
        for arg, default in zip(init.args.kwonlyargs, init.args.kw_defaults, strict=True)
        if arg.arg not in (_COMMON | _PLAIN.get(node_type.type_name, set())) and arg.arg not in node_type.events
    ]
    parts = [*given, *(["*", *named] if named else [])]
    parts = [part.replace("'", '"') for part in parts]  # as the formatter, which reads this page too, would have it
    line = f"{node_type.type_name}({', '.join(parts)})"
    if len(line) <= 100:
        return line
    return f"{node_type.type_name}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _parameter(arg: ast.arg, default: ast.expr | None) -> str:
    kind = f": {ast.unparse(arg.annotation)}" if arg.annotation is not None else ""
    return f"{arg.arg}{kind}" + (f" = {ast.unparse(default)}" if default is not None else "")


def _events(node_type: type[BaseNode]) -> str:
    lines: list[str] = []
    for event in node_type.events:
        method: Any = getattr(node_type, event)
        lines.append(f"- `{event}`: {_IDS.sub('', inspect.cleandoc(method.__doc__))}")
    return "\n".join(lines)


def page() -> str:
    """The whole of nodes.md."""
    parts = [HEAD]
    for title, names in GROUPS.items():
        parts.append(f"## {title}\n")
        for node_type in [getattr(nodes, name) for name in names]:
            prose, example = description(node_type)
            parts.append(f"### {node_type.type_name}\n\n```python\n{signature(node_type)}\n```\n\n{prose}\n")
            if node_type.events:
                parts.append(f"{_events(node_type)}\n")
            parts.append(f"```python\n{example}\n```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
