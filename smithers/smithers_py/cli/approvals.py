"""`smithers approvals`, `approve`, `deny`: what waits for a person, and the answer (P-1)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from smithers_py.cli.inputs import database_path
from smithers_py.cli.question import question_lines
from smithers_py.cli.reading import read
from smithers_py.cli.summary import database_flag
from smithers_py.cli.terminal import clean, human_time, say, write_json
from smithers_py.errors import UsageError
from smithers_py.harness.approvals import answer_approval, find_approval, list_approvals
from smithers_py.harness.commands import open_writer, refuse_agents
from smithers_py.harness.models import ApprovalView
from smithers_py.harness.reader import Reader

if TYPE_CHECKING:
    from smithers_persistence import Database

T = TypeVar("T")


def show_approvals(database: Path | None, execution: str | None, *, everything: bool, as_json: bool) -> None:
    """Print what waits for an answer, and how to give it."""

    async def work(reader: Reader) -> list[ApprovalView]:
        found = None if execution is None else await reader.resolve(execution)
        if everything and found is None:
            found = await reader.resolve("latest")
        return await list_approvals(reader, found, everything=everything)

    approvals = read(database, work)
    if as_json:
        write_json(approvals)
        return
    if not approvals:
        say("nothing waits for an answer")
    flag = database_flag(database_path(database))
    for one in approvals:
        _print(one, flag)


def answer(
    database: Path | None,
    targets: list[str],
    *,
    approved: bool,
    comment: str | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Answer one question, from whatever process.

    Raises:
        UsageError: there is no such question, the answer does not fit it, or it is an agent that answers (Z-27).
    """
    refuse_agents()
    execution, asked = targets if len(targets) == 2 else (None, targets[0])
    value = None if output is None else _parsed(output)

    async def work(db: "Database") -> tuple[ApprovalView, bool]:
        reader = Reader(db)
        found = None if execution is None else await reader.resolve(execution)
        chosen = find_approval(await list_approvals(reader, found), asked)
        told = await answer_approval(db, chosen, approved=approved, comment=comment, output=value)
        return told, await reader.has_engine(told.execution_id)

    told, live = with_writer(database, work)
    if as_json:
        write_json(told)
        return
    word = "approved" if approved else "denied"
    say(f"{word}: {clean(told.title)} ({told.node_id} of {told.execution_id})")
    if not live:
        flag = database_flag(database_path(database))
        say(f"no engine runs it; go on with: smithers resume {told.execution_id}{flag}")


def with_writer(database: Path | None, work: Callable[["Database"], Awaitable[T]]) -> T:
    """The result of `work` on the chosen database, opened for writing."""

    async def body() -> T:
        async with open_writer(database_path(database)) as db:
            return await work(db)

    return asyncio.run(body())


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageError(
            f"--output is no JSON: {error}", hint="""Quote texts inside it: --output '{"version": "1.2"}'."""
        ) from error


def _print(one: ApprovalView, flag: str) -> None:
    if one.status != "pending":
        comment = f": {clean(one.comment)}" if one.comment else ""
        who = (
            f" by {one.answered_by} from {one.answered_from} at {human_time(one.answered_at)}"
            if one.answered_by
            else ""
        )
        of = f"{one.node_id} of {one.execution_id}"
        say(f"{one.id}  {one.status}{who}{comment}  {clean(one.title)}  ({of})")
        return
    say(f"{one.id}  {clean(one.node_id)} of {one.execution_id}, since {human_time(one.asked_at)}")
    for line in question_lines(one):
        say(f"    {line}")
    output = " --output JSON" if one.fields else ""
    say(f"    smithers approve {one.id}{output}{flag} | smithers deny {one.id} --comment TEXT{flag}")
