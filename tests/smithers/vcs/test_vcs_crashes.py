"""Real kills around what git does, and resuming after them."""

import pytest
from vcs_project import Project

from smithers_py.testing import kill_and_resume

PLAN = """
from smithers_py import *

@plan
def App(ctx):
    with Phase("all"):
        with Worktree("feat", cleanup="remove-if-clean"):
            with Step("build", snapshot_before=True, snapshot_after=True, commit_after=True):
                Command("echo line >> new.txt", id="one").on_finished(lambda r: ctx.state.increment("ran"))
            Command("test -f new.txt", id="two")
"""


@pytest.mark.requirement("N-9", "V-1", "T-5")
@pytest.mark.parametrize(
    "point",
    [("worktree.after", 1), ("task.start", 1), ("child.ended", 1), ("vcs.after", 1), ("task.start", 2)],
    ids=lambda point: f"{point[0]}-{point[1]}",
)
def test_a_kill_makes_nothing_twice_and_loses_nothing(project: Project, point: tuple[str, int]):
    project.write("plan.py", PLAN)
    project.git("add", "-A")
    project.git("commit", "-qm", "plan")
    came = kill_and_resume("plan.py", point, db_path=project.root / ".smithers" / "db.sqlite")
    assert (came.killed, came.status, came.state) == (True, "completed", {"ran": 1})
    assert project.git("log", "--format=%s", "feat") == "smithers: build\nplan\nfirst"
    # Killed before its end is on record the command runs again; the commit is one all the same.
    assert set(project.git("show", "feat:new.txt").splitlines()) == {"line"}
    before = next(event for event in project.events("vcs.snapshot") if event["when"] == "before")
    assert "new.txt" not in project.git("ls-tree", "-r", "--name-only", before["ref"])
    assert len(project.git("worktree", "list").splitlines()) == 1
