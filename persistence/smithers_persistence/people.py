"""Questions to people as rows: asked once, answered once, from any process (P-1).

Functions `fn(conn, …)`, for `Database.read` or inside a transaction of the caller's.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from smithers_persistence.sql import Q


@dataclass(frozen=True, slots=True)
class NewApproval:
    """A question. `request_key` says which one of that node: a tool call's id, "" for a Human."""

    node_id: str
    mounted_frame: int
    request_key: str
    kind: str
    title: str
    payload_json: str | None
    asked_at: int


@dataclass(frozen=True, slots=True)
class ApprovalRecord:
    """`status`: pending, approved, denied, cancelled. Times are ms since the epoch."""

    id: int
    execution_id: str
    node_id: str
    mounted_frame: int
    request_key: str
    kind: str
    status: str
    title: str
    payload_json: str | None
    asked_at: int
    answered_at: int | None
    answered_by: str | None
    answered_from: str | None
    comment: str | None
    output_json: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a person said: `by` is user@host, `source` terminal, cli or mcp."""

    approved: bool
    at: int
    by: str
    source: str
    comment: str | None = None
    output_json: str | None = None


def ask(conn: sqlite3.Connection, execution_id: str, new: NewApproval) -> tuple[ApprovalRecord, bool]:
    """The question's row, and whether it was put only now; else it is there already, with its answer if it has one."""
    key = (execution_id, new.node_id, new.mounted_frame, new.request_key)
    put = conn.execute(Q["insert_approval"], (*key, new.kind, new.title, new.payload_json, new.asked_at))
    row = find(conn, *key)
    if row is None:
        raise AssertionError("a row that was just inserted is gone")
    return row, put.rowcount == 1


def find(
    conn: sqlite3.Connection, execution_id: str, node_id: str, mounted_frame: int, request_key: str
) -> ApprovalRecord | None:
    row = conn.execute(Q["read_approval_of"], (execution_id, node_id, mounted_frame, request_key)).fetchone()
    return None if row is None else ApprovalRecord(*row)


def get_approval(conn: sqlite3.Connection, approval_id: int) -> ApprovalRecord | None:
    row = conn.execute(Q["read_approval"], (approval_id,)).fetchone()
    return None if row is None else ApprovalRecord(*row)


def approvals(conn: sqlite3.Connection, execution_id: str) -> list[ApprovalRecord]:
    """All questions of an execution, in order of asking."""
    return [ApprovalRecord(*row) for row in conn.execute(Q["read_approvals"], (execution_id,))]


def pending_approvals(conn: sqlite3.Connection) -> list[ApprovalRecord]:
    """What waits for an answer in this database, of every execution, in order of asking."""
    return [ApprovalRecord(*row) for row in conn.execute(Q["pending_approvals"])]


def is_told(conn: sqlite3.Connection, row: ApprovalRecord) -> bool:
    """Whether a person was told of this question since it was put, or since an answer to it was refused (Z-28)."""
    last = conn.execute(Q["last_told"], (row.execution_id, row.node_id, row.asked_at, row.id)).fetchone()
    return last is not None and last[0] == "approval.told"


def answer(conn: sqlite3.Connection, approval_id: int, verdict: Verdict) -> bool:
    """Record the answer; False when the question is not open any more, and nothing was changed."""
    status = "approved" if verdict.approved else "denied"
    row = (status, verdict.at, verdict.by, verdict.source, verdict.comment, verdict.output_json, approval_id)
    return conn.execute(Q["answer_approval"], row).rowcount == 1


def reopen(conn: sqlite3.Connection, execution_id: str, approval_id: int, payload_json: str) -> None:
    """Take an answer back that does not fit what was asked; the payload says why."""
    conn.execute(Q["reopen_approval"], (payload_json, approval_id, execution_id))


def cancel(conn: sqlite3.Connection, approval_id: int) -> bool:
    """Withdraw an open question; False when it was answered before."""
    return conn.execute(Q["cancel_approval"], (approval_id,)).rowcount == 1


def cancel_all(conn: sqlite3.Connection, execution_id: str) -> None:
    """Withdraw what is still open of an execution that is over."""
    conn.execute(Q["cancel_approvals"], (execution_id,))
