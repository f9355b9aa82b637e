"""pipeline.py and hello.py do what they say on real files."""

import json
from pathlib import Path

import pytest


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "short.md").write_text("# Short\n\nSee [the other](long.md).\n")
    (folder / "long.md").write_text("# Long\n\n## Part\n\n" + "word " * 1200 + "\n\n[gone](nowhere.md)\n")
    (folder / "with space.md").write_text("three words here\n")
    (folder / "other.txt").write_text("not asked for\n")
    return folder


@pytest.mark.requirement("N-1", "N-2", "N-5")
def test_each_file_is_measured_and_the_branch_taken(smithers, examples: Path, tmp_path: Path, notes: Path) -> None:
    result = smithers(tmp_path, "run", examples / "pipeline.py", "--input", json.dumps({"folder": str(notes)}))
    assert result["summary"] == {"files": 3, "words": 1213, "longest": "long.md", "report": "report.md"}
    state = smithers(tmp_path, "db", "state", "latest")
    assert state == {
        "files": ["long.md", "short.md", "with space.md"],
        "words": {"long.md": 1205, "short.md": 5, "with space.md": 3},
        "lines": 11,
        "broken": {"long.md": ["nowhere.md"]},
        "broken_links": 1,
        "note": "long.md: Long · Part",
    }
    report = (tmp_path / "report.md").read_text()
    assert "# 3 files, 11 lines" in report
    assert "| long.md | 1,205 | nowhere.md |" in report


@pytest.mark.requirement("N-1")
def test_the_other_branches(smithers, examples: Path, tmp_path: Path, notes: Path) -> None:
    given = {"folder": str(notes), "pattern": "short*"}
    smithers(tmp_path, "run", examples / "pipeline.py", "--input", json.dumps(given))
    state = smithers(tmp_path, "db", "state", "latest")
    assert state["note"] == "every file is short"
    assert "broken_links" not in state
    result = smithers(tmp_path, "run", examples / "pipeline.py", "--input", json.dumps(given | {"pattern": "*.rst"}))
    assert result["summary"]["files"] == 0
    assert smithers(tmp_path, "db", "state", "latest")["note"] == "no file matched"


@pytest.mark.requirement("Z-14")
def test_wrong_input_is_refused_before_there_is_an_execution(smithers, examples: Path, tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match=r"long_words: Input should be a valid integer"):
        smithers(tmp_path, "run", examples / "pipeline.py", "--input", '{"long_words": "many"}')
    assert smithers(tmp_path, "list") == []


def test_hello_keeps_what_the_agent_said(smithers, examples: Path, tmp_path: Path) -> None:
    smithers(tmp_path, "run", examples / "hello.py")
    state = smithers(tmp_path, "db", "state", "latest")
    (command,) = [task for task in smithers(tmp_path, "inspect")["tasks"] if task["kind"] == "Command"]
    assert command["result"]["stdout"] == f"the agent says: {state['greeting']}\n"
