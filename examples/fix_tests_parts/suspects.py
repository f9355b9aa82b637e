"""Where the fault may be: every piece of code that failing tests touch, the most suspicious first.

A *unit* is a function, a method or a constant or a field's default. A test touches what it calls by name, and
what that calls, and so on. A unit touched by many failing and few passing tests is suspicious (Ochiai's measure).
"""

import ast
from dataclasses import dataclass, field
from math import sqrt
from pathlib import Path

from fix_tests_parts.pytest_output import Outcome


@dataclass(frozen=True)
class Unit:
    """A piece of code: its file (relative), first and last line (from 1), and the names it uses."""

    name: str
    file: str
    first: int
    last: int
    uses: frozenset[str] = field(hash=False)

    @property
    def is_test(self) -> bool:
        """Part of the tests, so never what is repaired."""
        return self.file.startswith("tests/")


@dataclass(frozen=True)
class Suspect:
    """A unit, how suspicious it is (0 to 1 and more), and the failing tests that touch it, most specific first."""

    unit: Unit
    score: float
    tests: list[str]


def suspects(project: Path, outcome: Outcome) -> list[Suspect]:
    """The units of the project that failing tests touch, the most suspicious first."""
    units = [unit for file in sorted(project.rglob("*.py")) for unit in _units(file, project)]
    by_name: dict[str, list[Unit]] = {}
    for unit in units:
        by_name.setdefault(unit.name, []).append(unit)
    touched = {test: _touched(test, units, by_name) for test in (*outcome.failed, *outcome.passed)}
    found = [_suspect(unit, outcome, touched) for unit in units if not unit.is_test]
    return sorted((one for one in found if one.tests), key=lambda one: -one.score)


def _suspect(unit: Unit, outcome: Outcome, touched: dict[str, frozenset[Unit]]) -> Suspect:
    failed = [test for test in outcome.failed if unit in touched[test]]
    passed = sum(unit in touched[test] for test in outcome.passed)
    score = len(failed) / sqrt(len(outcome.failed) * (len(failed) + passed)) if failed else 0.0
    if any(file == unit.file and unit.first <= line <= unit.last for file, line in outcome.frames):
        score += 1  # a traceback went through it
    return Suspect(unit, score, sorted(failed, key=lambda test: len(touched[test])))


def _touched(test: str, units: list[Unit], by_name: dict[str, list[Unit]]) -> frozenset[Unit]:
    """The units a test reaches through names, itself included."""
    file, _, name = test.partition("::")
    name = name.partition("[")[0]
    todo = [unit for unit in units if unit.file == file and name in {"", unit.name}]
    seen = set(todo)
    while todo:
        for used in todo.pop().uses:
            for unit in by_name.get(used, ()):
                if unit not in seen:
                    seen.add(unit)
                    todo.append(unit)
    return frozenset(seen)


def _units(file: Path, project: Path) -> list[Unit]:
    name = file.relative_to(project).as_posix()
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError:
        return []
    found: list[Unit] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.append(_unit(node.name, name, node))
        elif isinstance(node, ast.Module | ast.ClassDef):
            values = [part for part in node.body if isinstance(part, ast.Assign | ast.AnnAssign) and part.value]
            found += [_unit(_target(part), name, part) for part in values]
    return found


def _unit(name: str, file: str, node: ast.stmt) -> Unit:
    used = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
    used |= {part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)}
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        used |= {argument.arg for argument in node.args.args}  # a test's fixtures
    return Unit(name, file, node.lineno, node.end_lineno or node.lineno, frozenset(used - {name}))


def _target(part: ast.Assign | ast.AnnAssign) -> str:
    return ast.unparse(part.targets[0] if isinstance(part, ast.Assign) else part.target)
