"""What a Step does with git: snapshots before and after its work, a commit after it (N-2, V-1).

The snapshot before is made by the first attempt that starts in the step, and only if there is none: what a resumed step
finds is no longer what was there before. The one after and the commit are made in the effects phase before the step's
end is written: an engine that dies in between does it again, and finds the commit.
"""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence.crash import crash_point
from smithers_persistence.rows import EventRow
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run
from smithers_py.engine.task_state import state_of
from smithers_py.engine.worktrees import warning
from smithers_py.errors import VcsError
from smithers_py.nodes import NodeKind
from smithers_py.vcs import snapshots
from smithers_py.vcs.repo import Repo

Told = tuple[str, dict[str, Any]]
"""The type and the payload of an event."""
Work = Callable[[Repo, snapshots.StepRef], Told | None]


class StepVcs:
    """The snapshots and commits of one execution's steps."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = asyncio.Lock()
        self._begun: set[tuple[str, int]] = set()

    async def before(self, inst: Instance) -> None:
        """Make the snapshots that must be there before the work of a node starts; at most a warning comes of it."""
        for step in reversed(list(inst.ancestors())):
            if step.kind is not NodeKind.STEP or not step.desc.snapshot_before or step.key in self._begun:
                continue
            async with self._lock:
                if step.key not in self._begun:
                    events = await self._do(step, _before)
                    self._begun.add(step.key)
                    if events:
                        await self._run.store.log(events)

    async def after(self, step: Instance) -> list[EventRow]:
        """The snapshot and the commit after a step whose work has succeeded, as events for the flush of its end."""
        events: list[EventRow] = []
        if step.desc.snapshot_after:
            events += await self._do(step, _after)
        if step.desc.commit_after:
            message = step.desc.commit_message or f"smithers: {step.desc.name}"
            work = _work_of(step)
            events += await self._do(step, lambda repo, ref: _commit(repo, ref, message, work))
        crash_point("vcs.after")
        return events

    async def _do(self, step: Instance, work: Work) -> list[EventRow]:
        run = self._run
        ref = snapshots.StepRef(run.execution_id, *step.key)
        try:
            folder = await run.worktrees.ready(step)
            told = await asyncio.to_thread(_in_repo, folder, run.options.db_path, ref, work)
        except (VcsError, OSError) as error:
            return [warning(run, step, f"no snapshot or commit was made: {error}")]
        if told is None:
            return []
        kind, payload = told
        payload["workspace"] = str(folder)
        return [run.event(kind, step.node_id, payload=orjson.dumps(payload).decode())]


def _in_repo(folder: Path, database: Path, ref: snapshots.StepRef, work: Work) -> Told | None:
    return work(Repo.at(folder, database), ref)


def _before(repo: Repo, step: snapshots.StepRef) -> Told | None:
    return None if snapshots.has_ref(repo, step.ref("before")) else _snapshot(repo, step, "before", None)


def _after(repo: Repo, step: snapshots.StepRef) -> Told:
    return _snapshot(repo, step, "after", step.ref("before"))


def _snapshot(repo: Repo, step: snapshots.StepRef, when: str, since: str | None) -> Told:
    made = snapshots.take_snapshot(repo, step.ref(when), step.message(when, repo), since=since)
    payload: dict[str, Any] = {"message": f"{when}: {made.stat}", "when": when, "ref": made.ref, "commit": made.commit}
    return "vcs.snapshot", payload | made.stat.fields()


def _work_of(step: Instance) -> str:
    """Tells the work that a commit is of from other work of the same step: a rerun or retry has another incarnation or
    attempt, and is committed too; a resume finds both as they were.
    """
    states = ((inst.key, state_of(inst)) for inst in step.walk())
    done = [[*key, state.attempt] for key, state in states if state is not None]
    return sha256(orjson.dumps(done)).hexdigest()[:12]


def _commit(repo: Repo, step: snapshots.StepRef, message: str, work: str) -> Told:
    text = f"{message.rstrip()}\n\n{step.trailer()}\n"
    made = snapshots.commit_work(repo, step.ref(f"commit-{work}"), text)
    if made is None:
        return "vcs.commit", {"message": "nothing to commit", "commit": None}
    told = f"{made.commit[:10]} on {made.branch or 'no branch'}: {message} ({made.stat})"
    payload: dict[str, Any] = {"message": told, "commit": made.commit, "branch": made.branch}
    return "vcs.commit", payload | made.stat.fields()
