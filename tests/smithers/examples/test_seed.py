"""The example the project was asked for runs word for word, and as plain calls it is the same plan."""

import ast
from pathlib import Path

import pytest

CONTEXT_MANAGERS = """
from smithers_py import plan, Phase, Claude

@plan
def ImplementPhase(ctx):
    with Phase("implement"):
        Claude(
            model="sonnet",
            prompt="Fix failing tests",
        ).on_finished(lambda r: ctx.state.set("phase", "done", trigger="claude.finished"))
"""

CALLS = """
from smithers_py import Claude, Phase, component

@component
def ImplementPhase(ctx):
    def done(r):
        ctx.state.set("phase", "done", trigger="claude.finished")

    return Phase(
        name="implement",
        children=[Claude(model="sonnet", prompt="Fix failing tests", on_finished=done)],
    )
"""


@pytest.fixture(params=[CONTEXT_MANAGERS, CALLS], ids=["context managers", "calls"])
def script(request, tmp_path: Path) -> Path:
    ast.parse(request.param)
    path = tmp_path / "implement.py"
    path.write_text(request.param)
    return path


@pytest.mark.requirement("A-1")
def test_it_runs(smithers, tmp_path: Path, script: Path) -> None:
    result = smithers(tmp_path, "run", script, "--model", "test")
    assert (result["status"], result["exit_code"]) == ("completed", 0)
    assert smithers(tmp_path, "db", "state", "latest") == {"phase": "done"}
    (row,) = smithers(tmp_path, "db", "transitions", "latest")
    assert (row["key"], row["old"], row["new"]) == ("phase", None, "done")
    assert (row["trigger"], row["handler"]) == ("claude.finished", "on_finished")


@pytest.mark.requirement("A-1", "Z-4")
def test_both_forms_have_the_same_node_ids_and_plan_hash(smithers, tmp_path: Path) -> None:
    plans = []
    for name, text in (("managers", CONTEXT_MANAGERS), ("calls", CALLS)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "implement.py").write_text(text)
        smithers(folder, "run", "implement.py", "--model", "test")
        nodes = smithers(folder, "inspect", "latest")["nodes"]
        hashes = [frame["plan_hash"] for frame in smithers(folder, "db", "frames", "latest")]
        plans.append(([(node["node_id"], node["parent_id"], node["type"]) for node in nodes], hashes))
    assert plans[0] == plans[1]
    assert [node[2] for node in plans[0][0]] == ["Phase", "Claude"]
