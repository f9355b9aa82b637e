"""Everything a surface may ask about executions, answered from the database in read models.

Each answer is read in one snapshot, so a frame that lands meanwhile is wholly in it or not at all.
"""

import difflib
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from smithers_persistence import Database, UnknownExecution, frame_store, people, reads, reads_agents, state_fold
from smithers_persistence.owner import owner_alive
from smithers_persistence.records import ExecutionRecord, NodeRecord
from smithers_py.errors import ExecutionNotFoundError, UsageError
from smithers_py.harness import convert
from smithers_py.harness.labels import node_label
from smithers_py.harness.models import (
    Execution,
    ExecutionSummary,
    FrameSnapshot,
    FrameTrace,
    FrameView,
    Inspection,
    PlanNode,
    RunState,
    TransitionView,
)
from smithers_py.harness.run_state import has_engine, is_over, run_state
from smithers_py.harness.store import open_database

LATEST = "latest"
_SUGGESTIONS = 3
_RECENT = 200
_SHORT_ID = 8


@asynccontextmanager
async def open_reader(path: Path) -> AsyncGenerator["Reader", None]:
    """A reader of the database at `path`. Raises UsageError if there is none, StoreError if it cannot be read."""
    async with open_database(path) as db:
        yield Reader(db)


class Reader:
    """Reads one database. Methods raise StoreError when it cannot be read; ids are whole ids, as `resolve` gives."""

    def __init__(self, db: Database) -> None:
        self.db = db

    async def resolve(self, asked: str) -> str:
        """The id of the execution that is meant by an id, a unique beginning of one, or "latest".

        Raises ExecutionNotFoundError, with the nearest ids, when there is none, UsageError when several begin so.
        """
        return await self.db.read(lambda conn: _resolve(conn, asked))

    async def executions(self, *, limit: int = 20, status: str | None = None) -> list[ExecutionSummary]:
        """The latest `limit` executions, of that stored status if one is given, oldest first."""
        rows = await self.db.read(lambda conn: reads.list_executions(conn, limit=limit, status=status))
        now = _now()
        summaries = [
            convert.execution_summary(row, run_state(row, (), now, owner_alive=owner_alive(row.owner_ident)).state, now)
            for row in rows
        ]
        return sorted(summaries, key=lambda one: (one.created_at, one.execution_id))

    async def run_state(self, execution_id: str) -> RunState:
        """What the execution is doing now."""

        def work(conn: sqlite3.Connection) -> RunState:
            row = _execution(conn, execution_id)
            tasks = reads.tasks(conn, execution_id)
            return run_state(row, tasks, _now(), owner_alive=owner_alive(row.owner_ident))

        return await self.db.read(work)

    async def is_over(self, execution_id: str) -> bool:
        """Whether nobody works on the execution any more. Reads one row, for those who ask often."""

        def work(conn: sqlite3.Connection) -> bool:
            row = _execution(conn, execution_id)
            return is_over(run_state(row, (), _now(), owner_alive=owner_alive(row.owner_ident)))

        return await self.db.read(work)

    async def has_engine(self, execution_id: str) -> bool:
        """Whether an engine works on the execution, so that it could answer."""

        def work(conn: sqlite3.Connection) -> bool:
            row = _execution(conn, execution_id)
            return has_engine(row, _now(), owner_alive=owner_alive(row.owner_ident))

        return await self.db.read(work)

    async def family(self, execution_id: str) -> list[str]:
        """The execution and its children, whose ids begin with its own (Z-11)."""
        rows = await self.db.read(lambda conn: reads.find_executions(conn, execution_id, limit=10_000))
        return [row.execution_id for row in rows]

    async def execution(self, execution_id: str) -> Execution:
        """What is stored about the execution itself."""

        def work(conn: sqlite3.Connection) -> Execution:
            row = _execution(conn, execution_id)
            return convert.execution(row, row.status, _now())

        return await self.db.read(work)

    async def inspect(self, execution_id: str) -> Inspection:
        """The execution with its nodes, tasks and agents."""

        def work(conn: sqlite3.Connection) -> Inspection:
            row = _execution(conn, execution_id)
            now = _now()
            tasks = reads.tasks(conn, execution_id)
            state = run_state(row, tasks, now, owner_alive=owner_alive(row.owner_ident))
            return Inspection(
                execution=convert.execution(row, state.state, now),
                run_state=state,
                nodes=[convert.node(one) for one in reads.nodes(conn, execution_id)],
                tasks=[convert.task(one, now) for one in tasks],
                agents=[convert.agent(one) for one in reads.agents(conn, execution_id)],
                tool_calls=[convert.tool_call(one) for one in reads_agents.tool_calls(conn, execution_id)],
                approvals=[convert.approval(one) for one in people.approvals(conn, execution_id)],
            )

        return await self.db.read(work)

    async def node_labels(self, execution_id: str) -> dict[str, str]:
        """What to call each node, by id: its type and name, or the beginning of its id."""
        rows = await self.db.read(lambda conn: reads.nodes(conn, execution_id))
        return {row.node_id: _distinct_label(row) for row in rows}

    async def stored_errors(self, execution_id: str) -> dict[str, dict[str, Any]]:
        """By node id, the last error among the events: also what no task row tells, as a handler's error.

        The one that ended the execution itself (a render that raised) has the node id "".
        """
        rows = await self.db.read(lambda conn: reads.events(conn, execution_id))
        found: dict[str, dict[str, Any]] = {}
        for row in rows:
            payload = convert.decoded(row.payload_json)
            if row.type.startswith("execution.") and isinstance(payload, dict) and "error" in payload:
                found[""] = payload["error"]
            elif row.level == "error" and row.node_id and payload and "message" in payload:
                found[row.node_id] = payload
        return found

    async def outdated(self, execution_id: str) -> dict[str, int]:
        """By node id, when (ms since the epoch) a changed script last left a running node as it had started (Z-19)."""
        rows = await self.db.read(lambda conn: reads.events(conn, execution_id))
        return {row.node_id: row.timestamp for row in rows if row.type == "node.outdated" and row.node_id}

    async def head_plan(self, execution_id: str) -> list[PlanNode]:
        """The plan of the last frame, in plan order; empty before the first frame."""

        def work(conn: sqlite3.Connection) -> list[PlanNode]:
            head = _execution(conn, execution_id).head_frame
            return [] if head < 0 else convert.plan_nodes(frame_store.plan_at(conn, execution_id, head).flat())

        return await self.db.read(work)

    async def state(self, execution_id: str, *, frame: int | None = None, everything: bool = False) -> dict[str, Any]:
        """Every key and its value: now, or as that frame saw it. `everything`: the engine's `$` keys too.

        Raises UsageError when there is no such frame.
        """

        def work(conn: sqlite3.Connection) -> dict[str, Any]:
            if frame is None:
                return _values(state_fold.current_state(conn, execution_id), everything=everything)
            _check_frame(_execution(conn, execution_id), frame)
            return _values(state_fold.state_at(conn, execution_id, frame), everything=everything)

        return await self.db.read(work)

    async def transitions(
        self, execution_id: str, *, frame: int | None = None, key: str | None = None, everything: bool = False
    ) -> list[TransitionView]:
        """The changes of the state, oldest first; of one frame or one key if given. `everything`: `$` keys too."""
        first, last = (-1, reads.LAST_FRAME) if frame is None else (frame, frame)
        rows = await self.db.read(lambda conn: reads.transitions(conn, execution_id, first, last, key))
        return [convert.transition(row) for row in rows if everything or not row.key.startswith("$")]

    async def frames(self, execution_id: str) -> list[FrameView]:
        """The frames, oldest first. The state given at the start (frame -1) is no frame."""
        rows = await self.db.read(lambda conn: reads.frames(conn, execution_id))
        return [convert.frame(row) for row in rows]

    async def traced(self, execution_id: str, first: int) -> list[FrameTrace]:
        """The frames from `first` on, with what ran in them."""

        def work(conn: sqlite3.Connection) -> list[FrameTrace]:
            rows = reads.frames(conn, execution_id, first)
            names = {row.node_id: row.name or row.node_id for row in reads.nodes(conn, execution_id)} if rows else {}
            ran: dict[int, list[str]] = {}
            for run in reads.scope_runs(conn, execution_id, first):
                why = f" ({', '.join(run.changed)})" if run.changed else ""
                ran.setdefault(run.frame_index, []).append(f"{names.get(run.node_id, 'the entry')}{why}")
            return [FrameTrace(**dict(convert.frame(row)), ran=ran.get(row.frame_index, [])) for row in rows]

        return await self.db.read(work)

    async def frame(self, execution_id: str, frame: int, *, everything: bool = False) -> FrameSnapshot:
        """One frame with its whole plan and the state it saw. Raises UsageError when there is no such frame."""

        def work(conn: sqlite3.Connection) -> FrameSnapshot:
            _check_frame(_execution(conn, execution_id), frame)
            row = reads.frames(conn, execution_id, frame, frame)[0]
            return FrameSnapshot(
                **dict(convert.frame(row)),
                plan=convert.plan_nodes(frame_store.plan_at(conn, execution_id, frame).flat()),
                state=_values(state_fold.state_at(conn, execution_id, frame), everything=everything),
            )

        return await self.db.read(work)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _execution(conn: sqlite3.Connection, execution_id: str) -> ExecutionRecord:
    try:
        return reads.get_execution(conn, execution_id)
    except UnknownExecution as error:
        raise ExecutionNotFoundError(execution_id) from error


