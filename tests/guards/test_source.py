"""The repository's own rules hold, and each rule finds the fault it is there for."""

import ast
import json

import pytest
from repo import MEMBERS, ROOT, package, parse, python_files
from source_rules import foreign_imports, line_count, long_functions, sql_strings, too_long

CODE = (*MEMBERS, "benchmarks", "examples")
TOP_FOLDERS = (*CODE, "tests", "mcp", "tui", "desktop")


def test_files_stay_short() -> None:
    allowed: dict[str, int] = json.loads((ROOT / "tests/guards/size_allowances.json").read_text())
    source = {path.relative_to(ROOT).as_posix(): line_count(path) for path in python_files(*CODE)}
    tests = {path.relative_to(ROOT).as_posix(): line_count(path) for path in python_files("tests")}
    of_source = {name: size for name, size in allowed.items() if not name.startswith("tests/")}
    of_tests = {name: size for name, size in allowed.items() if name.startswith("tests/")}
    assert too_long(source, 400, of_source) + too_long(tests, 600, of_tests) == []


def test_functions_stay_short() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}: {length} lines"
        for path in python_files(*CODE)
        for name, line, length in long_functions(parse(path))
    ]
    assert found == []


@pytest.mark.parametrize("member", MEMBERS)
def test_sql_stands_in_sql_files(member: str) -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {text.split()[:4]}"
        for path in python_files(f"{member}/{MEMBERS[member]}")
        for line, text in sql_strings(parse(path))
    ]
    assert found == []


@pytest.mark.requirement("R-1")
def test_the_reactive_package_needs_nothing_but_python() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line} {name}"
        for path in python_files("reactive/smithers_reactive")
        for line, name in foreign_imports(parse(path), "smithers_reactive")
    ]
    assert found == []


def test_a_top_folder_is_no_package() -> None:
    """An `__init__.py` in `mcp/` would shadow the package of that name on PyPI; no folder starts the habit."""
    assert [name for name in TOP_FOLDERS if (ROOT / name / "__init__.py").exists()] == []


@pytest.mark.parametrize("member", MEMBERS)
def test_a_member_ships_types_and_no_tests(member: str) -> None:
    folder = package(member)
    assert (folder / "py.typed").exists()
    assert [path.name for path in folder.rglob("test*.py") if path.name != "testing.py"] == []


def test_the_length_rule_finds_its_faults() -> None:
    body = "\n".join("    x = 1" for _ in range(60))
    assert [name for name, _, _ in long_functions(ast.parse(f"def long():\n{body}\ndef short():\n    pass"))] == [
        "long"
    ]
    sizes = {"a.py": 401, "b.py": 500, "c.py": 450, "d.py": 100, "e.py": 400}
    assert too_long(sizes, 400, {"b.py": 499, "c.py": 460, "d.py": 410}) == [
        "a.py: 401 lines, limit 400",
        "b.py: 500 lines, its allowance says 499",
        "c.py: 450 lines, its allowance says 460 (lower it)",
        "d.py: within the limit now, remove its allowance",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "q = 'SELECT a FROM t WHERE b = ?'",
        "q = f'insert or ignore into {table} values (?)'",
        "q = '''\n  UPDATE t SET a = 1'''",
        "run(f'DELETE FROM {t}')",
        "q = 'CREATE UNIQUE INDEX i ON t(a)'",
        "q = 'with x as (select 1) select * from x'",
    ],
)
def test_the_sql_rule_finds_a_statement(line: str) -> None:
    assert list(sql_strings(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "'''SELECT a FROM t: quoted in a docstring.'''",
        "x = 'BEGIN IMMEDIATE'",
        "x = 'Select a file from the list'[1:]",
        "x = 'update the set'",
    ],
)
def test_the_sql_rule_leaves_prose_alone(line: str) -> None:
    assert list(sql_strings(ast.parse(line))) == []


def test_the_import_rule_finds_a_dependency() -> None:
    tree = ast.parse(
        "import os, numpy.linalg\nfrom smithers_reactive.graph import Node\nfrom . import api\nfrom attr import s"
    )
    assert [name for _, name in foreign_imports(tree, "smithers_reactive")] == ["numpy.linalg", "attr"]
