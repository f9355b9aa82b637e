"""Making, finding, mending and removing git worktrees (N-9). A branch is never removed."""

import os
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Literal

from smithers_py.errors import BranchInUseError, VcsError
from smithers_py.vcs.git import Git
from smithers_py.vcs.repo import WorktreeEntry, worktrees_of

Cleanup = Literal["keep", "remove", "remove-if-clean"]
_HALF_MADE = "initializing"
"""How git locks a worktree while it makes it."""
_one_at_a_time = Lock()


@dataclass(frozen=True, slots=True)
class Wanted:
    """A worktree of `branch` at `path`; a new branch begins at `base` (None: at HEAD of the folder it is made from).

    `own`: the path is ours alone, so whatever is checked out there is what the work before has left.
    """

    branch: str
    path: Path
    base: str | None = None
    own: bool = True


@dataclass(frozen=True, slots=True)
class Made:
    """What `ensure` did: found it, made it, or mended what a kill left half made."""

    path: Path
    branch: str
    commit: str
    how: Literal["found", "made", "mended"]


def ensure(folder: Path, wanted: Wanted) -> Made:
    """Find the worktree or make it, from a folder in the repository. Doing it twice does no harm.

    Raises:
        NoRepositoryError: no git, or no repository.
        BranchInUseError: another working tree has the branch.
        VcsError: the name is none for a branch, `base` is no commit, something else is at the path, git refuses.
    """
    git, path = Git(folder), Path(os.path.realpath(wanted.path))
    if wanted.branch.startswith("-") or not git.succeeds("check-ref-format", f"refs/heads/{wanted.branch}"):
        raise VcsError(f"git allows no branch of the name {wanted.branch!r}", hint="Leave out spaces, '..' and ~^:?*[.")
    with _one_at_a_time:
        how: Literal["made", "mended"] = "made"
        branch = f"refs/heads/{wanted.branch}"
        for entry in worktrees_of(git):
            if entry.path == path:
                if not (entry.gone or entry.locked == _HALF_MADE):
                    return _found(wanted, entry)
                how = "mended"
            elif entry.branch != branch:
                continue
            elif not entry.gone:
                raise BranchInUseError(wanted.branch, str(entry.path))
            _forget(git, entry.path)
        _make(git, wanted, path)
        return Made(path, wanted.branch, _head(path), how)


def remove(folder: Path, path: Path, cleanup: Cleanup) -> str | None:
    """Remove the worktree at `path` as `cleanup` says; returns what was done, None when there was nothing to do.

    What is not committed goes only with "remove".

    Raises:
        VcsError: git refuses for another reason than changes.
    """
    path = Path(os.path.realpath(path))
    git = Git(folder)
    with _one_at_a_time:
        if cleanup == "keep" or all(entry.path != path for entry in worktrees_of(git)[1:]):
            return None
        if cleanup == "remove":
            _forget(git, path)
        elif path.is_dir() and (kept := _worth_keeping(path)) is not None:
            return f"kept: {kept}"
        else:
            git.out("worktree", "remove", str(path))
    return "removed"


def _found(wanted: Wanted, entry: WorktreeEntry) -> Made:
    if not wanted.own and entry.branch != f"refs/heads/{wanted.branch}":
        has = entry.branch.removeprefix("refs/heads/") if entry.branch else "no branch"
        raise VcsError(
            f"the worktree {str(entry.path)!r} has {has} checked out, not {wanted.branch}",
            hint=f"Give the Worktree another path, or: git -C {entry.path} switch {wanted.branch}",
        )
    return Made(entry.path, wanted.branch, _head(entry.path), "found")


def _make(git: Git, wanted: Wanted, path: Path) -> None:
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise VcsError(
            f"something that is no worktree of this repository is at {str(path)!r}",
            hint="Move it away, or give the Worktree another path.",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    if git.succeeds("rev-parse", "-q", "--verify", f"refs/heads/{wanted.branch}"):
        git.out("worktree", "add", "--", str(path), wanted.branch)
        return
    base = wanted.base if wanted.base is not None else "HEAD"
    start = git.try_("rev-parse", "-q", "--verify", "--end-of-options", f"{base}^{{commit}}")
    if start.code:
        hint = (
            "Make a first commit: git commit --allow-empty -m first" if wanted.base is None else "git log shows some."
        )
        raise VcsError(f"{base!r} is no commit of this repository", hint=hint)
    commit = start.out.split()[-1]
    git.out("worktree", "add", "--no-track", "-b", wanted.branch, "--", str(path), commit)


def _forget(git: Git, path: Path) -> None:
    """Remove a worktree with all that is in it, locked, half made or missing as it may be."""
    git.try_("worktree", "unlock", str(path))
    git.out("worktree", "remove", "--force", "--force", str(path))


def _worth_keeping(path: Path) -> str | None:
    """Why a worktree is not clean: changes, new files, or commits that no branch has."""
    git = Git(path)
    if git.out("status", "--porcelain", "--untracked-files=normal"):
        return "it has changes that are not committed"
    if not git.out("for-each-ref", "--contains", "HEAD", "--count=1", "refs/heads", "refs/tags", "refs/remotes"):
        return "it has commits that are on no branch"
    return None


def _head(path: Path) -> str:
    return Git(path).out("rev-parse", "HEAD")
