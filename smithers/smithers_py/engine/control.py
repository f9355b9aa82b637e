"""The engine's end of a running task: stream events, process records, conversations (G-2, G-3, Z-10)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from typing import Any

import orjson

from smithers_persistence import PersistenceError
from smithers_persistence.records import AgentSession
from smithers_persistence.rows import AgentRow, StreamRow, ToolCallRow
from smithers_py.engine.instance import Instance
from smithers_py.engine.journal import journal_text
from smithers_py.engine.run import Run, ToolWrites
from smithers_py.engine.telling import told_of
from smithers_py.engine.tool_writes import with_lost_writes_open
from smithers_py.engine.triggers import Trigger
from smithers_py.state.actions import Action
from smithers_py.workers.control import Answer, AskRequest

_BATCH = 64
_FLUSH_SECONDS = 0.05


class TaskControl:
    """Collects what a task emits and writes it in batches (20 Hz or 64 events), apart from frames."""

    def __init__(self, run: Run, inst: Instance, attempt: int) -> None:
        self.task_id = f"{run.execution_id}/{inst.node_id}/{inst.mounted_frame}"
        self._run = run
        self._inst = inst
        self.attempt = attempt
        self.agent: AgentRow | None = None
        """Of an agent that is over: how it ended, for the record of the attempt's end."""
        self._loop = asyncio.get_running_loop()
        self._rows: list[StreamRow] = []
        self._lock = Lock()
        self._armed = False
        self._writing: asyncio.Task[None] | None = None

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Record one stream event; may be called from any thread."""
        text = orjson.dumps(payload, default=str).decode()
        row = StreamRow(
            self._inst.node_id, self._inst.mounted_frame, self.attempt, kind, text, self._run.clock.now_ms()
        )
        with self._lock:
            self._rows.append(row)
            first, self._armed = not self._armed, True
        self._loop.call_soon_threadsafe(self._emitted, kind, payload, first)

    async def record_process(self, pid: int, pgid: int, start_time: str, boot_id: str) -> None:
        """Commit the process group before the program may start."""
        process = {"pid": pid, "pgid": pgid, "start_time": start_time, "boot_id": boot_id}
        await self._run.store.record_process(
            self._inst.node_id, self._inst.mounted_frame, self.attempt, orjson.dumps(process).decode()
        )

    async def ask(self, request: AskRequest) -> Answer:
        """Ask a person and wait for the answer (P-1)."""
        return await self._run.questions.ask(self._inst, request)

    def blocked(self, reason: str | None, until_ms: int | None = None) -> None:
        """Show the node as blocked(reason) (E-3)."""
        self._run.tasks.block(self._inst, reason, until_ms)

    async def load_session(self) -> AgentSession | None:
        """What earlier attempts of this agent said and did (G-3)."""
        if self.attempt == 1 and self._run.store.holder.epoch == 1:
            return None
        return with_lost_writes_open(await self._run.store.load_session(*self._inst.key))

    async def forget_session(self) -> None:
        """Drop their messages and tool calls."""
        await self._run.store.forget_session(*self._inst.key)

    async def checkpoint(self, row: AgentRow, wrote: ToolCallRow | None = None, actions: Sequence[Action] = ()) -> None:
        """Store an agent's run as it stands; what the tool call `wrote` did to state is applied by the next flush."""
        journal = journal_text(actions)
        if wrote is not None and journal is not None:
            noted = replace(wrote, journal_json=journal)
            row = replace(row, tools=[noted if call is wrote else call for call in row.tools])
        await self._run.store.checkpoint(*self._inst.key, self.attempt, row)
        if wrote is not None and actions:
            self._run.tool_writes.append(ToolWrites(self._inst, wrote.turn, wrote.call_id, list(actions)))
            self._run.post(Trigger("task", self._inst.node_id))

    def ends_with(self, row: AgentRow) -> None:
        """Keep how an agent ended for the record of the attempt's end."""
        self.agent = row

    async def close(self) -> None:
        """Write what is left; called once, after the work ended."""
        if self._writing is not None:
            await asyncio.shield(self._writing)
        if self._rows:
            await self._write()

    def _emitted(self, kind: str, payload: dict[str, Any], first: bool) -> None:
        inst = self._inst
        told = told_of(kind, payload)
        if told is not None:
            self._run.observer.output(inst.node_id, kind, told)
        if "on_progress" in inst.handlers:
            self._run.progress.setdefault(inst, []).append({"kind": kind, **payload})
            self._run.post(Trigger("progress", inst.node_id))
        if first or len(self._rows) >= _BATCH:
            delay = _FLUSH_SECONDS if len(self._rows) < _BATCH else 0
            self._loop.call_later(delay, self._flush)

    def _flush(self) -> None:
        # Nothing is left where the task has ended meanwhile, and perhaps the loop with it.
        if self._rows and (self._writing is None or self._writing.done()):
            self._writing = asyncio.create_task(self._write())

    async def _write(self) -> None:
        with self._lock:
            rows, self._rows = self._rows, []
            self._armed = False
        if rows:
            try:
                await self._run.store.stream(rows)
            except PersistenceError as error:
                # The drive loop ends the run with it; here nobody would see it.
                self._run.fail(error)
