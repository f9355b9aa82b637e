"""Snapshots of a workspace as git commits that no branch holds, commits of its work, and the way back (V-1).

A snapshot is made with an index of its own, so nobody's index, branch, HEAD or stash changes. It holds what is tracked
and what is new; what git ignores is left out, and so is everything private of Smithers. A ref below refs/smithers keeps
it from being collected. A commit moves the branch and the ref that says that it was made in one step: after a kill
either both are there or neither.
"""

import shutil
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from smithers_py.errors import VcsError
from smithers_py.vcs.git import Git
from smithers_py.vcs.repo import REFS, Repo, ref_part

_NOBODY = "0" * 40
_UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase",
}
_OURS = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Smithers"), ("EMAIL", "smithers@localhost"))
}


@dataclass(frozen=True, slots=True)
class StepRef:
    """Whose snapshots these are: a node of an execution, in one incarnation."""

    execution_id: str
    node_id: str
    incarnation: int

    def ref(self, what: str) -> str:
        """The ref of a snapshot or commit of the step."""
        return f"{REFS}/{ref_part(self.execution_id)}/{ref_part(self.node_id)}/{self.incarnation}/{what}"

    def message(self, when: str, repo: Repo) -> str:
        """The message of a snapshot: what it is, of whom, and where."""
        return f"smithers: {when}\n\n{self.trailer()}\nSmithers-Workspace: {quote(str(repo.workspace))}\n"

    def trailer(self) -> str:
        """What the commit says of whom it is."""
        return f"Smithers-Step: {ref_part(self.execution_id)}/{ref_part(self.node_id)}@{self.incarnation}"


@dataclass(frozen=True, slots=True)
class Stat:
    """How much two states differ: files, and lines of text."""

    files: int
    added: int
    removed: int

    def __str__(self) -> str:
        """As people read it: `2 files, +10 -3`."""
        return f"{self.files} file{'' if self.files == 1 else 's'}, +{self.added} -{self.removed}"

    def fields(self) -> dict[str, int]:
        """For records."""
        return {"files": self.files, "added": self.added, "removed": self.removed}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A commit that holds the workspace; `stat` is its difference to what it was compared with."""

    ref: str
    commit: str
    stat: Stat


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit on the branch (None: HEAD was detached)."""

    commit: str
    branch: str | None
    stat: Stat
    again: bool = False
    """It was there already: the engine died after it made it."""


def has_ref(repo: Repo, ref: str) -> bool:
    """Whether the snapshot is there. Raises VcsError."""
    return repo.git.succeeds("rev-parse", "-q", "--verify", ref)


def take_snapshot(repo: Repo, ref: str, message: str, *, since: str | None = None) -> Snapshot:
    """Keep the workspace as it is now under `ref`, instead of what that kept before.

    Args:
        repo: where.
        ref: its name.
        message: the commit's message, trailers and all.
        since: what its `stat` is told against: a ref that may be missing, else HEAD.

    Raises:
        VcsError: git refuses, for one because a file cannot be read.
    """
    with own_index(repo) as git:
        tree = _work_tree(repo, git, whole=False)
    return _keep(repo, tree, ref, message, since)


def commit_work(repo: Repo, ref: str, message: str) -> Commit | None:
    """Commit all work of the workspace on the current branch; None when there is nothing to commit.

    `ref` marks it as made: a second call finds it and does nothing. No hook runs and nothing is signed.

    Raises:
        VcsError: a merge or the like is under way, or git refuses.
    """
    made = repo.git.try_("rev-parse", "-q", "--verify", ref)
    if made.code == 0:
        commit = made.out.strip()
        return Commit(commit, _branch(repo), _stat(repo, f"{commit}~", commit), again=True)
    for name, what in _UNDER_WAY.items():
        if (repo.workspace / repo.git.out("rev-parse", "--git-path", name)).exists():
            raise VcsError(f"{what} is under way in {str(repo.top)!r}", hint="Finish it, then commit by hand.")
    with own_index(repo) as git:
        tree = _work_tree(repo, git, whole=True)
    if tree == _tree_of(repo, repo.head):
        return None
    # First, for after the commit the index must not say that the work is undone; twice does no harm.
    repo.git.out("add", "-A", "--", *repo.work)
    parent = () if repo.head is None else ("-p", repo.head)
    known = all(repo.git.succeeds("config", "--get", f"user.{field}") for field in ("name", "email"))
    commit = Git(repo.workspace, {} if known else _OURS).out("commit-tree", tree, *parent, "-F", "-", given=message)
    moves = f"update HEAD {commit} {repo.head or _NOBODY}\ncreate {ref} {commit}\n"
    first = message.partition("\n")[0][:200]
    repo.git.out("update-ref", "-m", f"commit: {first}", "--stdin", given=moves)
    return Commit(commit, _branch(repo), _stat(repo, repo.head, commit))


def difference(repo: Repo, commit: str) -> list[str]:
    """What going back to a snapshot would do, a line for each file: `M name`, `A name` (made), `D name` (removed)."""
    with own_index(repo) as git:
        now = _work_tree(repo, git, whole=False)
        found = git.out("diff-tree", "-r", "-z", "--name-status", "--no-renames", now, _placed(repo, now, commit))
    words = found.split("\0")
    return [f"{status} {name}" for status, name in zip(words[::2], words[1::2], strict=False)]


