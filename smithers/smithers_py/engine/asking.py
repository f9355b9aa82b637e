"""Questions of running tasks to people: durable, waited for without work, answered from anywhere (P-1, P-2).

A question is a row. Its answer is written by whoever gives it (harness/approvals.py) and seen by the process's watching
thread; here only the one task that asked waits for it.
"""

import asyncio
import sqlite3
from collections import Counter
from datetime import datetime
from typing import NamedTuple

import orjson

from smithers_persistence import people, writes
from smithers_persistence.people import ApprovalRecord, NewApproval
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run
from smithers_py.workers.control import Answer, AskRequest

HUMAN, APPROVAL, TIMER = "human", "approval", "timer"
OF_PEOPLE = frozenset({HUMAN, APPROVAL})
"""What a task is blocked by when a person must act."""
RESTS = OF_PEOPLE | {TIMER}
"""What a task is blocked by while nothing can be done but wait, however long: the run is `waiting` then."""


class Blocked(NamedTuple):
    """What a running task waits for, and until when (wall clock, ms) if that is known."""

    reason: str
    until_ms: int | None = None

    def __str__(self) -> str:
        """For people: `rate_limit until 14:00:05`, in their own time."""
        if self.until_ms is None:
            return self.reason
        return f"{self.reason} until {datetime.fromtimestamp(self.until_ms / 1000).astimezone():%H:%M:%S}"


class Questions:
    """The open questions of one execution. On the engine's thread only."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.open: dict[int, asyncio.Future[ApprovalRecord]] = {}
        self._asking: Counter[Instance] = Counter()
        """How many open questions each task has: an agent may call several tools at once."""

    async def ask(self, inst: Instance, request: AskRequest) -> Answer:
        """The answer to a question of this node: the one that is there, or the one that comes.

        Raises CancelledError when the task was cancelled; unless the run ends with it, the question is withdrawn.
        """
        row, told = await self._row(inst, request)
        if row.status != "pending":
            return _answer(row)
        if not told:
            self.run.on_waiting.tell(inst, row)
        waiter: asyncio.Future[ApprovalRecord] = asyncio.get_running_loop().create_future()
        self.open[row.id] = waiter
        self.run.commands.watch_answer(row.id)
        self._asking[inst] += 1
        self.run.tasks.block(inst, blocked_by(request))
        try:
            return _answer(await waiter)
        except asyncio.CancelledError:
            if not self._is_kept(inst):
                await self._withdraw(inst, row.id)
            raise
        finally:
            del self.open[row.id]
            if not self._is_kept(inst):
                self.run.on_waiting.drop(row.id)
            self._asking[inst] -= 1
            if not self._asking[inst]:
                del self._asking[inst]
                self.run.tasks.block(inst, None)
            self.run.commands.forget_answer(row.id)

    def answered(self, row: ApprovalRecord) -> None:
        """A person answered."""
        waiter = self.open.get(row.id)
        if waiter is not None and not waiter.done():
            waiter.set_result(row)

    async def refuse(self, inst: Instance, request: AskRequest, why: str) -> None:
        """The answer does not fit what was asked: it is taken back, and the question says why."""
        payload = orjson.dumps(request.payload | {"refused": why}, default=str).decode()
        event = self.run.event(
            "approval.refused", inst.node_id, level="warning", payload=orjson.dumps({"why": why}).decode()
        )

        def again(conn: sqlite3.Connection) -> None:
            row = people.find(conn, self.run.execution_id, *inst.key, request.key)
            if row is not None:
                people.reopen(conn, self.run.execution_id, row.id, payload)
            writes.insert_events(conn, self.run.execution_id, [event])

        await self.run.store.apply(again, "approval.refused", durable=True)

    async def _row(self, inst: Instance, request: AskRequest) -> tuple[ApprovalRecord, bool]:
        """The question as stored, and whether nobody needs to be told of it."""
        run, tells = self.run, self.run.on_waiting.is_on
        payload = orjson.dumps(request.payload, default=str).decode()
        new = NewApproval(*inst.key, request.key, request.kind, request.title, payload, run.clock.now_ms())
        told = orjson.dumps({"kind": request.kind, "title": request.title}).decode()

        def ask(conn: sqlite3.Connection) -> tuple[ApprovalRecord, bool]:
            row, is_new = people.ask(conn, run.execution_id, new)
            if is_new:
                # Asked again after a restart it is the same question, which was told already.
                event = run.event("approval.requested", inst.node_id, payload=told)
                writes.insert_events(conn, run.execution_id, [event])
            return row, not tells or (not is_new and people.is_told(conn, row))

        return await run.store.apply(ask, "approval.asked", durable=True)

    def _is_kept(self, inst: Instance) -> bool:
        """A run that is stopped can be resumed, and then its questions are still open."""
        ending = self.run.ending
        return self.run.fatal is not None or (ending is not None and ending.status != "completed" and inst.alive)

    async def _withdraw(self, inst: Instance, approval_id: int) -> None:
        run = self.run
        event = run.event("approval.cancelled", inst.node_id)

        def withdraw(conn: sqlite3.Connection) -> None:
            if people.cancel(conn, approval_id):
                writes.insert_events(conn, run.execution_id, [event])

        await run.store.apply(withdraw, "approval.withdrawn")


def blocked_by(request: AskRequest) -> str:
    """The reason that a node shows while the question is open."""
    return HUMAN if request.kind == "human_review" else APPROVAL


def _answer(row: ApprovalRecord) -> Answer:
    output = None if row.output_json is None else orjson.loads(row.output_json)
    return Answer(row.status == "approved", row.comment, output, row.answered_by)
