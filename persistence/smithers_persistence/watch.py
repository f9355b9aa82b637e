"""Sees within POLL_SECONDS what other processes write for the executions of this one: commands and answers.

A thread of its own with a connection of its own, one for all executions of a process on one database: it goes on while
the event loop is held up by a plan's code, so that a command is acknowledged even then (Z-21). Idle it costs one pragma
per look. What it finds is delivered by a callback, on that thread.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from smithers_persistence import commands, people
from smithers_persistence.commands import CommandRecord
from smithers_persistence.people import ApprovalRecord
from smithers_persistence.tail import data_version
from smithers_persistence.writes import Holder

POLL_SECONDS = 0.05
_TROUBLED_SECONDS = 1.0
_BUSY_MS = 200


@dataclass(eq=False, slots=True)
class Watched:
    """One execution that is watched. `told` is called on the watching thread with what is new, never twice the same."""

    holder: Holder
    told: Callable[[list[CommandRecord], list[ApprovalRecord]], None]
    questions: set[int] = field(default_factory=set)
    """Ids of the approvals whose answer is waited for; changed by `Watch.ask` and `Watch.forget` only."""
    new: bool = True
    """Not looked at yet: its queued commands may be older than the last one that was seen."""


class Watch:
    """The watching thread; it runs while anything is watched. Its methods may be called from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._executions: dict[str, Watched] = {}
        self._fresh = True
        """There is something to look for that `data_version` does not tell."""
        self._last_command: int | None = None
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def add(self, watched: Watched) -> None:
        """Begin to watch an execution; commands that are queued already are told too."""
        with self._lock:
            self._executions[watched.holder.execution_id] = watched
            self._fresh = True
            if self._thread is None:
                self._wake = threading.Event()
                self._thread = threading.Thread(
                    target=self._run, args=(self._wake,), name="smithers-watch", daemon=True
                )
                self._thread.start()

    def remove(self, execution_id: str) -> None:
        """Stop to watch it; with the last one the thread ends, and is waited for. Safe to call twice."""
        with self._lock:
            self._executions.pop(execution_id, None)
            thread, self._thread = (None, self._thread) if self._executions else (self._thread, None)
        if thread is not None:
            self._wake.set()
            thread.join()

    def ask(self, execution_id: str, approval_id: int) -> None:
        """Watch for the answer to a question of a watched execution."""
        with self._lock:
            watched = self._executions.get(execution_id)
            if watched is not None:
                watched.questions.add(approval_id)
                self._fresh = True

    def forget(self, execution_id: str, approval_id: int) -> None:
        """Nobody waits for this answer any more."""
        with self._lock:
            watched = self._executions.get(execution_id)
            if watched is not None:
                watched.questions.discard(approval_id)

    # -- the thread ------------------------------------------------------------------------------------------------

    def _run(self, wake: threading.Event) -> None:
        conn: sqlite3.Connection | None = None
        version: int | None = None
        wait = POLL_SECONDS
        try:
            # It waits first: a run that is over before the first look has no connection made for it.
            while not wake.wait(wait):
                wait = POLL_SECONDS
                try:
                    conn = conn or _connect(self._path)
                    now = data_version(conn)
                    if now != version or self._fresh:
                        self._fetch(conn)
                        version = now
                except sqlite3.Error as error:
                    # The next look may do better; where the file is damaged or gone the engine's own writes say so.
                    version = None
                    if error.sqlite_errorname != "SQLITE_BUSY":
                        wait = _TROUBLED_SECONDS
        finally:
            if conn is not None:
                conn.close()

    def _fetch(self, conn: sqlite3.Connection) -> None:
        if self._last_command is None:
            self._last_command = commands.last_command(conn)
        with self._lock:
            self._fresh = False
            watched = dict(self._executions)
            asked = [one for execution in watched.values() for one in execution.questions]
        found: dict[str, tuple[list[CommandRecord], list[ApprovalRecord]]] = {}
        try:
            for execution_id, execution in watched.items():
                if execution.new:
                    self._see(conn, commands.open_commands(conn, execution_id), watched, found)
                    execution.new = False
            queued = commands.commands_after(conn, self._last_command)
            self._see(conn, queued, watched, found)
            self._last_command = queued[-1].id if queued else self._last_command
            for approval_id in asked:
                approval = people.get_approval(conn, approval_id)
                if approval is not None and approval.status != "pending":
                    self.forget(approval.execution_id, approval_id)
                    found.setdefault(approval.execution_id, ([], []))[1].append(approval)
        finally:
            # Also when the database was busy half way: what is acknowledged is told by nobody else.
            for execution_id, (queued, answered) in found.items():
                watched[execution_id].told(queued, answered)

    @staticmethod
    def _see(
        conn: sqlite3.Connection,
        queued: list[CommandRecord],
        watched: dict[str, Watched],
        found: dict[str, tuple[list[CommandRecord], list[ApprovalRecord]]],
    ) -> None:
        """Acknowledge what is queued. The change of its status is also what keeps it from being told twice."""
        for command in queued:
            execution = watched.get(command.execution_id)
            if execution is not None and commands.see(conn, command.id, execution.holder, _now_ms()):
                found.setdefault(command.execution_id, ([], []))[0].append(command)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)
    conn.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
    return conn
