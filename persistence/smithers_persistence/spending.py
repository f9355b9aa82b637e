"""What executions spend on models, and until when a provider's model is not asked, as all processes on this database
know it (E-2, G-6). Times are ms of the wall clock.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

from smithers_persistence.sql import Q


def read_window(conn: sqlite3.Connection, key: str) -> int | None:
    """Until when the window of `key` ("provider:model") is or was closed, None if it never was."""
    row = conn.execute(Q["read_window"], (key,)).fetchone()
    return None if row is None else int(row[0])


def close_window(conn: sqlite3.Connection, key: str, until_ms: int, reason: str, now_ms: int) -> int:
    """Close it at least until then; returns until when it is closed now, for another process may have heard worse."""
    conn.execute(Q["close_window"], (key, until_ms, reason, now_ms))
    return read_window(conn, key) or until_ms


@dataclass(frozen=True, slots=True)
class AgentSpending:
    """What the agents of an execution have used, as their checkpoints recorded it."""

    begun: frozenset[tuple[str, int]]
    """Node and mounting of each agent that has begun."""
    cost_usd: float
    tokens: int
    """In and out."""
    tool_calls: int


def spent_by_agents(conn: sqlite3.Connection, execution_id: str) -> AgentSpending:
    """The sums over all attempts."""
    cost, tokens, tools = conn.execute(Q["spent_by_agents"], (execution_id,)).fetchone()
    begun = frozenset(conn.execute(Q["begun_agents"], (execution_id,)).fetchall())
    return AgentSpending(begun, float(cost), int(tokens), int(tools))
