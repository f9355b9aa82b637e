"""An offline repairer: sees what pytest printed and the project's files, and changes one token.

Stands in for a coding agent, so that the example runs without a model. It looks at the code that failing tests touch,
tries small edits in a scratch copy, and keeps the one that makes most tests pass.
"""

from pathlib import Path
from typing import Any

from fix_tests_parts.edits import Edit, edits
from fix_tests_parts.pytest_output import Outcome, read_output
from fix_tests_parts.suspects import Suspect, suspects
from fix_tests_parts.trials import Trials


class CannotRepairError(Exception):
    """No change of one token helps."""


def repair(project: Path, output: str) -> dict[str, Any]:
    """Repair one fault of the project; returns what was changed and which tests pass since.

    Raises CannotRepairError.
    """
    outcome = read_output(output)
    with Trials(project) as trials:
        for suspect in suspects(project, outcome):
            text = (project / suspect.unit.file).read_text(encoding="utf-8")
            found = _best_edit(trials, suspect, text, outcome)
            if found is not None:
                edit, fixed = found
                (project / suspect.unit.file).write_text(edit.apply(text), encoding="utf-8")
                return _report(suspect, edit, text, fixed)
    raise CannotRepairError(f"no change of one token makes any of {len(outcome.failed)} failing tests pass")


def _best_edit(trials: Trials, suspect: Suspect, text: str, outcome: Outcome) -> tuple[Edit, list[str]] | None:
    """The edit of this unit after which most tests pass, the first of equals; None when no edit gains anything.

    A test that passed may fail afterwards: then one fault hid another.
    """
    best: tuple[Edit, list[str]] | None = None
    file, before, most = suspect.unit.file, set(outcome.passed), len(outcome.passed)
    for edit in edits(text, suspect.unit, outcome.numbers):
        mended = edit.apply(text)
        # The most specific failing test first: nearly every edit is refused by it alone.
        if not trials.passing(file, mended, suspect.tests[:1]):
            continue
        passing = trials.passing(file, mended, [])
        if len(passing) > most:
            best, most = (edit, sorted(passing - before)), len(passing)
            if passing.issuperset(suspect.tests):
                break  # nothing better can come
    return best


def _report(suspect: Suspect, edit: Edit, text: str, fixed: list[str]) -> dict[str, Any]:
    lines = text.splitlines(), edit.apply(text).splitlines()
    return {
        "file": suspect.unit.file,
        "line": edit.line,
        "before": lines[0][edit.line - 1].strip(),
        "after": lines[1][edit.line - 1].strip(),
        "fixed": fixed,
    }
