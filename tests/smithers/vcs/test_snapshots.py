"""Snapshots and commits, on real repositories."""

import os
import subprocess
from pathlib import Path

import pytest
from vcs_project import Project

from smithers_py.errors import NoRepositoryError, VcsError
from smithers_py.vcs.history import kept_of
from smithers_py.vcs.repo import Repo
from smithers_py.vcs.snapshots import Snapshot, StepRef, commit_work, restore, take_snapshot

STEP = StepRef("run1", "build", 0)


def snapshot(repo: Repo, when: str = "before", step: StepRef = STEP) -> Snapshot:
    return take_snapshot(repo, step.ref(when), step.message(when, repo))


def here(project: Project) -> Repo:
    return Repo.at(project.root)


@pytest.mark.requirement("V-1", "N-2")
def test_a_snapshot_holds_changed_and_new_files_and_touches_nothing_of_the_users(project: Project):
    project.write("staged.txt", "staged\n")
    project.git("add", "staged.txt")
    project.write("a.txt", "two\n")
    project.write("sub/new é.txt", "new\n")
    project.write("noise.log", "ignored\n")
    project.write(".smithers/db.sqlite", "ours\n")
    before = project.untouched()
    made = snapshot(here(project))
    assert project.untouched() == before
    assert project.git("stash", "list") == ""
    names = project.git("-c", "core.quotePath=false", "ls-tree", "-r", "--name-only", made.ref).splitlines()
    assert names == [".gitignore", "a.txt", "staged.txt", "sub/new é.txt"]
    assert project.git("show", f"{made.ref}:a.txt") == "two"
    assert str(made.stat) == "3 files, +3 -1"


@pytest.mark.requirement("V-1")
def test_a_change_in_the_second_of_the_last_git_command_is_seen(project: Project):
    project.git("config", "core.trustctime", "false")
    long_ago = (1_700_000_000, 1_700_000_000)
    file, index = project.root / "a.txt", project.root / ".git" / "index"
    os.utime(file, long_ago)
    project.git("update-index", "--refresh")
    file.write_text("two\n")  # of the same size
    for path in (file, index):
        os.utime(path, long_ago)
    assert project.git("show", f"{snapshot(here(project)).ref}:a.txt") == "two"


@pytest.mark.requirement("V-1")
def test_going_back_restores_removed_changed_and_new_files_and_can_be_undone(project: Project):
    project.write("new.txt", "new\n")
    kept = snapshot(here(project))
    project.write("a.txt", "spoilt\n")
    (project.root / "new.txt").unlink()
    project.write("later.txt", "later\n")
    project.write("keep.log", "ignored\n")
    before = project.untouched()
    undo, stat = restore(here(project), kept.commit, STEP.ref("undo-1"), "undo")
    assert (project.read("a.txt"), project.read("new.txt")) == ("one\n", "new\n")
    assert project.files() == [".gitignore", "a.txt", "keep.log", "new.txt"]
    assert project.untouched() == before
    assert stat.files == 3
    restore(here(project), undo.commit, STEP.ref("undo-2"), "undo")
    assert project.read("a.txt") == "spoilt\n"
    assert project.files() == [".gitignore", "a.txt", "keep.log", "later.txt"]


@pytest.mark.requirement("V-1")
def test_what_is_ignored_now_and_in_the_snapshot_is_kept_before_it_is_written_over(project: Project):
    project.write("data.bin", "old\n")
    kept = snapshot(here(project))
    project.write("data.bin", "precious\n")
    project.write(".gitignore", "*.log\ndata.bin\n")
    undo, _ = restore(here(project), kept.commit, STEP.ref("undo-1"), "undo")
    assert project.read("data.bin") == "old\n"
    assert project.git("show", f"{undo.commit}:data.bin") == "precious"


