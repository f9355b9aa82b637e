"""The list of requirements and the tests keep step.

`requirements.json` names every id of the specification. An id is covered by tests that quote it
(`@pytest.mark.requirement("F-3")`), or deferred in writing; one that is covered in part says what is still to come.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
FIELDS = {"title", "deferred", "rest"}

Manifest = dict[str, dict[str, str]]


def problems(manifest: Manifest, covered: dict[str, list[str]]) -> list[str]:
    """Every way in which the list and the tests disagree, one sentence each."""
    found = [f"{name} is quoted by {tests[0]} and is no id" for name, tests in covered.items() if name not in manifest]
    for name, entry in manifest.items():
        if not re.fullmatch(r"[A-Z]-\d+", name) or not entry.get("title") or set(entry) - FIELDS:
            found.append(f"{name}: an entry has a title, and `deferred` or `rest` at most")
        if name in covered and "deferred" in entry:
            found.append(f"{name} is deferred and yet tested by {covered[name][0]}")
        if name not in covered and "deferred" not in entry:
            found.append(f"{name} has neither a test nor a deferral")
        if not entry.get("deferred", "-").strip() or not entry.get("rest", "-").strip():
            found.append(f"{name}: a deferral gives its reason")
    return found


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return json.loads((HERE / "requirements.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def covered(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Test ids by requirement, as pytest itself collects them (a subset run must see the whole)."""
    report = tmp_path_factory.mktemp("requirements") / "report.json"
    path = f"{HERE}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "--collect-only",
            "-q",
            "-p",
            "collect_ids",
            "-p",
            "no:cacheprovider",
            "tests",
        ],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": path, "REQUIREMENT_REPORT": str(report)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    return json.loads(report.read_text(encoding="utf-8"))


def test_every_id_is_tested_or_deferred(manifest: Manifest, covered: dict[str, list[str]]) -> None:
    found = problems(manifest, covered)
    if found:
        pytest.fail("\n".join(found), pytrace=False)


def test_the_list_is_in_order(manifest: Manifest) -> None:
    """Each letter's ids are numbered from 1 without a gap (Z from 0), so that none was forgotten."""
    letters: dict[str, list[int]] = {}
    for name in manifest:
        letter, _, number = name.partition("-")
        letters.setdefault(letter, []).append(int(number))
    for letter, numbers in letters.items():
        start = 0 if letter == "Z" else 1
        assert sorted(numbers) == list(range(start, start + len(numbers))), letter


def test_each_fault_is_found() -> None:
    manifest = {
        "A-1": {"title": "tested"},
        "A-2": {"title": "both", "deferred": "issue 3"},
        "A-3": {"title": "neither"},
        "A-4": {"title": "deferred", "deferred": " "},
        "A-5": {"title": "in part", "rest": "the second half: issue 3"},
    }
    covered = {"A-1": ["t1"], "A-2": ["t2"], "A-5": ["t5"], "Q-9": ["t9"]}
    assert problems(manifest, covered) == [
        "Q-9 is quoted by t9 and is no id",
        "A-2 is deferred and yet tested by t2",
        "A-3 has neither a test nor a deferral",
        "A-4: a deferral gives its reason",
    ]
