"""What becomes of the work that an engine left behind: run again, handled, failed, or let be (T-3, Z-7, Z-10)."""

import os
import signal
from contextlib import suppress
from typing import Any

import orjson

from smithers_persistence.head import HeadRows
from smithers_persistence.records import TaskRecord
from smithers_persistence.recovery import Recovery
from smithers_persistence.rows import EventRow, NodeKey, Restart
from smithers_py.agents.tools.census import kill_left_behind
from smithers_py.engine.instance import Outcome
from smithers_py.engine.journal import read_journal
from smithers_py.engine.restore import outcome_of, status_word
from smithers_py.engine.stored_error import error_text
from smithers_py.errors import TaskCrashed
from smithers_py.workers.process import same_process

_AGENTS = ("Claude", "Agent")
MOST_CRASHES = 3
"""The attempt that dies with its engine this often is the last one (Z-7)."""
_WAITS = ("Human", "Timer", "Smithers")
"""Kinds whose attempt does nothing of its own that a crash could have to do with."""


class Orphans:
    """Decides on one execution's rows. `retry_failed`: it had ended as failed, so its failed nodes run again (Z-7)."""

    def __init__(self, rows: HeadRows, now_ms: int, *, retry_failed: bool) -> None:
        self.rows = rows
        self.now_ms = now_ms
        self.retry_failed = retry_failed
        self.restarts: list[Restart] = []
        self.failed: list[tuple[NodeKey, str]] = []
        self.rehandled: list[NodeKey] = []
        self.abandoned: list[NodeKey] = []
        self.events: list[EventRow] = []
        self._plan = {row[0]: row[4] for row in rows.plan}
        self._alive = {(row.node_id, row.mounted_frame) for row in rows.nodes if row.unmounted_frame is None}

    def recovery(self) -> Recovery:
        """What to write; processes that outlived their engine are killed on the way."""
        for task in self.rows.tasks:
            key = (task.node_id, task.mounted_frame)
            if task.process_json is not None:
                kill_group(task.process_json)
                if task.kind in _AGENTS and task.ended_at is None:
                    kill_left_behind(f"{task.execution_id}/{task.node_id}/{task.mounted_frame}")
            if key in self._alive:
                self._decide(task, key)
            elif task.status == "running":
                self.abandoned.append(key)
        return Recovery(self.now_ms, self.restarts, self.failed, self.rehandled, self.abandoned, self.events)

    def _decide(self, task: TaskRecord, key: NodeKey) -> None:
        if task.ended_at is None:
            if task.status == "running":
                self._orphan(task, key)
        elif task.handled_frame is None:
            if task.status == "cancelled" or (task.status == "succeeded" and read_journal(task.journal_json) is None):
                self.restarts.append(Restart(*key))
        else:
            self._ended(task, key)

    def _orphan(self, task: TaskRecord, key: NodeKey) -> None:
        if task.kind in _WAITS or task.blocked_json is not None:
            self.restarts.append(Restart(*key))
            return
        crashes = self.rows.crashes.get(key, 0) + 1
        policy = self._plan[task.node_id].get("on_orphan", "retry")
        if crashes < MOST_CRASHES and policy != "fail":
            self.restarts.append(Restart(*key, crashed=True))
            self.events.append(self._event("task.orphaned", task, {"crashes": crashes}))
            return
        error = TaskCrashed(crashes, policy == "fail").locate(
            execution_id=task.execution_id, node=f"{task.kind} {task.node_id!r}"
        )
        self.failed.append((key, error_text(error)))
        self.events.append(self._event("task.failed", task, {"error": error.message}))

    def _ended(self, task: TaskRecord, key: NodeKey) -> None:
        status, more = status_word(self.rows.state.get(f"$node/{task.node_id}"))
        if status == "cancelled" and more.get("reason") == "stopped":
            # It was not asked to stop, the whole run was.
            self.restarts.append(Restart(*key))
        elif self.retry_failed and outcome_of(status, more) is Outcome.FAILED:
            if more.get("reason") == "handler":
                self.rehandled.append(key)
            else:
                self.restarts.append(Restart(*key, anew=True))

    def _event(self, kind: str, task: TaskRecord, payload: dict[str, Any]) -> EventRow:
        return EventRow(kind, self.now_ms, orjson.dumps(payload).decode(), task.node_id, level="warning")


def kill_group(process_json: str) -> None:
    """Kill what is left of a dead engine's child: its whole process group, if the leader is still the same (Z-10)."""
    process = orjson.loads(process_json)
    if same_process(process["pid"], process["start_time"], process["boot_id"]):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process["pgid"], signal.SIGKILL)
