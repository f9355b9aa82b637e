"""A workspace that lies in a git repository, and what in it is not the user's work."""

import os
import re
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from smithers_py.errors import NoRepositoryError
from smithers_py.vcs.git import Git

REFS = "refs/smithers"
_LONGEST = 150


@dataclass(frozen=True)
class Repo:
    """The folder that work happens in: the whole of a repository's working tree, or a part of it."""

    workspace: Path
    """With every link resolved."""
    top: Path
    """The root of the working tree."""
    private: tuple[Path, ...] = ()
    """Files and folders that are no part of the work: the run's database, other working trees."""

    @classmethod
    def at(cls, workspace: Path, database: Path | None = None) -> "Repo":
        """The repository that a folder is in. What belongs to the run with this database is private, beside every
        `.smithers`.

        Raises:
            NoRepositoryError: there is none, it has no working tree here, or git is missing.
        """
        folder = workspace.resolve()
        found = Git(folder).try_("rev-parse", "--show-toplevel")
        if found.code:
            if "not a git repository" not in found.err and "work tree" not in found.err:
                # For one the owner of the folder is somebody else: git says what to type.
                raise NoRepositoryError(f"git does not work in {str(folder)!r}: {' '.join(found.err.split())}", hint="")
            raise NoRepositoryError(f"{str(folder)!r} is in no git repository")
        top = Path(found.out.removesuffix("\n"))
        return cls(folder, top, () if database is None else _files_of(Path(os.path.realpath(database))))

    @property
    def git(self) -> Git:
        """git in the workspace."""
        return Git(self.workspace)

    @cached_property
    def prefix(self) -> str:
        """The workspace below the root, with a slash at its end; "" when it is the root."""
        below = self.workspace.relative_to(self.top).as_posix()
        return "" if below == "." else f"{below}/"

    @cached_property
    def head(self) -> str | None:
        """The commit that is checked out; None in a repository without one."""
        done = self.git.try_("rev-parse", "-q", "--verify", "HEAD^{commit}")
        return done.out.strip() if done.code == 0 else None

    @cached_property
    def _left_out(self) -> tuple[str, ...]:
        trees = [entry.path for entry in worktrees_of(self.git) if entry.path != self.top]
        inside = [path for path in (*self.private, *trees) if self.top in path.parents]
        named = [_as_glob(path.relative_to(self.top).as_posix()) for path in inside]
        return ("top,glob)**/.smithers/**", *(f"top,glob){name}{end}" for name in named for end in ("", "/**")))

    @property
    def work(self) -> tuple[str, ...]:
        """The pathspecs of the user's work in the workspace."""
        return ".", *(f":(exclude,{spec}" for spec in self._left_out)

    @property
    def not_work(self) -> tuple[str, ...]:
        """The pathspecs of what `work` leaves out."""
        return tuple(f":({spec}" for spec in self._left_out)


def _as_glob(name: str) -> str:
    """A pattern of this very name. Its first character is escaped too: `git add` takes a plain name, even one that it
    is told to leave out, for one that somebody wants to add, and refuses if it is ignored.
    """
    rest = re.sub(r"[*?\[\\]", r"\\\g<0>", name[1:])
    return f"\\{name[0]}{rest}"


def _files_of(database: Path) -> tuple[Path, ...]:
    """The database's files, and the folder of logs beside it."""
    files = (database.with_name(f"{database.name}{end}") for end in ("", "-wal", "-shm"))
    return (*files, database.parent / "executions")


@dataclass(frozen=True, slots=True)
class WorktreeEntry:
    """A line of `git worktree list`: `branch` is a whole ref, None when detached."""

    path: Path
    branch: str | None = None
    locked: str | None = None
    gone: bool = False
    """Its folder is missing."""


def worktrees_of(git: Git) -> list[WorktreeEntry]:
    """The working trees of a repository, its main one first. Raises VcsError."""
    found: list[WorktreeEntry] = []
    for block in git.out("worktree", "list", "--porcelain").split("\n\n"):
        pairs = (line.partition(" ") for line in block.splitlines())
        fields = {name: value for name, _, value in pairs}
        if "worktree" in fields:
            entry = WorktreeEntry(
                Path(fields["worktree"]), fields.get("branch"), fields.get("locked"), "prunable" in fields
            )
            found.append(entry)
    return found


def ref_part(text: str) -> str:
    """A name as one part of a ref or a path, whatever is in it; readable where it can be, unique where it is long."""
    safe = quote(text, safe="").replace(".", "%2E").replace("~", "%7E")
    safe = f"%2D{safe[1:]}" if safe.startswith("-") else safe
    return safe if len(safe) <= _LONGEST else f"{safe[:_LONGEST]}%{sha256(text.encode()).hexdigest()[:16]}"
