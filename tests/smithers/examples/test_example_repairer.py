"""The repairer of fix_tests.py is honest: it works from pytest's output and the files, not from the list of faults."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

PARTS = ("repairer", "suspects", "edits", "trials", "pytest_output")


@pytest.fixture
def parts(examples: Path, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The modules of the example, imported as its script does."""
    monkeypatch.syspath_prepend(str(examples))
    from fix_tests_parts.faults import FAULTS, prepare
    from fix_tests_parts.pytest_output import read_output
    from fix_tests_parts.repairer import CannotRepairError, repair
    from fix_tests_parts.trials import Trials

    return SimpleNamespace(
        FAULTS=FAULTS,
        prepare=prepare,
        read_output=read_output,
        repair=repair,
        CannotRepairError=CannotRepairError,
        Trials=Trials,
    )


@pytest.fixture
def project(examples: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(examples / "fix_tests_project", tmp_path / "project"))


def run_pytest(project: Path) -> str:
    command = [sys.executable, "-B", "-m", "pytest", "-v", "--tb=short", "-p", "no:cacheprovider"]
    env = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    return subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False).stdout


def change(project: Path, name: str, old: str, new: str) -> None:
    file = project / name
    text = file.read_text()
    assert text.count(old) == 1
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize("part", PARTS)
def test_it_does_not_know_the_faults(part: str, examples: Path, parts: SimpleNamespace) -> None:
    text = (examples / "fix_tests_parts" / f"{part}.py").read_text()
    imported = {node.module for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ImportFrom)}
    assert not any("faults" in (module or "") for module in imported)
    assert [right for _, right, _ in parts.FAULTS if right in text] == []


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("invoicing/invoice.py", "max(0, self.total()", "min(0, self.total()"),
        ("invoicing/ledger.py", "min(weeks, 10)", "max(weeks, 10)"),
        ("invoicing/invoice.py", "self.issued + timedelta", "self.issued - timedelta"),
        ("invoicing/invoice.py", "percent(self.net(), self.tax_rate)", "percent(self.net(), self.days_to_pay)"),
    ],
)
def test_it_repairs_faults_that_are_not_on_the_list(
    name: str, right: str, wrong: str, project: Path, parts: SimpleNamespace
) -> None:
    assert right not in [listed for _, listed, _ in parts.FAULTS]
    change(project, name, right, wrong)
    done = parts.repair(project, run_pytest(project))
    assert done["file"] == name
    assert right in (project / name).read_text()
    assert parts.read_output(run_pytest(project)).green


def test_it_says_so_when_no_change_of_one_token_helps(project: Path, parts: SimpleNamespace) -> None:
    change(project, "invoicing/money.py", "{rest(cents):02}", "{rest(cents)}")
    broken = (project / "invoicing/money.py").read_text()
    with pytest.raises(parts.CannotRepairError, match="no change of one token"):
        parts.repair(project, run_pytest(project))
    assert (project / "invoicing/money.py").read_text() == broken


def test_an_edit_that_never_ends_is_given_up(project: Path, parts: SimpleNamespace) -> None:
    text = (project / "invoicing/money.py").read_text()
    endless = text.replace("    return abs(cents) % 100", "    while True:\n        pass")
    assert endless != text
    tests = ["tests/test_money.py::test_rest_is_below_a_hundred"]
    with parts.Trials(project, seconds=1) as trials:
        assert trials.passing("invoicing/money.py", endless, tests) == set()
        assert trials.passing("invoicing/money.py", "not python", tests) == set()
        assert trials.passing("invoicing/money.py", text, tests) == set(tests)


@pytest.mark.parametrize("fault", range(11))
def test_every_fault_of_the_list_fails_a_test(fault: int, project: Path, parts: SimpleNamespace) -> None:
    assert len(parts.FAULTS) == 11
    change(project, *parts.FAULTS[fault])
    outcome = parts.read_output(run_pytest(project))
    assert outcome.failed
    assert outcome.passed


def test_the_seed_decides(tmp_path: Path, parts: SimpleNamespace) -> None:
    def broken(folder: str, seed: int) -> list[str]:
        parts.prepare(tmp_path / folder, seed, 3)
        return [path.read_text() for path in sorted((tmp_path / folder).rglob("*.py"))]

    assert broken("a", 5) == broken("b", 5)
    assert broken("c", 6) != broken("d", 7)
