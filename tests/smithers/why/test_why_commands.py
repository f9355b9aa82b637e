"""`smithers why`, `check --purity` and `graph --deps` as typed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from smithers_py.cli.main import main

PLAN = """from smithers_py import *

def found(r, ctx):
    ctx.state.set("phase", "build")

@component
def app(ctx):
    phase = ctx.state.get("phase", "research")
    return [
        Phase("research", children=[Task(lambda: 1, id="researcher", on_finished=found)]),
        Task(lambda: 1, id="builder") if phase == "build" else None,
        Phase("bad", children=[Task(lambda: 1 / 0, id="bad")]),
        Phase("after", children=[Step("s", children=[Task(lambda: 1, id="late")])]),
        If(lambda: ctx.state.get("go"), id="if"),
    ]
"""
Smithers = Callable[..., tuple[int, str, str]]


@pytest.fixture
def smithers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Smithers:
    """Run the command line in a folder of its own: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "plan.py").write_text(PLAN)

    def run(*arguments: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main([*arguments])
        captured = capsys.readouterr()
        return int(left.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def ran(smithers: Smithers) -> Smithers:
    """The same, after the plan ran (and failed in a phase)."""
    assert smithers("run", "plan.py", "--idle-timeout", "0")[0] == 1
    return smithers


@pytest.mark.requirement("O-3", "C-1", "Z-22")
def test_why_tells_a_sentence_and_what_to_ask_next(ran: Smithers) -> None:
    code, out, err = ran("why", "builder")
    assert code == 0
    sentence = 'because key `phase` went absent → "build", written by on_finished of `researcher` in frame 1'
    assert sentence in out
    assert out.startswith("`builder`  succeeded  in execution ")
    assert err.startswith("next: smithers why researcher ")
    assert ran("why", "builder", "latest")[1] == out


@pytest.mark.requirement("O-3", "C-3")
def test_why_as_json(ran: Smithers) -> None:
    code, out, _ = ran("why", "builder", "--json")
    assert code == 0
    told = json.loads(out)
    (change,) = told["in_plan"][0]["changes"]
    expected = {"key": "phase", "old": None, "new": "build", "node_id": "researcher", "handler": "on_finished"}
    assert expected.items() <= change.items()
    transitions = json.loads(ran("db", "transitions", "--json")[1])
    stored = next(row for row in transitions if row["id"] == change["transition"])
    assert (stored["key"], stored["frame"], stored["old"], stored["new"]) == ("phase", change["frame"], None, "build")


@pytest.mark.requirement("O-3", "Z-6")
def test_why_of_a_node_whose_phase_was_never_reached(ran: Smithers, tmp_path: Path) -> None:
    code, out, _ = ran("why", "late", "--json")
    assert code == 0
    told = json.loads(out)
    assert (told["mounted_frame"], told["in_plan"], told["ran"]) == (None, [], [])
    assert "Phase after" in told["not_yet"][0]["text"]
    assert "is over: skipped" in told["not_yet"][0]["text"]
    # Another script is another plan: what is not in the records cannot be told.
    (tmp_path / "plan.py").write_text(PLAN + "\n")
    code, _, err = ran("why", "late")
    assert code == 2
    assert "has had no node 'late' in its plan" in err


@pytest.mark.requirement("O-3", "R-6")
def test_graph_deps(ran: Smithers) -> None:
    code, out, err = ran("graph", "plan.py", "--deps")
    assert (code, out) == (0, "go\n  read by     If if\nphase\n  read by     app\n")
    assert "--execution" in err
    code, out, err = ran("graph", "plan.py", "--deps", "--execution", "latest")
    assert "phase\n  read by     app\n  written by  on_finished of researcher\n" in out
    assert err == ""
    found = json.loads(ran("graph", "plan.py", "--deps", "--execution", "latest", "--json")[1])
    phase: Any = found["keys"][1]
    assert phase["writers"] == [{"node_id": "researcher", "label": "researcher", "handler": "on_finished", "times": 1}]
    mermaid = ran("graph", "plan.py", "--deps", "--execution", "latest", "--format", "mermaid")[1]
    assert mermaid.startswith("flowchart LR\n")
    assert '-- "on_finished" -->' in mermaid
    assert ran("graph", "plan.py", "--deps", "--format", "xml")[0] == 2


@pytest.mark.requirement("A-7", "Z-25")
def test_check_purity(smithers: Smithers, tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text("import time\n" + PLAN.replace("    phase =", "    time.time()\n    phase ="))
    assert "W106" not in smithers("check", "plan.py")[1]
    code, out, _ = smithers("check", "plan.py", "--purity", "--strict")
    assert code == 1
    assert (
        "plan.py:9: warning W106: time.time reads the clock while the plan is rendered (at app). Use ctx.now()" in out
    )