@pytest.mark.requirement("V-1")
def test_in_a_subfolder_only_that_folder_is_kept_and_restored(project: Project):
    project.write("part/x.txt", "x\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "part")
    repo = Repo.at(project.root / "part")
    kept = snapshot(repo)
    project.write("part/x.txt", "changed\n")
    project.write("part/y.txt", "y\n")
    project.write("a.txt", "changed beside\n")
    restore(Repo.at(project.root / "part"), kept.commit, STEP.ref("undo-1"), "undo")
    assert project.read("a.txt") == "changed beside\n"
    assert project.read("part/x.txt") == "x\n"
    assert not (project.root / "part/y.txt").exists()
    project.write("part/y.txt", "y\n")
    done = commit_work(Repo.at(project.root / "part"), STEP.ref("commit-1"), "part only")
    assert done is not None
    assert project.git("show", "--name-only", "--format=", "HEAD") == "part/y.txt"


@pytest.mark.requirement("V-1")
def test_the_database_is_never_in_a_snapshot_even_where_it_is_tracked(project: Project):
    database = project.write("runs/db.sqlite", "first\n")
    project.write(".smithers/old.sqlite", "tracked by mistake\n")
    project.git("add", "-A", "-f")
    project.git("commit", "-qm", "oops")
    repo = Repo.at(project.root, database)
    project.write("runs/executions/1/logs/x", "log\n")
    kept = snapshot(repo)
    assert project.git("ls-tree", "-r", "--name-only", kept.ref).split() == [".gitignore", "a.txt"]
    project.write("runs/db.sqlite", "second\n")
    project.write(".smithers/old.sqlite", "second\n")
    restore(Repo.at(project.root, database), kept.commit, STEP.ref("undo-1"), "undo")
    assert (project.read("runs/db.sqlite"), project.read(".smithers/old.sqlite")) == ("second\n", "second\n")
    assert commit_work(Repo.at(project.root, database), STEP.ref("commit-1"), "nothing") is None


@pytest.mark.requirement("V-1")
@pytest.mark.parametrize("folder", [".smithers", "runs", "[r]*ns?", "sub/é x"])
def test_what_is_private_may_be_ignored_by_git_or_not(project: Project, folder: str):
    database = project.write(f"{folder}/db.sqlite", "x\n")
    project.git("worktree", "add", "-q", "-b", "inner", f"{folder}/inner")
    project.write("new.txt", "new\n")
    expected = [".gitignore", "a.txt", "new.txt"]
    for ignored in ("*.log\n", ".smithers/\nruns/\n[[]r]*\nsub/\n", "*.sqlite\n"):
        project.write(".gitignore", ignored)
        kept = snapshot(Repo.at(project.root, database))
        assert project.git("ls-tree", "-r", "--name-only", kept.ref).splitlines() == expected
        assert commit_work(Repo.at(project.root, database), STEP.ref(f"commit-{len(ignored)}"), "x") is not None
        assert project.git("ls-tree", "-r", "--name-only", "HEAD").splitlines() == expected
        restore(Repo.at(project.root, database), kept.commit, STEP.ref("undo-1"), "undo")
    assert database.read_text() == "x\n"
    assert (project.root / folder / "inner" / "a.txt").exists()


@pytest.mark.requirement("N-2", "V-1")
def test_a_commit_is_made_once_and_leaves_a_clean_tree(project: Project):
    project.write("new.txt", "new\n")
    project.write("x.log", "ignored\n")
    done = commit_work(here(project), STEP.ref("commit-1"), f"say it\n\n{STEP.trailer()}\n")
    assert done is not None
    assert (done.branch, done.again, str(done.stat)) == ("main", False, "1 file, +1 -0")
    assert project.git("status", "--porcelain") == ""
    assert project.git("log", "-1", "--format=%an|%s|%(trailers:key=Smithers-Step,valueonly)") == (
        "Ada|say it|run1/build@0"
    )
    project.write("later.txt", "by somebody else\n")
    again = commit_work(here(project), STEP.ref("commit-1"), "say it")
    assert again is not None
    assert (again.commit, again.again) == (done.commit, True)
    assert project.git("log", "--format=%s") == "say it\nfirst"
    assert commit_work(here(project), STEP.ref("commit-2"), "") is not None
    assert commit_work(here(project), STEP.ref("commit-3"), "nothing is left") is None


@pytest.mark.requirement("V-1")
def test_a_repository_without_a_commit_or_a_branch_or_a_name_works_too(tmp_path: Path, project: Project):
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    subprocess.run(["git", "init", "-q", str(fresh)], check=True)
    (fresh / "x").write_text("x\n")
    kept = snapshot(Repo.at(fresh))
    assert kept.stat.files == 1
    (fresh / "x").unlink()
    restore(Repo.at(fresh), kept.commit, STEP.ref("undo-1"), "undo")
    first = commit_work(Repo.at(fresh), STEP.ref("commit-1"), "first")
    assert first is not None
    assert first.stat.files == 1
    project.git("checkout", "-q", "--detach")
    project.write("b.txt", "b\n")
    detached = commit_work(here(project), STEP.ref("commit-1"), "loose")
    assert detached is not None
    assert detached.branch is None


@pytest.mark.requirement("V-1")
def test_no_commit_is_made_in_the_middle_of_a_merge(project: Project):
    for branch, text in (("other", "other\n"), ("main", "mine\n")):
        project.git("checkout", "-q", *(["-b"] if branch == "other" else []), branch)
        project.write("a.txt", text)
        project.git("commit", "-qam", branch)
    merged = subprocess.run(["git", "merge", "other"], cwd=project.root, capture_output=True, check=False)
    assert merged.returncode == 1
    with pytest.raises(VcsError, match="a merge is under way"):
        commit_work(here(project), STEP.ref("commit-1"), "no")
    assert snapshot(here(project)).stat.files == 1


@pytest.mark.requirement("V-1")
@pytest.mark.parametrize(
    "name", ["-f", "--", "a b", "é/ü", "x..y~1^{}", "a/b.lock", "q\nSmithers-Step: x/y@1", "n" * 400]
)
def test_hostile_names_of_nodes_and_files(project: Project, name: str):
    file = name.replace("/", "_")[:200]
    project.write(file, "hostile\n")
    step = StepRef("run-ü", name, 3)
    kept = snapshot(here(project), step=step)
    (project.root / file).unlink()
    restore(here(project), kept.commit, step.ref("undo-1"), step.message("undo", here(project)))
    assert project.read(file) == "hostile\n"
    found = kept_of(here(project), "run-ü")
    assert {one.when for one in found} == {"before", "undo"}
    assert {one.incarnation for one in found} == {3}
    assert {one.workspace for one in found} == {project.root}
    if len(name) < 100:
        assert {one.node_id for one in found} == {name}


@pytest.mark.requirement("V-1")
def test_hooks_do_not_run_and_variables_do_not_mislead(
    project: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    for hook in ("pre-commit", "post-commit", "reference-transaction", "post-checkout"):
        path = project.write(f".git/hooks/{hook}", f"#!/bin/sh\ntouch {tmp_path / 'ran'}\n")
        path.chmod(0o755)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    project.write("new.txt", "new\n")
    assert commit_work(here(project), STEP.ref("commit-1"), "x") is not None
    assert not (tmp_path / "ran").exists()


@pytest.mark.requirement("V-1")
def test_outside_of_a_repository_and_without_git_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(NoRepositoryError, match="is in no git repository") as caught:
        Repo.at(tmp_path)
    assert "git init" in caught.value.hint
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoRepositoryError, match="git is not installed"):
        Repo.at(tmp_path)
