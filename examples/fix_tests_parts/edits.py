"""Candidate repairs of a piece of code: each changes one token."""

import ast
import io
import token
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass

from fix_tests_parts.suspects import Unit

_FAMILIES = (
    ("+", "-", "*", "//", "%"),
    ("<", "<=", ">", ">=", "==", "!="),
    ("and", "or"),
    ("True", "False"),
    ("min", "max"),
    ("all", "any"),
)
_ALTERNATIVES = {word: [other for other in family if other != word] for family in _FAMILIES for word in family}


@dataclass(frozen=True)
class Edit:
    """Replace `old` by `new` at a line (from 1) and column (from 0) of a text."""

    line: int
    column: int
    old: str
    new: str

    def apply(self, text: str) -> str:
        """The text with this edit made."""
        lines = text.splitlines(keepends=True)
        line = lines[self.line - 1]
        lines[self.line - 1] = line[: self.column] + self.new + line[self.column + len(self.old) :]
        return "".join(lines)


def edits(text: str, unit: Unit, numbers: list[str]) -> list[Edit]:
    """Edits of one token in the unit: operators and words first, then numbers, then names.

    `numbers` were printed in failed assertions; they are tried for constants after off-by-one.
    """
    names = _names(text, unit)
    found: list[tuple[int, Edit]] = []
    for part in tokenize.generate_tokens(io.StringIO(text).readline):
        line, column = part.start
        if not unit.first <= line <= unit.last:
            continue
        for rank, new in [*_words(part, numbers), *((3, other) for other in names.get(part.start, ()))]:
            found.append((rank, Edit(line, column, part.string, new)))
    found.sort(key=lambda one: one[0])
    return [edit for _, edit in found]


def _words(part: tokenize.TokenInfo, numbers: list[str]) -> Iterator[tuple[int, str]]:
    """What an operator, a word or a number may become, with how late it is tried."""
    for other in _ALTERNATIVES.get(part.string, ()):
        yield 0, other
    if part.type == token.NUMBER and part.string.replace("_", "").isdigit():
        value = int(part.string)
        for near in (value - 1, value + 1):
            yield 1, str(near)
        for other in numbers:
            if abs(int(other) - value) > 1:
                yield 2, other


def _names(text: str, unit: Unit) -> dict[tuple[int, int], list[str]]:
    """For each name used in the unit, by (line, column): the names of the same sort that may be meant instead.

    Sorts: what is called, variables of the unit, methods, and fields; the last two are looked for in the whole file.
    """
    tree = ast.parse(text)
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    notes = {id(part) for node in ast.walk(tree) for note in _annotations(node) for part in ast.walk(note)}
    sorts: dict[str, set[str]] = {"field": _fields(tree)}
    places: dict[tuple[int, int], tuple[str, str]] = {}
    for node in ast.walk(tree):
        if id(node) in notes:
            continue
        if isinstance(node, ast.Attribute):
            sort, name = ("method" if id(node) in called else "field"), node.attr
            place = node.end_lineno or 0, (node.end_col_offset or 0) - len(name)
        elif isinstance(node, ast.Name) and unit.first <= node.lineno <= unit.last:
            sort, name = ("function" if id(node) in called else "variable"), node.id
            place = node.lineno, node.col_offset
        else:
            continue
        sorts.setdefault(sort, set()).add(name)
        if unit.first <= place[0] <= unit.last and name != "self":
            places[place] = sort, name
    return {place: sorted(sorts[sort] - {name, "self"}) for place, (sort, name) in places.items()}


def _fields(tree: ast.Module) -> set[str]:
    """The names that the classes of a file declare."""
    bodies = [part for node in ast.walk(tree) if isinstance(node, ast.ClassDef) for part in node.body]
    return {ast.unparse(part.target) for part in bodies if isinstance(part, ast.AnnAssign)}


def _annotations(node: ast.AST) -> list[ast.expr]:
    found = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return [note for note in found if isinstance(note, ast.expr)]
