"""`smithers init` gives a plan that works, and touches nothing that is there."""

import json
from pathlib import Path

import pytest
from authoring_tools import Smithers


@pytest.mark.requirement("C-1")
def test_what_it_writes_passes_check_and_runs_offline(smithers: Smithers, workspace: Path) -> None:
    code, out, err = smithers("init", "new/project")
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "wrote new/project/plan.py",
        "wrote new/project/README.md",
        "wrote new/project/.gitignore",
        "next: cd new/project && smithers run plan.py --model test",
    ]
    plan = Path("new/project/plan.py")
    assert smithers("check", plan, "--strict")[1] == f"{plan}: no errors, no warnings\n"
    code, out, err = smithers("run", plan, "--model", "test", "--json", "--idle-timeout", "0")
    result = json.loads(out)
    assert (code, result["status"], set(result["summary"])) == (0, "completed", {"summary", "words"}), err
    assert ".smithers/" in Path("new/project/.gitignore").read_text()


@pytest.mark.requirement("C-1")
def test_it_never_overwrites(smithers: Smithers, workspace: Path) -> None:
    mine = {"plan.py": "mine = 1\n", "README.md": "", ".gitignore": "*.pyc\n"}
    for name, text in mine.items():
        (workspace / name).write_text(text)
    code, out, err = smithers("init")
    assert code == 0
    assert [line.split()[0] for line in out.splitlines()] == ["kept", "kept", "kept", "next:"]
    assert "add a line `.smithers/`" in err
    assert {name: (workspace / name).read_text() for name in mine} == mine


@pytest.mark.requirement("C-1")
def test_a_link_that_leads_nowhere_is_not_followed(smithers: Smithers, workspace: Path) -> None:
    (workspace / "plan.py").symlink_to(workspace / "elsewhere.py")
    code, out, _ = smithers("init")
    assert code == 0
    assert out.splitlines()[0] == "kept  plan.py"
    assert not (workspace / "elsewhere.py").exists()


@pytest.mark.requirement("C-1", "C-4")
def test_a_file_in_place_of_the_folder(smithers: Smithers, workspace: Path) -> None:
    (workspace / "taken").write_text("")
    for folder in ("taken", "taken/below"):
        code, out, err = smithers("init", folder)
        assert (code, out) == (2, "")
        assert f"cannot write into {folder}" in err
