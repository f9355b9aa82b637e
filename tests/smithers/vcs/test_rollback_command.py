"""`smithers snapshots` and `smithers rollback`, as a person types them."""

import json
import os
import pty
import subprocess

import pytest
from vcs_project import PROGRAM, Project

PLAN = """
from smithers_py import *

@plan
def App(ctx):
    with Step("build", snapshot_before=True, snapshot_after=True):
        Command("echo two > a.txt; echo new > new.txt", id="one")
"""


@pytest.fixture
def ran(project: Project) -> Project:
    project.write("plan.py", PLAN)
    project.smithers("run", "plan.py")
    return project


@pytest.mark.requirement("V-1", "C-2")
def test_they_are_listed(ran: Project):
    told = ran.smithers("snapshots")
    assert "Step build  before" in told
    assert "Step build  after" in told
    rows = json.loads(ran.smithers("snapshots", "latest", "--json"))
    assert [row["when"] for row in rows] == ["before", "after"]
    assert rows[0]["workspace"] == str(ran.root)


@pytest.mark.requirement("V-1")
def test_rolling_back_asks_or_wants_yes_and_can_be_undone(ran: Project):
    ran.write("mine.txt", "made since\n")
    assert "--yes" in ran.smithers("rollback", "build", code=2)
    assert ran.read("a.txt") == "two\n"
    told = ran.smithers("rollback", "build", "--yes")
    assert "  M a.txt\n  D mine.txt\n  D new.txt\n" in told
    assert "3 files changed" in told
    assert (ran.read("a.txt"), ran.files()) == ("one\n", [".gitignore", "a.txt", "plan.py"])
    done = json.loads(ran.smithers("rollback", "build", "--undo", "--yes", "--json"))
    assert (done["when"], done["files"]) == ("undo", 3)
    assert ran.read("mine.txt") == "made since\n"
    ran.smithers("rollback", "build", "--after", "--yes")
    assert ran.files() == [".gitignore", "a.txt", "new.txt", "plan.py"]


@pytest.mark.requirement("V-1")
@pytest.mark.parametrize(("answer", "code", "text"), [("n", 1, "two\n"), ("y", 0, "one\n")])
def test_on_a_terminal_it_asks(ran: Project, answer: str, code: int, text: str):
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm"}
    words = [*PROGRAM, "rollback", "build"]
    child = subprocess.Popen(words, cwd=ran.root, stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    seen = b""
    while b"[y/N]" not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, f"{answer}\n".encode())
    assert child.wait() == code
    os.close(ours)
    assert ran.read("a.txt") == text


@pytest.mark.requirement("V-1", "E-4")
def test_what_cannot_be_meant_is_said(ran: Project):
    assert "no snapshot of a node 'test'" in ran.smithers("rollback", "test", "--yes", code=2)
    assert "no snapshot undo" in ran.smithers("rollback", "build", "--undo", "--yes", code=2)
    assert "one of --before" in ran.smithers("rollback", "build", "--before", "--after", code=2)


AGAIN = """
from smithers_py import *

@plan
def App(ctx):
    with Worktree("feat", cleanup="remove"):
        with Step("build", commit_after=True):
            Command("date +%N >> stamp", id="stamp")
    Command("test -f go", id="gate")
"""


@pytest.mark.requirement("N-2", "N-9", "V-1")
def test_what_runs_again_is_committed_again_and_what_is_only_resumed_is_not(project: Project):
    project.write("plan.py", AGAIN)
    project.smithers("run", "plan.py", code=1)
    project.smithers("resume", code=1)
    assert project.git("log", "--format=%s", "feat") == "smithers: build\nfirst"
    project.smithers("rerun", "stamp")  # queued until the resume
    project.write("go", "")
    project.smithers("resume")
    assert project.git("log", "--format=%s", "feat") == "smithers: build\nsmithers: build\nfirst"
    assert len(project.git("show", "feat:stamp").splitlines()) == 2
    assert len(project.git("worktree", "list").splitlines()) == 1


@pytest.mark.requirement("V-1")
def test_without_snapshots_and_without_a_repository_it_says_so(project: Project):
    project.write("plan.py", PLAN.replace(", snapshot_before=True, snapshot_after=True", ""))
    project.smithers("run", "plan.py")
    assert "has no snapshots" in project.smithers("snapshots")
    (project.root / ".git").rename(project.root.parent / "git")
    assert "E510" in project.smithers("snapshots", code=2)
