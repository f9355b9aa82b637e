"""What people ask of an execution, as rows: written by any process, answered by its engine (C-7, Z-21).

Functions `fn(conn, …)`, for `Database.read` or inside a transaction of the caller's.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from smithers_persistence.crash import crash_point
from smithers_persistence.rows import CommandAnswer, NodeKey
from smithers_persistence.sql import Q
from smithers_persistence.writes import Holder


@dataclass(frozen=True, slots=True)
class NewCommand:
    """A command to be. `asked_by` is user@host, `asked_from` terminal, cli or mcp."""

    execution_id: str
    verb: str
    node_id: str | None
    args_json: str | None
    asked_at: int
    asked_by: str
    asked_from: str


@dataclass(frozen=True, slots=True)
class CommandRecord:
    """`status`: queued, seen, done, refused. Times are ms since the epoch; `frame_index` is the frame it acted in."""

    id: int
    execution_id: str
    verb: str
    node_id: str | None
    args_json: str | None
    status: str
    asked_at: int
    asked_by: str
    asked_from: str
    seen_at: int | None
    answered_at: int | None
    frame_index: int | None
    answer_json: str | None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for its answer."""
        return self.status in ("queued", "seen")


def send(conn: sqlite3.Connection, new: NewCommand) -> int:
    """Queue a command; its id."""
    what = (new.execution_id, new.verb, new.node_id, new.args_json)
    return conn.execute(Q["insert_command"], (*what, new.asked_at, new.asked_by, new.asked_from)).lastrowid or 0


def get_command(conn: sqlite3.Connection, command_id: int) -> CommandRecord | None:
    row = conn.execute(Q["read_command"], (command_id,)).fetchone()
    return None if row is None else CommandRecord(*row)


def commands(conn: sqlite3.Connection, execution_id: str) -> list[CommandRecord]:
    """Every command of an execution, in order of asking."""
    return [CommandRecord(*row) for row in conn.execute(Q["read_commands"], (execution_id,))]


def open_commands(conn: sqlite3.Connection, execution_id: str) -> list[CommandRecord]:
    """What waits for an answer, also what a former engine had seen and died over."""
    return [CommandRecord(*row) for row in conn.execute(Q["open_commands"], (execution_id,))]


def commands_after(conn: sqlite3.Connection, command_id: int) -> list[CommandRecord]:
    """Commands of every execution with a higher id."""
    return [CommandRecord(*row) for row in conn.execute(Q["commands_after"], (command_id,))]


def last_command(conn: sqlite3.Connection) -> int:
    """The highest id so far, 0 when there is none."""
    return conn.execute(Q["last_command"]).fetchone()[0] or 0


def see(conn: sqlite3.Connection, command_id: int, holder: Holder, at: int) -> bool:
    """Acknowledge; False when the holder does not own the execution any more, or it is seen already."""
    crash_point("command.seen.before")
    seen = conn.execute(Q["see_command"], (at, command_id, holder.owner, holder.epoch)).rowcount == 1
    crash_point("command.seen.after")
    return seen


def answer(
    conn: sqlite3.Connection, execution_id: str, answers: Sequence[CommandAnswer], frame_index: int | None
) -> None:
    """In the transaction of the effect; what was answered before stays as it is."""
    conn.executemany(
        Q["answer_command"],
        [(one.status, one.at, frame_index, one.answer_json, one.id, execution_id) for one in answers],
    )


def set_paused(conn: sqlite3.Connection, execution_id: str, paused: bool) -> None:
    conn.execute(Q["set_paused"], (int(paused), execution_id))


def is_paused(conn: sqlite3.Connection, execution_id: str) -> bool:
    row = conn.execute(Q["read_paused"], (execution_id,)).fetchone()
    return bool(row and row[0])


def block_tasks(conn: sqlite3.Connection, execution_id: str, blocked: Sequence[tuple[NodeKey, str | None]]) -> None:
    """What running tasks wait for; None: they go on."""
    conn.executemany(Q["block_task"], [(text, execution_id, *key) for key, text in blocked])


def suspend(conn: sqlite3.Connection, holder: Holder) -> None:
    """Put the running attempts back: their engine leaves them, without having tried."""
    conn.execute(Q["suspend_tasks"], (holder.execution_id, holder.epoch))
