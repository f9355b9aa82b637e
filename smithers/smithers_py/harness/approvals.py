"""Questions to people: what is asked, and answering it from any process (P-1)."""

import json
import sqlite3
import time
from typing import Any

from smithers_persistence import Database, people, writes
from smithers_persistence.people import ApprovalRecord, Verdict
from smithers_persistence.rows import EventRow
from smithers_py.errors import UsageError
from smithers_py.harness import convert
from smithers_py.harness.answer_fields import problems
from smithers_py.harness.commands import asker, refuse_agents
from smithers_py.harness.models import ApprovalView
from smithers_py.harness.reader import Reader


async def list_approvals(reader: Reader, execution_id: str | None, *, everything: bool = False) -> list[ApprovalView]:
    """What waits for an answer, of one execution with its children or of all, in order of asking.

    `everything`: also what was answered or withdrawn, where an execution is given.
    """
    if execution_id is None:
        rows = await reader.db.read(people.pending_approvals)
        return [convert.approval(row) for row in rows]
    family = await reader.family(execution_id)

    def work(conn: sqlite3.Connection) -> list[ApprovalRecord]:
        return sorted((row for one in family for row in people.approvals(conn, one)), key=lambda row: row.id)

    rows = await reader.db.read(work)
    return [convert.approval(row) for row in rows if everything or row.status == "pending"]


def find_approval(found: list[ApprovalView], asked: str) -> ApprovalView:
    """The one that is meant by its number, its node's id, or the unique beginning of that.

    Raises:
        UsageError: none or several; says which are there.
    """
    if asked.isdigit():
        chosen = [one for one in found if one.id == int(asked)]
    else:
        chosen = [one for one in found if one.node_id == asked or one.node_id.endswith(f"/{asked}")]
        chosen = chosen or [one for one in found if one.node_id.startswith(asked)]
    if len(chosen) == 1:
        return chosen[0]
    if chosen:
        told = "; ".join(f"{one.id} ({one.node_id} of {one.execution_id}: {one.title})" for one in chosen[:5])
        raise UsageError(f"{asked!r} asks {len(chosen)} questions", hint=f"Name one by its number: {told}.")
    open_ = ", ".join(f"{one.id} {one.node_id}" for one in found[:5])
    hint = f"Open questions: {open_}." if found else "Nothing waits for an answer: `smithers approvals`."
    raise UsageError(f"there is no open question {asked!r}", hint=hint)


async def answer_approval(
    db: Database,
    asked: ApprovalView,
    *,
    approved: bool,
    comment: str | None = None,
    output: Any = None,
    source: str = "cli",
) -> ApprovalView:
    """Record the answer with who gave it, when and from where; one durable transaction with its event.

    Raises:
        UsageError: the answer lacks what was asked for, or does not fit it; it is answered already; or it is an
            agent that answers, from a command that it runs.
    """
    refuse_agents()
    schema = asked.payload.get("schema") if isinstance(asked.payload, dict) else None
    if approved and schema is not None:
        _check_output(asked, schema, output)
    now = time.time_ns() // 1_000_000
    text = None if output is None else json.dumps(output)
    verdict = Verdict(approved, now, asker(), source, comment, text)
    told = {"approved": approved, "by": verdict.by, "from": source, "title": asked.title}
    if comment is not None:
        told["comment"] = comment
    event = EventRow("approval.answered", now, json.dumps(told), asked.node_id, "operator")

    def work(conn: sqlite3.Connection) -> ApprovalRecord | None:
        if people.answer(conn, asked.id, verdict):
            writes.insert_events(conn, asked.execution_id, [event])
            return people.get_approval(conn, asked.id)
        return None

    row = await db.write(work, durable=True, what=("approval.answered",))
    if row is None:
        raise UsageError(f"the question {asked.id} ({asked.title}) is not open any more", hint="`smithers approvals`.")
    return convert.approval(row)


def _check_output(asked: ApprovalView, schema: dict[str, Any], output: Any) -> None:
    fields = "; ".join(asked.fields) or "a value"
    hint = f"Pass --output with JSON of: {fields}."
    if output is None:
        raise UsageError(f"{asked.title!r} asks for an answer with fields", hint=hint)
    wrong = problems(schema, output)
    if wrong:
        raise UsageError(f"the answer does not fit what {asked.node_id} asks: {'; '.join(wrong)}", hint=hint)
