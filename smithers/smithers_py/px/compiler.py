"""Source of a `.px` file to a code object in which every position is the file's own (A-3)."""

import ast
import re
from collections.abc import Iterator
from types import CodeType
from typing import Any

from smithers_py.errors import PxSyntaxError
from smithers_py.px.children import RUN
from smithers_py.px.elements import FRAGMENT, Elements
from smithers_py.px.pieces import Generated
from smithers_py.px.scan import statements
from smithers_py.px.source import Source

_LEAVES = frozenset({str, int, type(None), ast.Load, ast.Store})
_EXPECTED = re.compile(r"expected (.+)")
_UNCLOSED = re.compile(r"'([(\[{])' was never closed")


def compile_px(text: str, filename: str) -> CodeType:
    """The code object of a module.

    Raises:
        PxSyntaxError: with file, line, column and what was expected.
    """
    source = Source(text, filename)
    tree = _parse(source)
    try:
        return compile(tree, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        # Found after parsing (`return` outside of a function): the positions are the file's already.
        raise _as_px(source, error, None, None) from None
    except (RecursionError, MemoryError) as error:
        raise _too_deep(source) from error


def parse_px(text: str, filename: str) -> ast.Module:
    """The syntax tree of a module, elements as calls, with the positions of the file.

    Raises:
        PxSyntaxError: as `compile_px`.
    """
    return _parse(Source(text, filename))


def python_of(text: str, filename: str = "<px>") -> str:
    """The Python that a text stands for; line n is line n of the text.

    Raises:
        PxSyntaxError: an element is wrong.
    """
    return _generate(Source(text, filename))[0].text


def _generate(source: Source) -> tuple[Generated, Elements]:
    bad = source.text.find("\0")
    if bad >= 0:
        raise source.error("a zero byte", "text", bad)
    elements = Elements(source)
    return Generated(source, statements(source, elements.read)), elements


def _parse(source: Source) -> ast.Module:
    made, elements = _generate(source)
    try:
        tree = ast.parse(made.text, source.filename)
    except SyntaxError as error:
        raise _as_px(source, error, made, elements) from None
    except (RecursionError, MemoryError) as error:
        raise _too_deep(source) from error
    except UnicodeEncodeError as error:
        raise source.error("half of a surrogate pair", "text", made.origin(error.start)) from None
    _rewrite(tree, made, elements.heads)
    _add_imports(tree, elements)
    return tree


def _rewrite(tree: ast.Module, made: Generated, heads: set[int]) -> None:
    """Give every node the place in the source that its text stands for."""
    names: set[int] = set()
    place = made.place
    for node in _walk(tree):
        line, column, start = place(node.lineno - 1, node.col_offset)
        if start in heads and id(node) not in names:
            if isinstance(node, ast.Call):
                # The name of the element begins after the `<`, and so does what it is made of.
                part: ast.expr | None = node.func
                while part is not None:
                    names.add(id(part))
                    part = part.value if isinstance(part, ast.Attribute) else None
            start -= 1
            column -= 1
        node.lineno, node.col_offset = line + 1, column
        if node.end_lineno is not None and node.end_col_offset is not None:
            end_line, end_column, end = place(node.end_lineno - 1, node.end_col_offset, end=True)
            if end < start:
                end_line, end_column = line, column
            node.end_lineno, node.end_col_offset = end_line + 1, end_column


def _walk(tree: ast.Module) -> Iterator[Any]:
    """The nodes that have a place, each before what it is made of. (`ast.walk` takes twice as long.)"""
    stack: list[ast.AST] = [tree]
    while stack:
        node = stack.pop()
        parts = node.__dict__
        if "lineno" in parts:
            yield node
        for value in parts.values():
            kind = value.__class__
            if kind is list:
                stack.extend(item for item in value if isinstance(item, ast.AST))
            elif kind not in _LEAVES and isinstance(value, ast.AST):
                stack.append(value)


def _add_imports(tree: ast.Module, elements: Elements) -> None:
    """What the generated text uses, imported after the docstring and `from __future__`."""
    wanted: list[ast.stmt] = []
    if elements.uses_fragment:
        wanted.append(ast.ImportFrom("smithers_py.nodes", [ast.alias("Fragment", FRAGMENT)], 0))
    if elements.uses_run:
        wanted.append(ast.ImportFrom("smithers_py.px.runtime", [ast.alias("text_run", RUN)], 0))
    if not wanted:
        return
    at = 0
    for at, statement in enumerate(tree.body):
        docstring = not at and isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        if not docstring and not (isinstance(statement, ast.ImportFrom) and statement.module == "__future__"):
            break
    for made in wanted:
        for node in ast.walk(made):
            if isinstance(node, ast.stmt | ast.alias):
                node.lineno = node.end_lineno = 1
                node.col_offset = node.end_col_offset = 0
    tree.body[at:at] = wanted


def _as_px(source: Source, error: SyntaxError, made: Generated | None, elements: Elements | None) -> PxSyntaxError:
    """Python's complaint about the generated text, at its place in the source."""
    lines = source if made is None else made.lines
    line = max(0, (error.lineno or 1) - 1)
    start = _offset(lines, line, error.offset)
    end = _offset(lines, max(line, (error.end_lineno or 0) - 1), error.end_offset) if error.end_offset else start
    if made is not None:
        start, end = made.origin(start), made.origin(end, end=True)
    said = error.msg or "invalid syntax"
    found = _EXPECTED.match(said)
    if found is not None:
        return source.error("this is no Python", found[1], start, end)
    unclosed = _UNCLOSED.match(said)
    if unclosed is not None:
        return source.error(said, f"'{dict(zip('([{', ')]}', strict=True))[unclosed[1]]}'", start, end)
    inside = elements is not None and any(first <= start < last for first, last in elements.spans)
    return source.error(said.rstrip("."), "a Python expression" if inside else "valid Python", start, end)


def _offset(lines: Source, line: int, column: int | None) -> int:
    start = lines.offset_of(line, 0)
    return min(
        start + max(0, (column or 1) - 1), start + len(lines.line_text(line)) if start < len(lines.text) else start
    )


def _too_deep(source: Source) -> PxSyntaxError:
    return source.error("this is nested too deeply", "smaller parts", 0)
