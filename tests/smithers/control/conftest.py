"""A plan that runs while another connection, as another process would, asks it, answers it and tells it what to do."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smithers_persistence import Database, commands, people, reads
from smithers_persistence.commands import CommandRecord
from smithers_persistence.people import ApprovalRecord
from smithers_persistence.records import EventRecord, ExecutionRecord, TaskRecord
from smithers_persistence.tail import Tail, tail_events
from smithers_py.engine.results import RunResult
from smithers_py.harness.approvals import answer_approval, find_approval, list_approvals
from smithers_py.harness.commands import send_command
from smithers_py.harness.models import ApprovalView, CommandView
from smithers_py.harness.reader import Reader
from smithers_py.harness.run_state import task_word
from smithers_py.testing import run_plan

SECONDS = 30


class Outside:
    """What another process sees of the one execution in a database, and what it can do to it."""

    def __init__(self, db: Database, execution_id: str) -> None:
        self.db = db
        self.id = execution_id
        self.reader = Reader(db)
        self.seen: list[EventRecord] = []
        self._tail: Tail[EventRecord] = tail_events(db, execution_id)

    async def event(self, kind: str, node: str | None = None) -> EventRecord:
        """Wait for the next event of that type, and node; none is skipped over twice."""
        async with asyncio.timeout(SECONDS):
            while True:
                for index, row in enumerate(self.seen):
                    if row.type == kind and (node is None or row.node_id == node):
                        del self.seen[: index + 1]
                        return row
                self.seen += await self._tail.next()

    async def tell(self, verb: str, node: str | None = None, **args: Any) -> CommandView:
        return await send_command(self.db, self.id, verb, node=node, args=args or None, wait_seconds=SECONDS)

    async def answer(self, node: str, approved: bool, **more: Any) -> ApprovalView:
        asked = find_approval(await list_approvals(self.reader, self.id), node)
        return await answer_approval(self.db, asked, approved=approved, **more)

    async def execution(self) -> ExecutionRecord:
        return await self.db.read(lambda conn: reads.get_execution(conn, self.id))

    async def task(self, node: str) -> TaskRecord:
        rows = await self.db.read(lambda conn: reads.tasks(conn, self.id))
        return next(row for row in reversed(rows) if row.node_id == node)

    async def word(self, node: str) -> str:
        return task_word(await self.task(node))

    async def state(self, key: str) -> Any:
        return (await self.reader.state(self.id, everything=True)).get(key)

    async def approvals(self) -> list[ApprovalRecord]:
        return await self.db.read(lambda conn: people.approvals(conn, self.id))

    async def commands(self) -> list[CommandRecord]:
        return await self.db.read(lambda conn: commands.commands(conn, self.id))

    def close(self) -> None:
        self._tail.close()


class Started:
    """An observer that tells when there is an execution."""

    def __init__(self) -> None:
        self.id: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def started(self, execution_id: str, name: str) -> None:
        self.id.set_result(execution_id)

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_: None


class Live(Outside):
    """The same, of an execution that runs in this test; `result()` waits for its end."""

    work: "asyncio.Task[RunResult]"

    async def result(self) -> RunResult:
        async with asyncio.timeout(SECONDS):
            return await self.work


@asynccontextmanager
async def running(app: Any, *, folder: Path, wait: bool = True, **options: Any) -> AsyncGenerator[Live]:
    path = folder / "db.sqlite"
    started = Started()
    work = asyncio.create_task(run_plan(app, db_path=path, observer=started, wait=wait, **options))
    await asyncio.wait([started.id, work], return_when=asyncio.FIRST_COMPLETED)
    db = await Database.open(path)
    live = Live(db, await started.id)
    live.work = work
    try:
        yield live
    finally:
        work.cancel()
        await asyncio.wait([work])
        live.close()
        await db.close()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Live]]:
    """`async with run(app, **options) as live`: the plan runs in the background."""
    return partial(running, folder=tmp_path)
