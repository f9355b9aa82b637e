"""Runs the user's own command when a person is asked something: `on_waiting` of the configuration (Z-28).

Beside the run, never in it: the command is started when the question is stored, is ended after `SECONDS`, and what goes
wrong with it is a warning. `approval.told` is the record that stops it from running again for the same question.
"""

import asyncio
import shlex
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence.people import ApprovalRecord
from smithers_py.agents.tools.environment import Environment
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Run
from smithers_py.errors import NotToldError, TaskError
from smithers_py.workers.command import CommandSpec, run_command

TOLD, UNTOLD = "approval.told", "approval.untold"
SECONDS = 10.0
"""What the command has; then its group is ended."""
_AT_ONCE = 4
_GRACE_SECONDS = 1.0
_LONGEST = 1_000
"""Characters of a title: the system bounds what an environment may hold."""


class OnWaiting:
    """The commands that tell people of one execution's questions. On the engine's thread only."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._telling: dict[int, asyncio.Task[None]] = {}
        self._begun: set[int] = set()

    @property
    def is_on(self) -> bool:
        """Off unless the configuration names a command."""
        return bool(self._run.options.config.on_waiting)

    def tell(self, inst: Instance, row: ApprovalRecord) -> None:
        """Run the command for a question that is open and that nobody was told of."""
        if row.id in self._telling:
            return
        task = asyncio.create_task(self._tell(inst, row), name=f"on_waiting of {inst.path_name}")
        self._telling[row.id] = task
        task.add_done_callback(lambda done: self._over(row.id, done))

    def drop(self, approval_id: int) -> None:
        """The question is answered or withdrawn: a command that has not begun is not needed."""
        if approval_id not in self._begun and (task := self._telling.get(approval_id)) is not None:
            task.cancel()

    def cancel(self) -> None:
        """End what still runs: SIGTERM, then SIGKILL to its group."""
        for task in self._telling.values():
            task.cancel()

    async def close(self, *, leave: bool) -> None:
        """Wait for what still runs. `leave`: the engine goes and the questions stay, so somebody must be told."""
        if not leave:
            self.cancel()
        if self._telling:
            await asyncio.wait(list(self._telling.values()))

    async def _tell(self, inst: Instance, row: ApprovalRecord) -> None:
        run = self._run
        async with self._slots:
            self._begun.add(row.id)
            spec = _command(run, row)
            try:
                await run_command(spec, _Unheard())
            except TaskError as error:
                await self._failed(inst, row, error)
                return
        told = orjson.dumps({"approval": row.id, "title": row.title}).decode()
        await run.store.log([run.event(TOLD, inst.node_id, payload=told)])

    async def _failed(self, inst: Instance, row: ApprovalRecord, why: TaskError) -> None:
        """A warning: one line and one event, and nothing else."""
        run = self._run
        redact = Environment(run.options.config.tools.env_deny).redact
        text = " ".join(redact(why.message).split())
        error = NotToldError(f"nobody was told that {inst.path_name} waits: {text}")
        error.locate(execution_id=run.execution_id, node=inst.node_id)
        run.observer.log("warning", f"{error.message} ({error.code})")
        payload = {"approval": row.id, "message": error.message, "error": error.to_json()}
        event = run.event(UNTOLD, inst.node_id, level="warning", payload=orjson.dumps(payload).decode())
        await run.store.log([event])

    def _over(self, approval_id: int, done: "asyncio.Task[None]") -> None:
        self._telling.pop(approval_id, None)
        self._begun.discard(approval_id)
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._run.fail(error)


class _Unheard:
    """The command's output is not the run's; only its last line is told, when it fails."""

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Ignored."""

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        """Nothing to record: it may end by itself when its engine has died, and nothing waits for it."""


def _command(run: Run, row: ApprovalRecord) -> CommandSpec:
    config, database = run.options.config, run.options.db_path.absolute()
    more = f"{row.id} --db {shlex.quote(str(database))}"
    title, approve, deny = row.title[:_LONGEST], f"smithers approve {more}", f"smithers deny {more}"
    question = {
        "execution_id": run.execution_id,
        "name": run.name,
        "approval": row.id,
        "node_id": row.node_id,
        "kind": row.kind,
        "title": title,
        "asked_at": row.asked_at,
        "approve": approve,
        "deny": deny,
        "database": str(database),
    }
    folder: Path = config.file.parent if config.file is not None else run.options.workspace
    env = {
        "SMITHERS_QUESTION": orjson.dumps(question).decode(),
        "SMITHERS_EXECUTION": run.execution_id,
        "SMITHERS_NODE": row.node_id,
        "SMITHERS_KIND": row.kind,
        "SMITHERS_TITLE": title,
        "SMITHERS_APPROVE": approve,
        "SMITHERS_DENY": deny,
        "SMITHERS_DB": str(database),
    }
    return CommandSpec(
        argv=list(config.on_waiting),
        cwd=folder,
        env={name: value.replace("\0", "") for name, value in env.items()},
        timeout=SECONDS,
        grace_seconds=_GRACE_SECONDS,
        output_limit=10_000,
        called="on_waiting",
    )
