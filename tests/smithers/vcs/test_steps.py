"""Snapshots and commits of steps in a run."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from vcs_project import Project

from smithers_py import Command, Human, Phase, Step, Worktree, plan
from smithers_py.engine.results import RunResult
from smithers_py.testing import run_plan


def play(project: Project, app: Any) -> RunResult:
    return asyncio.run(run_plan(app, db_path=project.root / ".smithers" / "db.sqlite", workspace=project.root))


@pytest.mark.requirement("N-2", "V-1")
def test_a_step_keeps_what_was_before_and_after_and_commits(project: Project):
    @plan
    def app(ctx: Any):
        with Phase("p"):
            with Step("build", id="b", snapshot_before=True, snapshot_after=True, commit_after=True):
                Command("echo two > a.txt", id="one")
                Command("echo new > new.txt", id="two")
            with Step("idle", commit_after=True):
                Command("true", id="three")
            with Step("named", commit_after=True, commit_message="Say what was done"):
                Command("rm new.txt", id="four")

    result = play(project, app)
    assert result.status == "completed"
    base = f"refs/smithers/{result.execution_id}/b/0"
    assert project.git("show", f"{base}/before:a.txt") == "one"
    assert project.git("show", f"{base}/after:a.txt") == "two"
    assert project.git("log", "--format=%s") == "Say what was done\nsmithers: build\nfirst"
    assert f"Smithers-Step: {result.execution_id}/b@0" in project.git("log", "-1", "--format=%b", "HEAD~1")
    assert project.git("status", "--porcelain", "--", ".", ":!.smithers") == ""
    events = project.events("vcs.")
    assert [(event["type"], event.get("when"), event.get("files")) for event in events] == [
        ("vcs.snapshot", "before", 0),
        ("vcs.snapshot", "after", 2),
        ("vcs.commit", None, 2),
        ("vcs.commit", None, None),
        ("vcs.commit", None, 1),
    ]
    assert events[3]["message"] == "nothing to commit"
    assert events[4]["branch"] == "main"


@pytest.mark.requirement("N-2", "V-1")
def test_a_step_that_failed_commits_nothing(project: Project):
    @plan
    def app(ctx: Any):
        with Step("build", snapshot_before=True, commit_after=True):
            Command("echo bad > a.txt; exit 1", id="one")

    assert play(project, app).status == "failed"
    assert project.git("log", "--format=%s") == "first"
    assert [event["type"] for event in project.events("vcs.")] == ["vcs.snapshot"]


@pytest.mark.requirement("V-1")
def test_without_a_repository_the_plan_goes_on_with_a_warning(tmp_path: Path):
    @plan
    def app(ctx: Any):
        with Step("build", snapshot_before=True, snapshot_after=True, commit_after=True):
            Command("true", id="one").on_finished(lambda r: ctx.state.set("done", True))

    folder = tmp_path / "plain"
    folder.mkdir()
    result = asyncio.run(run_plan(app, db_path=folder / "db.sqlite", workspace=folder))
    assert (result.status, result.errors) == ("completed", [])


@pytest.mark.requirement("V-1")
def test_a_step_of_a_worktree_commits_on_its_branch(project: Project):
    @plan
    def app(ctx: Any):
        with Worktree("feat", cleanup="remove-if-clean"), Step("build", snapshot_before=True, commit_after=True):
            Command("echo new > new.txt", id="one")

    assert play(project, app).status == "completed"
    assert project.git("log", "--format=%s", "feat") == "smithers: build\nfirst"
    assert project.git("log", "--format=%s", "main") == "first"
    assert len(project.git("worktree", "list").splitlines()) == 1


@pytest.mark.requirement("V-1")
def test_a_step_that_waits_for_a_person_first_has_its_snapshot_before_its_first_work(project: Project):
    @plan
    def app(ctx: Any):
        with Phase("p"), Step("s", snapshot_before=True):
            Human("ask", "go on?")

    assert play(project, app).status == "waiting"
    assert project.events("vcs.") == []
