"""fix_tests.py takes a real project from red to green, and the database tells how."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

RUNS = [(1, 3), (3, 4), (7, 2)]


@dataclass(frozen=True)
class Finished:
    """A run of the example and where it ran."""

    workspace: Path
    faults: int
    result: dict[str, Any]
    tasks: list[dict[str, Any]]
    transitions: list[dict[str, Any]]
    frames: list[dict[str, Any]]

    def of(self, node: str) -> list[dict[str, Any]]:
        """The tasks of a node of the loop, by iteration."""
        return [task for task in self.tasks if re.fullmatch(rf"fix/\d+/{node}", task["node_id"])]


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"seed {run[0]}")
def finished(request, tmp_path_factory, smithers, examples) -> Finished:
    seed, faults = request.param
    workspace = tmp_path_factory.mktemp("fix")
    given = json.dumps({"seed": seed, "faults": faults})
    result = smithers(workspace, "run", examples / "fix_tests.py", "--input", given)
    return Finished(
        workspace,
        faults,
        result,
        smithers(workspace, "inspect", "latest")["tasks"],
        smithers(workspace, "db", "transitions", "latest"),
        smithers(workspace, "db", "frames", "latest"),
    )


def fold(transitions: list[dict[str, Any]], before: int | None = None) -> dict[str, Any]:
    """The state after the transitions, or as a frame saw it: after those of earlier frames."""
    state: dict[str, Any] = {}
    for row in transitions:
        if before is not None and row["frame"] >= before:
            continue
        assert state.get(row["key"]) == row["old"]
        if row["deleted"]:
            del state[row["key"]]
        else:
            state[row["key"]] = row["new"]
    return state


@pytest.mark.requirement("N-3", "N-5", "N-8", "C-2")
def test_the_tests_go_from_red_to_green(finished: Finished) -> None:
    runs = finished.of("pytest")
    assert runs[0]["result"]["exit_code"] == 1
    assert runs[-1]["result"]["exit_code"] == 0
    assert re.search(r"=+ \d+ passed in ", runs[-1]["result"]["stdout"])
    assert finished.result["status"] == "completed"
    assert finished.result["summary"]["tests"]["failed"] == 0
    assert finished.result["summary"]["changelog"]


def test_each_iteration_repairs_one_fault(finished: Finished) -> None:
    """So there is one iteration for each fault, and the last one finds nothing left to repair."""
    ids = [f"fix/{n}/pytest" for n in range(finished.faults + 1)]
    assert [task["node_id"] for task in finished.of("pytest")] == ids
    done = [task for task in finished.of("repair") if task["status"] == "succeeded"]
    assert len(done) == finished.faults
    assert finished.result["summary"]["iterations"] == finished.faults + 1
    assert len(finished.result["summary"]["repaired"]) == finished.faults


def test_only_the_copy_was_broken_and_it_is_whole_again(finished: Finished, examples: Path) -> None:
    work = finished.workspace / finished.result["summary"]["folder"]
    original = examples / "fix_tests_project"
    files = [path.relative_to(original) for path in original.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(files) == 7
    assert [file for file in files if (work / file).read_text() != (original / file).read_text()] == []


@pytest.mark.requirement("S-5")
def test_every_transition_has_its_trigger(finished: Finished) -> None:
    assert [row for row in finished.transitions if not row["trigger"] or not row["node_id"]] == []
    triggers = {row["key"]: row["trigger"] for row in finished.transitions}
    assert triggers == {
        "faults": "break.finished",
        "green": "pytest.finished",
        "runs": "pytest.finished",
        "repairs": "repair.finished",
        "changelog": "claude.finished",
    }


@pytest.mark.requirement("S-5")
def test_the_state_is_the_fold_of_the_transitions(finished: Finished, smithers) -> None:
    assert smithers(finished.workspace, "db", "state", "latest") == fold(finished.transitions)
    everything = smithers(finished.workspace, "db", "transitions", "latest", "--all")
    assert smithers(finished.workspace, "db", "state", "latest", "--all") == fold(everything)


@pytest.mark.requirement("F-7", "Z-1")
def test_frames_can_be_read_back(finished: Finished, smithers) -> None:
    assert [frame["frame"] for frame in finished.frames] == list(range(finished.result["frames"]))
    chosen = [0, len(finished.frames) // 2, len(finished.frames) - 1]
    for index in chosen:
        seen = smithers(finished.workspace, "db", "frames", "latest", "--frame", str(index))
        assert seen["state"] == fold(finished.transitions, before=index)
        assert {"Phase", "Task"} <= {node["type"] for node in seen["plan"]}


def test_a_line_for_an_append_shows_what_was_appended(finished: Finished, smithers) -> None:
    printed = smithers(finished.workspace, "db", "transitions", "latest", "--key", "repairs", as_json=False)
    lines = printed.splitlines()[1:]
    assert len(lines) == finished.faults
    repaired = finished.result["summary"]["repaired"]
    assert [one.partition(":")[0] in line for one, line in zip(repaired, lines, strict=True)] == [True] * len(lines)
