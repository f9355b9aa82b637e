"""Rules about source text that no linter of ours has. Each returns what it found, so that a test can plant a fault."""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

MAX_FUNCTION = 60
# Statements of the data language. Connection control (PRAGMA, BEGIN, COMMIT, SAVEPOINT, ATTACH) may stand in code.
SQL = re.compile(
    r"""^\s*(
        SELECT\s+.+\s+FROM\s | INSERT\s+(OR\s+\w+\s+)?INTO\s | REPLACE\s+INTO\s | UPDATE\s+(OR\s+\w+\s+)?\w+\s+SET\s |
        DELETE\s+FROM\s | CREATE\s+(TEMP\s+|UNIQUE\s+|VIRTUAL\s+)?(TABLE|INDEX|VIEW|TRIGGER)\s |
        ALTER\s+TABLE\s | DROP\s+(TABLE|INDEX|VIEW|TRIGGER)\s | WITH\s+\w+\s*(\([^)]*\)\s*)?AS\s*\(
    )""",
    re.DOTALL | re.VERBOSE,
)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Documented = ast.Module | ast.ClassDef | Function


def long_functions(tree: ast.Module) -> Iterator[tuple[str, int, int]]:
    """Name, first line and length of each function over the limit; its signature and docstring count."""
    for node in ast.walk(tree):
        if isinstance(node, Function):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > MAX_FUNCTION:
                yield node.name, node.lineno, length


def sql_strings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Line and text of each string that is a statement of SQL. Docstrings may quote one."""
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, Documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            text = "".join(part.value if isinstance(part, ast.Constant) else " x " for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            text = node.value
        else:
            continue
        # Keywords stand in one case; a capital first letter alone begins a sentence ("Select a file from …").
        first = text.split(maxsplit=1)[:1]
        if SQL.match(text.upper() if first and first[0].islower() else text):
            yield node.lineno, text


def foreign_imports(tree: ast.Module, own: str) -> Iterator[tuple[int, str]]:
    """Line and name of each import that is neither the standard library's nor the package's own."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [node.module or ""]
        else:
            continue
        for name in names:
            top = name.partition(".")[0]
            if top != own and top not in sys.stdlib_module_names:
                yield node.lineno, name


def too_long(lines: dict[str, int], limit: int, allowed: dict[str, int]) -> list[str]:
    """What is wrong with the lengths of the files: over the limit and not allowed, grown, or an allowance too wide.

    An allowance is a file's exact length, so that it can only shrink and goes once the file is within the limit.
    """
    wrong = [
        f"{name}: {count} lines, limit {limit}"
        for name, count in lines.items()
        if count > limit and name not in allowed
    ]
    for name, allowance in allowed.items():
        count = lines.get(name, 0)
        if count <= limit:
            wrong.append(f"{name}: within the limit now, remove its allowance")
        elif count != allowance:
            wrong.append(f"{name}: {count} lines, its allowance says {allowance}" + " (lower it)" * (count < allowance))
    return wrong


def line_count(path: Path) -> int:
    """Number of lines of a text file."""
    return len(path.read_text(encoding="utf-8").splitlines())