def _resolve(conn: sqlite3.Connection, asked: str) -> str:
    if asked == LATEST:
        newest = reads.list_executions(conn, limit=1, status=None)
        if not newest:
            raise ExecutionNotFoundError(asked, hint="Nothing was run in this database yet: smithers run SCRIPT")
        # A child is part of what a person ran, and began after it.
        latest = newest[0]
        while latest.parent_id is not None:
            latest = reads.get_execution(conn, latest.parent_id)
        return latest.execution_id
    found = [row.execution_id for row in reads.find_executions(conn, asked)] if asked else []
    if asked in found:
        return asked
    if len(found) == 1:
        return found[0]
    if found:
        raise UsageError(
            f"{asked!r} is the beginning of {len(found)} executions", hint=f"Type more of it: {', '.join(found[:5])}."
        )
    recent = [row.execution_id for row in reads.list_executions(conn, limit=_RECENT, status=None)]
    near = difflib.get_close_matches(asked, recent, n=_SUGGESTIONS, cutoff=0.5)
    raise ExecutionNotFoundError(asked, near)


def _distinct_label(row: NodeRecord) -> str:
    label = node_label(row.node_type, row.name, row.node_id, {})
    return label if label != row.node_type else f"{label} {row.node_id[:_SHORT_ID]}"


def _check_frame(row: ExecutionRecord, frame: int) -> None:
    if not 0 <= frame <= row.head_frame:
        known = f"It has frames 0 to {row.head_frame}." if row.head_frame >= 0 else "It has no frames yet."
        raise UsageError(f"execution {row.execution_id} has no frame {frame}", hint=known)


def _values(texts: dict[str, str], *, everything: bool) -> dict[str, Any]:
    return {key: convert.decoded(texts[key]) for key in sorted(texts) if everything or not key.startswith("$")}
