"""Worktrees below the engine, on real repositories."""

import shutil
from pathlib import Path

import pytest
from vcs_project import Project

from smithers_py.errors import BranchInUseError, VcsError
from smithers_py.vcs.worktrees import Wanted, ensure, remove


@pytest.fixture
def wanted(project: Project) -> Wanted:
    return Wanted("feat", project.root / ".smithers" / "worktrees" / "run" / "node")


@pytest.mark.requirement("N-9")
def test_it_is_made_found_again_and_removed_but_for_the_branch(project: Project, wanted: Wanted):
    made = ensure(project.root, wanted)
    assert (made.how, (wanted.path / "a.txt").read_text()) == ("made", "one\n")
    assert ensure(project.root, wanted).how == "found"
    assert remove(project.root, wanted.path, "remove-if-clean") == "removed"
    assert remove(project.root, wanted.path, "remove-if-clean") is None
    assert not wanted.path.exists()
    assert project.git("branch", "--list", "feat").strip() == "feat"
    assert ensure(project.root, wanted).how == "made"


@pytest.mark.requirement("N-9")
def test_what_is_not_committed_goes_only_when_told(project: Project, wanted: Wanted):
    ensure(project.root, wanted)
    (wanted.path / "new.txt").write_text("precious")
    assert remove(project.root, wanted.path, "keep") is None
    assert remove(project.root, wanted.path, "remove-if-clean") == "kept: it has changes that are not committed"
    assert (wanted.path / "new.txt").exists()
    assert remove(project.root, wanted.path, "remove") == "removed"


@pytest.mark.requirement("N-9")
def test_commits_that_no_branch_has_are_kept(project: Project, wanted: Wanted):
    ensure(project.root, wanted)
    inside = Project.__new__(Project)
    inside.root = wanted.path
    inside.git("checkout", "-q", "--detach")
    inside.git("commit", "-q", "--allow-empty", "-m", "loose")
    assert remove(project.root, wanted.path, "remove-if-clean") == "kept: it has commits that are on no branch"


@pytest.mark.requirement("N-9")
def test_a_half_made_one_and_one_whose_folder_is_gone_are_mended(project: Project, wanted: Wanted):
    # As git leaves it when it is killed while it checks out.
    project.git("worktree", "add", "-q", "--no-checkout", "--lock", "-b", "feat", str(wanted.path))
    (project.root / ".git" / "worktrees" / "node" / "locked").write_text("initializing")
    assert not (wanted.path / "a.txt").exists()
    assert ensure(project.root, wanted).how == "mended"
    assert (wanted.path / "a.txt").exists()
    shutil.rmtree(wanted.path)
    assert ensure(project.root, wanted).how == "mended"
    assert (wanted.path / "a.txt").exists()


@pytest.mark.requirement("N-9")
def test_a_branch_that_is_checked_out_elsewhere_names_the_place_and_the_command(project: Project, wanted: Wanted):
    with pytest.raises(BranchInUseError, match="main is checked out in") as caught:
        ensure(project.root, Wanted("main", wanted.path))
    assert f"git worktree remove '{project.root}'" in caught.value.hint
    first = ensure(project.root, wanted)
    with pytest.raises(BranchInUseError, match="feat"):
        ensure(project.root, Wanted("feat", project.root.parent / "second"))
    shutil.rmtree(first.path)
    assert ensure(project.root, Wanted("feat", project.root.parent / "second")).how == "made"


@pytest.mark.requirement("N-9")
@pytest.mark.parametrize("branch", ["-b", "--help", "a b", "x..y", "a^", "@{-1}", ".x", "a.lock", "/"])
def test_names_that_are_none_for_a_branch(project: Project, wanted: Wanted, branch: str):
    with pytest.raises(VcsError, match="git allows no branch"):
        ensure(project.root, Wanted(branch, wanted.path))
    assert len(project.git("worktree", "list").splitlines()) == 1


@pytest.mark.requirement("N-9")
@pytest.mark.parametrize("branch", ["fix/ü", "feature/a-b", "HEAD2", "a'b;c$d"])
def test_names_that_are_odd_but_allowed(project: Project, branch: str):
    path = project.root.parent / "-odd place é"
    assert ensure(project.root, Wanted(branch, path, own=False)).how == "made"
    assert remove(project.root, path, "remove-if-clean") == "removed"


@pytest.mark.requirement("N-9")
def test_a_base_begins_the_branch_and_a_wrong_one_is_told(project: Project, wanted: Wanted):
    first = project.git("rev-parse", "HEAD")
    project.git("commit", "-q", "--allow-empty", "-m", "second")
    assert ensure(project.root, Wanted("feat", wanted.path, base="HEAD~1")).commit == first
    for base in ("--help", "nowhere", "main:a.txt"):
        with pytest.raises(VcsError, match="is no commit of this repository"):
            ensure(project.root, Wanted("other", wanted.path.with_name("other"), base=base))


@pytest.mark.requirement("N-9")
def test_another_thing_at_the_path_is_left_alone(project: Project, tmp_path: Path):
    taken = project.write("taken/file", "mine\n").parent
    with pytest.raises(VcsError, match="no worktree of this repository is at"):
        ensure(project.root, Wanted("feat", taken, own=False))
    other = tmp_path / "other"
    ensure(project.root, Wanted("feat", other, own=False))
    with pytest.raises(VcsError, match="has feat checked out, not fix"):
        ensure(project.root, Wanted("fix", other, own=False))
    with pytest.raises(VcsError, match="has main checked out"):
        ensure(project.root, Wanted("fix", project.root, own=False))
    assert remove(project.root, project.root, "remove") is None
