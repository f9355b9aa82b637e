"""Telling an execution what to do, from any process: one audited row, answered by its engine (C-7, Z-21)."""

import asyncio
import getpass
import json
import os
import socket
import sqlite3
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from smithers_persistence import Database, PersistenceError, commands
from smithers_persistence.commands import CommandRecord, NewCommand
from smithers_py.agents.tools.census import MARK
from smithers_py.engine.store_errors import store_error
from smithers_py.errors import UsageError
from smithers_py.harness.models import CommandView, RunState
from smithers_py.harness.reader import Reader
from smithers_py.harness.run_state import ENDED
from smithers_py.harness.store import is_missing

ANSWER_SECONDS: Final = 5.0
_POLL_SECONDS = 0.02
_OF_A_RUN = frozenset({"stop", "terminate"})
"""What makes sense only for an execution that runs."""


@asynccontextmanager
async def open_writer(path: Path) -> AsyncGenerator[Database, None]:
    """The database at `path`, for what people write. Raises UsageError if there is none, StoreError."""
    if is_missing(path):
        raise UsageError(
            f"there is no database at {path}",
            hint="`smithers run SCRIPT` makes one; --db or SMITHERS_DB names another.",
        )
    try:
        db = await Database.open(path, create=False)
        try:
            yield db
        finally:
            await db.close()
    except PersistenceError as error:
        raise store_error(error) from error


def asker() -> str:
    """Who asks: user@host, as the records keep it."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no entry for the user id, as in some containers
        user = "unknown"
    return f"{user}@{socket.gethostname()}"


def agent_call() -> str | None:
    """The tool call of an agent that this process was started by, None where a person started it."""
    return os.environ.get(MARK)


def refuse_agents() -> None:
    """Raises UsageError in a command that an agent runs: what people are asked, people answer (Z-27)."""
    if agent_call() is not None:
        raise UsageError(
            "an agent's command may not answer what people are asked",
            hint="Answer on a terminal of your own, outside of what the agent runs.",
        )


async def send_command(
    db: Database,
    asked: str,
    verb: str,
    *,
    node: str | None = None,
    args: dict[str, Any] | None = None,
    source: str = "cli",
    wait_seconds: float = ANSWER_SECONDS,
) -> CommandView:
    """Queue a command for the execution that `asked` names, and wait for the answer.

    The answer's `status` is done or refused; seen when it was acknowledged and nothing more came in time; queued when
    an engine that lives said nothing; "queued until resume" when there is none.

    Raises:
        ExecutionNotFoundError, UsageError: no such execution, or it is over and there is nothing to tell it.
    """
    reader = Reader(db)
    execution_id = await reader.resolve(asked)
    state = await reader.run_state(execution_id)
    live = await reader.has_engine(execution_id)
    _check(execution_id, verb, state, live=live)
    row = NewCommand(
        execution_id,
        verb,
        node,
        None if args is None else json.dumps(args),
        time.time_ns() // 1_000_000,
        asker(),
        source if agent_call() is None else "agent",
    )
    command_id = await db.write(lambda conn: commands.send(conn, row), durable=True, what=("command.sent",))
    record = await _answer(db, command_id, wait_seconds if live else 0)
    return command_view(record, live=live)


async def list_commands(reader: Reader, execution_id: str) -> list[CommandView]:
    """What people asked of an execution, in order of asking."""
    live = await reader.has_engine(execution_id)
    rows = await reader.db.read(lambda conn: commands.commands(conn, execution_id))
    return [command_view(row, live=live) for row in rows]


def command_view(row: CommandRecord, *, live: bool) -> CommandView:
    """A command and what became of it; `live`: its execution has an engine that could answer."""
    answer = {} if row.answer_json is None else json.loads(row.answer_json)
    return CommandView(
        execution_id=row.execution_id,
        id=row.id,
        verb=row.verb,
        node_id=row.node_id,
        args=None if row.args_json is None else json.loads(row.args_json),
        status=row.status if live or not row.is_open else "queued until resume",
        message=answer.get("message"),
        asked_at=row.asked_at,
        asked_by=row.asked_by,
        asked_from=row.asked_from,
        seen_at=row.seen_at,
        answered_at=row.answered_at,
        frame=row.frame_index,
    )


def _check(execution_id: str, verb: str, state: RunState, *, live: bool) -> None:
    over = state.state in ENDED
    if state.state == "completed" or (verb in _OF_A_RUN and (over or not live)):
        word = state.state if over else "not running"
        raise UsageError(
            f"the execution {execution_id} is {word}, so there is nothing to {verb}",
            hint="`smithers list` shows what runs.",
        )


async def _answer(db: Database, command_id: int, wait_seconds: float) -> CommandRecord:
    until = time.monotonic() + wait_seconds

    def look(conn: sqlite3.Connection) -> CommandRecord | None:
        return commands.get_command(conn, command_id)

    while True:
        row = await db.read(look)
        if row is None:
            raise UsageError(f"the command {command_id} is gone: its execution was deleted meanwhile")
        if not row.is_open or time.monotonic() >= until:
            return row
        await asyncio.sleep(_POLL_SECONDS)