def restore(repo: Repo, commit: str, undo_ref: str, message: str) -> tuple[Snapshot, Stat]:
    """Make the workspace what a snapshot holds, and keep what is there now under `undo_ref` first.

    Files that the snapshot does not have are removed, unless git ignores them. Returns the snapshot of now, and how
    much was changed.

    Raises:
        VcsError: git refuses; what was there is kept under `undo_ref` if that was made.
    """
    with own_index(repo) as git:
        now = _work_tree(repo, git, whole=False)
        target = _placed(repo, now, commit)
        hidden = _ignored_below(repo, now, target)
        if hidden:
            # Ignored now, but in the snapshot: the way back would write over them.
            literal = Git(repo.top, git.env | {"GIT_LITERAL_PATHSPECS": "1"})
            literal.out("add", "-f", "--pathspec-from-file=-", "--pathspec-file-nul", given="\0".join(hidden))
            now = git.out("write-tree")
        undo = _keep(repo, now, undo_ref, message, commit)
        stat = _stat(repo, now, target)
        # Not --reset: what is the same in both is left alone, whatever it is on disk, and a file that changed since
        # it was kept stops git before it has done anything.
        Git(repo.top, git.env).out("read-tree", "-m", "-u", now, target)
    return undo, stat


@contextmanager
def own_index(repo: Repo) -> Generator[Git]:
    """git with an index of its own. It begins as a copy of the user's, whose time stamps spare reading every file."""
    with tempfile.TemporaryDirectory(prefix="smithers-index-") as folder:
        path = Path(folder) / "index"
        users = repo.workspace / repo.git.out("rev-parse", "--git-path", "index")
        if users.exists():
            # With its own time: git looks closer at files that changed in the second in which the index was written.
            shutil.copy2(users, path)
        git = Git(repo.workspace, {"GIT_INDEX_FILE": str(path)})
        git.out("read-tree", *(("--empty",) if repo.head is None else ("--reset", repo.head)))
        yield git


def _work_tree(repo: Repo, git: Git, *, whole: bool) -> str:
    """The tree of HEAD with the workspace as it is. Unless `whole`, without what is not work though it is tracked:
    then going back to it can never touch that.
    """
    if not whole and repo.head is not None:
        git.out("rm", "-r", "-q", "-f", "--cached", "--ignore-unmatch", "--", *repo.not_work)
    git.out("add", "-A", "--", *repo.work)
    return git.out("write-tree")


def _placed(repo: Repo, now: str, commit: str) -> str:
    """The tree of now with the workspace as the snapshot has it: beside the workspace nothing goes back."""
    if not repo.prefix:
        return repo.git.out("rev-parse", "--verify", f"{commit}^{{tree}}")
    with own_index(repo) as git:
        git.out("read-tree", "--reset", now)
        git.out("rm", "-r", "-q", "-f", "--cached", "--ignore-unmatch", "--", ".")
        inside = f"{commit}:{repo.prefix.removesuffix('/')}"
        if git.succeeds("rev-parse", "-q", "--verify", inside):
            git.out("read-tree", f"--prefix={repo.prefix}", inside)
        return git.out("write-tree")


def _ignored_below(repo: Repo, now: str, target: str) -> list[str]:
    """Files on disk that are in the target and not in now."""
    names = repo.git.out("diff-tree", "-r", "-z", "--name-only", "--no-renames", "--diff-filter=A", now, target)
    return [name for name in names.split("\0") if name and (repo.top / name).is_file()]


def _keep(repo: Repo, tree: str, ref: str, message: str, since: str | None) -> Snapshot:
    parent = () if repo.head is None else ("-p", repo.head)
    commit = Git(repo.workspace, _OURS).out("commit-tree", tree, *parent, "-F", "-", given=message)
    repo.git.out("update-ref", ref, commit)
    known = since is not None and has_ref(repo, since)
    return Snapshot(ref, commit, _stat(repo, since if known else repo.head, commit))


def _branch(repo: Repo) -> str | None:
    done = repo.git.try_("symbolic-ref", "-q", "--short", "HEAD")
    return done.out.strip() if done.code == 0 else None


def _tree_of(repo: Repo, commit: str | None) -> str:
    if commit is None:
        return repo.git.out("hash-object", "-t", "tree", "--stdin")
    return repo.git.out("rev-parse", f"{commit}^{{tree}}")


def _stat(repo: Repo, old: str | None, new: str) -> Stat:
    """The difference of two states; of the first commit of a repository, all it holds."""
    known = old is not None and repo.git.succeeds("rev-parse", "-q", "--verify", old)
    before = old if known and old is not None else _tree_of(repo, None)
    names = repo.git.out("diff-tree", "-r", "-z", "--numstat", "--no-renames", before, new)
    lines = [line.split("\t", 2) for line in names.split("\0") if line]
    return Stat(len(lines), sum(_count(line[0]) for line in lines), sum(_count(line[1]) for line in lines))


def _count(text: str) -> int:
    """Lines; of a binary file git gives none."""
    return int(text) if text.isdigit() else 0
