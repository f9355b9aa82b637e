"""What is kept of an execution in a repository: its snapshots and commits, read from the refs (V-1)."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from smithers_py.vcs.repo import REFS, Repo, ref_part

_FORMAT = "%(refname)%00%(objectname)%00%(committerdate:unix)%00%(contents)%1e"
_NODE = re.compile(r"^Smithers-Step: [^/]*/(.*)@(\d+)$", re.MULTILINE)
_WHERE = re.compile(r"^Smithers-Workspace: (.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Kept:
    """A ref of a step. `when`: before, after, commit, or undo (what a rollback found)."""

    ref: str
    commit: str
    when: str
    node_id: str
    incarnation: int
    created_s: int
    """Seconds since the Unix epoch."""
    workspace: Path | None
    """The folder that it is of; None for a commit."""


def kept_of(repo: Repo, execution_id: str) -> list[Kept]:
    """All that is kept of an execution, oldest first. Raises VcsError."""
    found: list[Kept] = []
    for record in repo.git.out("for-each-ref", f"--format={_FORMAT}", f"{REFS}/{ref_part(execution_id)}/").split(
        "\x1e"
    ):
        fields = record.lstrip("\n").split("\0", 3)
        if len(fields) < 4 or (step := _NODE.search(fields[3])) is None:
            continue
        ref, commit, created, message = fields
        where = _WHERE.search(message)
        when = ref.rpartition("/")[2].partition("-")[0]
        workspace = Path(unquote(where[1])) if where else None
        found.append(Kept(ref, commit, when, unquote(step[1]), int(step[2]), int(created), workspace))
    order = ("before", "after", "commit", "undo")
    return sorted(found, key=lambda one: (one.created_s, order.index(one.when) if one.when in order else 0, one.ref))
