"""The example the project was asked for runs word for word, and as plain calls it is the same plan."""

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


FORMS = {"managers": CONTEXT_MANAGERS, "calls": CALLS}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, smithers) -> dict[str, Path]:
    """Both forms, each run in a folder of its own."""
    found = {}
    for name, text in FORMS.items():
        found[name] = folder = tmp_path_factory.mktemp(name)
        (folder / "implement.py").write_text(text)
        result = smithers(folder, "run", "implement.py", "--model", "test")
        assert (result["status"], result["exit_code"]) == ("completed", 0)
    return found


@pytest.mark.requirement("A-1")
@pytest.mark.parametrize("form", FORMS)
def test_the_handler_wrote(form: str, folders: dict[str, Path], smithers) -> None:
    assert smithers(folders[form], "db", "state", "latest") == {"phase": "done"}
    (row,) = smithers(folders[form], "db", "transitions", "latest")
    assert (row["key"], row["old"], row["new"]) == ("phase", None, "done")
    assert (row["trigger"], row["handler"]) == ("claude.finished", "on_finished")


@pytest.mark.requirement("A-1", "Z-4")
def test_both_forms_have_the_same_node_ids_and_plan_hash(folders: dict[str, Path], smithers) -> None:
    plans = []
    for folder in folders.values():
        nodes = smithers(folder, "inspect", "latest")["nodes"]
        hashes = [frame["plan_hash"] for frame in smithers(folder, "db", "frames", "latest")]
        plans.append(([(node["node_id"], node["parent_id"], node["type"]) for node in nodes], hashes))
    assert plans[0] == plans[1]
    assert [node[2] for node in plans[0][0]] == ["Phase", "Claude"]
