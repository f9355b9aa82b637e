"""Where the work of a node happens: the folder of the run, or the worktree around the node (N-9).

A worktree is made when its first child starts, by that child's attempt: whatever was begun is found or mended by the
next attempt, in this process or after a kill, so it needs no record of its own. It is removed before its end is
written, for the same reason.
"""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence.crash import crash_point
from smithers_persistence.rows import EventRow
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run
from smithers_py.engine.task_state import state_of
from smithers_py.errors import VcsError
from smithers_py.nodes import NodeKind
from smithers_py.vcs import worktrees
from smithers_py.vcs.repo import Repo, ref_part

_FOLDER = ".smithers"


class Worktrees:
    """The worktrees of one execution. On the engine's thread; git itself runs in threads."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._lock = asyncio.Lock()
        self._made: dict[tuple[str, int], Path] = {}
        """The folders in which work begins, of the Worktrees that are ready."""
        self._leaving: set[asyncio.Task[None]] = set()

    def folder_of(self, inst: Any) -> Path | None:
        """The folder in which a node's code works, if it has a worktree that is there; None: that of the run."""
        around = _around(inst) if isinstance(inst, Instance) else None
        known = self._made.get(around.key) if around is not None else None
        return known if known is not None and known.is_dir() else None

    async def ready(self, inst: Instance) -> Path:
        """The folder for the work of a node; a worktree around it is made, found again or mended first.

        Raises:
            VcsError: git refuses; the node's attempt fails with it.
        """
        around = _around(inst)
        if around is None:
            return self._run.options.workspace
        async with self._lock:
            return self.folder_of(inst) or await self._prepare(around)

    def path(self, inst: Instance) -> Path:
        """Where the worktree of a Worktree node lies."""
        workspace = self._run.options.workspace
        given = inst.props.get("path")
        if given is not None:
            return workspace / given
        return workspace / _FOLDER / "worktrees" / self._run.execution_id / ref_part(inst.node_id)

    async def clean(self, inst: Instance) -> list[EventRow]:
        """Clean up after a Worktree as it says; what could not be removed is an event, for the work is done."""
        run, path, cleanup = self._run, self.path(inst), inst.props.get("cleanup", "keep")
        try:
            done = await asyncio.to_thread(worktrees.remove, run.options.workspace, path, cleanup)
        except VcsError as error:
            return [warning(run, inst, f"the worktree {path} was not removed: {error}")]
        if done is None:
            return []
        if done != "removed":
            return [warning(run, inst, f"the worktree {path} was {done}")]
        self._made.pop(inst.key, None)
        payload = orjson.dumps({"path": str(path), "branch": inst.props["branch"]}).decode()
        return [run.event("worktree.removed", inst.node_id, payload=payload)]

    def left(self, inst: Instance, unmounted: Iterable[Instance]) -> None:
        """A Worktree has left the plan: clean up once the work in it, which was cancelled, is over."""
        if inst.props.get("cleanup", "keep") == "keep":
            return
        states = [state_of(one) for one in unmounted if inst in one.ancestors()]
        jobs = [state.job for state in states if state is not None and state.job is not None]

        async def leave() -> None:
            if jobs:
                await asyncio.wait(jobs)
            events = await self.clean(inst)
            if events:
                await self._run.store.log(events)

        task = asyncio.create_task(leave(), name=f"clean up {inst.path_name}")
        self._leaving.add(task)
        task.add_done_callback(self._gone)

    async def close(self) -> None:
        """Wait for the clean-ups that are under way."""
        if self._leaving:
            await asyncio.wait(self._leaving)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._run.fail(error)

    async def _prepare(self, inst: Instance) -> Path:
        run, props = self._run, inst.props
        outer = _around(inst)
        source = run.options.workspace if outer is None else self.folder_of(inst) or await self._prepare(outer)
        wanted = worktrees.Wanted(props["branch"], self.path(inst), props.get("base"), own="path" not in props)
        made, folder = await asyncio.to_thread(_ensure, source, wanted, run.options.workspace)
        crash_point("worktree.after")
        self._made[inst.key] = folder
        message = f"{made.how} on branch {made.branch}: {made.path}"
        payload = {"message": message, "path": str(made.path), "branch": made.branch, "commit": made.commit}
        event = run.event(f"worktree.{made.how}", inst.node_id, payload=orjson.dumps(payload).decode())
        await run.store.log([event])
        return folder


def warning(run: Run, inst: Instance, text: str) -> EventRow:
    """Tell people, and the record, that version control did not do something; the plan goes on (V-1)."""
    run.observer.log("warning", f"{inst.path_name}: {text}")
    return run.event("vcs.warning", inst.node_id, level="warning", payload=orjson.dumps({"message": text}).decode())


def _around(inst: Instance) -> Instance | None:
    """The nearest Worktree above a node."""
    return next((above for above in inst.ancestors() if above.kind is NodeKind.WORKTREE), None)


def _ensure(source: Path, wanted: worktrees.Wanted, workspace: Path) -> tuple[worktrees.Made, Path]:
    """Make it ready; also the folder in it that the workspace is in its own working tree."""
    below = Repo.at(workspace).prefix
    if wanted.own:
        # Readable for its owner only, as the database makes it.
        (workspace / _FOLDER).mkdir(mode=0o700, exist_ok=True)
    made = worktrees.ensure(source, wanted)
    folder = (made.path / below).resolve()
    if not folder.is_relative_to(made.path):
        # A link that is checked out there must not lead the work elsewhere.
        return made, made.path
    folder.mkdir(parents=True, exist_ok=True)
    return made, folder
