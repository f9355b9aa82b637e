"""The snapshots of an execution's steps, and the way back to one of them (V-1)."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from smithers_py.errors import UsageError
from smithers_py.harness.models import ReadModel
from smithers_py.harness.reader import Reader
from smithers_py.vcs.history import kept_of
from smithers_py.vcs.repo import Repo
from smithers_py.vcs.snapshots import StepRef, difference, restore

When = Literal["before", "after", "undo"]


class SnapshotView(ReadModel):
    """One row of `smithers snapshots`. `when`: before, after, commit, or undo (what a rollback found)."""

    execution_id: str
    node_id: str
    node: str
    incarnation: int
    when: str
    ref: str
    commit: str
    created_at: int
    workspace: str | None


class RollbackView(ReadModel):
    """What `smithers rollback --json` prints: `undo` is the snapshot of what was there."""

    execution_id: str
    node_id: str
    when: str
    commit: str
    workspace: str
    undo: str
    files: int
    added: int
    removed: int


@dataclass(frozen=True, slots=True)
class Rollback:
    """A rollback that was worked out and not done yet. `changes`: lines such as `M src/a.py`, of what it will do."""

    target: SnapshotView
    repo: Repo
    changes: list[str]


async def list_snapshots(reader: Reader, execution_id: str) -> list[SnapshotView]:
    """All snapshots and commits that the repository of the run still has, oldest first.

    Raises:
        NoRepositoryError: there is no git, or no repository where it ran.
    """
    config: dict[str, Any] = (await reader.execution(execution_id)).config or {}
    labels = await reader.node_labels(execution_id)
    repo = Repo.at(Path(config.get("workspace") or Path.cwd()))
    return [
        SnapshotView(
            execution_id=execution_id,
            node_id=one.node_id,
            node=labels.get(one.node_id, one.node_id),
            incarnation=one.incarnation,
            when=one.when,
            ref=one.ref,
            commit=one.commit,
            created_at=one.created_s * 1000,
            workspace=None if one.workspace is None else str(one.workspace),
        )
        for one in kept_of(repo, execution_id)
    ]


async def prepare_rollback(reader: Reader, execution_id: str, node: str, when: When | None, database: Path) -> Rollback:
    """Find the snapshot that is meant, and what going back to it would change. `when` None: before, else after.

    Raises:
        UsageError: there is none, several nodes are meant, an engine works on the execution, or the folder is gone.
        VcsError: git refuses.
    """
    target = _meant(await list_snapshots(reader, execution_id), node, when, execution_id)
    if await reader.has_engine(execution_id):
        raise UsageError(f"{execution_id} is running", hint=f"End it first: smithers stop {execution_id}")
    return _planned(target, database)


def roll_back(planned: Rollback) -> RollbackView:
    """Do it: keep what is there as another snapshot, then restore. Raises VcsError."""
    target = planned.target
    step = StepRef(target.execution_id, target.node_id, target.incarnation)
    undo_ref = step.ref(f"undo-{time.time_ns() // 1_000_000}")
    undo, stat = restore(planned.repo, target.commit, undo_ref, step.message("undo", planned.repo))
    return RollbackView(
        execution_id=target.execution_id,
        node_id=target.node_id,
        when=target.when,
        commit=target.commit,
        workspace=str(planned.repo.workspace),
        undo=undo.ref,
        **stat.fields(),
    )


def _planned(target: SnapshotView, database: Path) -> Rollback:
    folder = Path(target.workspace or "")
    if not folder.is_dir():
        raise UsageError(
            f"the folder {str(folder)!r} of that snapshot is gone",
            hint=f"Its files come back with: git worktree add FOLDER {target.commit}",
        )
    repo = Repo.at(folder, database)
    return Rollback(target, repo, difference(repo, target.commit))


def _meant(known: list[SnapshotView], node: str, when: When | None, execution_id: str) -> SnapshotView:
    """The latest snapshot of that kind of the node: by its id, the end or beginning of it, or its name."""
    known = [one for one in known if one.when != "commit"]
    hint = f"smithers snapshots {execution_id} lists them."
    ways = (
        [one for one in known if one.node_id == node],
        [one for one in known if one.node_id.endswith(f"/{node}") or one.node in (node, f"Step {node}")],
        [one for one in known if one.node_id.startswith(node)],
    )
    of_node = next((found for found in ways if found), [])
    if not of_node:
        raise UsageError(f"{execution_id} has no snapshot of a node {node!r}", hint=hint)
    ids = sorted({one.node_id for one in of_node})
    if len(ids) > 1:
        raise UsageError(f"{node!r} means {len(ids)} nodes", hint=f"Type one of these ids: {', '.join(ids[:5])}.")
    for wanted in (when,) if when is not None else ("before", "after"):
        found = [one for one in of_node if one.when == wanted]
        if found:
            return found[-1]
    raise UsageError(f"{of_node[0].node} has no snapshot {when or 'before or after'}", hint=hint)
