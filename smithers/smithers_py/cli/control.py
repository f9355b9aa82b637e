"""`smithers pause`, `stop`, `cancel` and the like: tell a run what to do, from any process (C-7)."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from smithers_py.cli.approvals import with_writer
from smithers_py.cli.inputs import database_path
from smithers_py.cli.summary import database_flag
from smithers_py.cli.terminal import clean, note, say, write_json
from smithers_py.errors import UsageError
from smithers_py.harness.commands import ANSWER_SECONDS, send_command
from smithers_py.harness.models import CommandView

if TYPE_CHECKING:
    from smithers_persistence import Database

BAD_INPUT = 2
UNANSWERED = 1


def tell(
    database: Path | None,
    execution: str,
    verb: str,
    *,
    node: str | None = None,
    args: dict[str, Any] | None = None,
    as_json: bool,
) -> int:
    """Send the command and print the answer; the exit code: 0 done or queued, 1 no sign of life, 2 refused."""

    async def work(db: "Database") -> CommandView:
        return await send_command(db, execution, verb, node=node, args=args)

    told = with_writer(database, work)
    if as_json:
        write_json(told)
    else:
        _print(told, database_flag(database_path(database)))
    return {"refused": BAD_INPUT, "queued": UNANSWERED}.get(told.status, 0)


def node_targets(targets: list[str], verb: str) -> tuple[str, str]:
    """Execution and node of `VERB [ID] NODE` (Z-22).

    Raises:
        UsageError: there are more words.
    """
    if len(targets) > 2:
        raise UsageError(f"{verb} takes an execution and a node", hint=f"smithers {verb} [ID] NODE")
    return ("latest", targets[0]) if len(targets) == 1 else (targets[0], targets[1])


def key_targets(targets: list[str]) -> tuple[str, dict[str, Any]]:
    """Execution and arguments of `set [ID] KEY JSON`.

    Raises:
        UsageError: a word is missing or too much, or the value is no JSON.
    """
    if len(targets) not in (2, 3):
        raise UsageError("set takes a key and a value", hint="smithers set [ID] KEY JSON")
    execution, key, text = targets if len(targets) == 3 else ("latest", *targets)
    try:
        return execution, {"key": key, "value": json.loads(text)}
    except json.JSONDecodeError as error:
        raise UsageError(
            f"the value of {key} is no JSON: {error}", hint=f"""Quote a text twice: smithers set {key} '"text"'."""
        ) from error


def _print(told: CommandView, flag: str) -> None:
    what = f"{told.verb} {told.node_id}" if told.node_id else told.verb
    of = f"of {told.execution_id}"
    if told.status == "done":
        say(clean(f"{told.message} ({told.execution_id})"))
    elif told.status == "refused":
        note(clean(f"{what} {of} was refused: {told.message}"))
    elif told.status == "queued until resume":
        say(f"{what} {of}: no engine runs it; queued until resume: smithers resume {told.execution_id}{flag}")
    elif told.status == "seen":
        say(f"{what} {of}: seen by its engine, not done within {ANSWER_SECONDS:g} s; it will be")
    else:
        note(f"{what} {of}: its engine gave no sign within {ANSWER_SECONDS:g} s; queued")
