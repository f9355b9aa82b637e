"""Reads of conversations (G-3)."""

from __future__ import annotations

import sqlite3
from typing import Any

from smithers_persistence.packing import unpack
from smithers_persistence.records import AgentRecord, AgentSession, ToolCallRecord
from smithers_persistence.sql import Q


def agent_session(conn: sqlite3.Connection, execution_id: str, node_id: str, mounted_frame: int) -> AgentSession:
    """The conversation of one incarnation of a node; empty where there is none."""
    key = (execution_id, node_id, mounted_frame)
    messages = [unpack(row[0]) or "" for row in conn.execute(Q["read_messages"], key)]
    tools = [_tool_call(row) for row in conn.execute(Q["read_node_tool_calls"], key)]
    runs = conn.execute(Q["read_node_agents"], key).fetchall()
    return AgentSession(messages, tools, [AgentRecord(*row[:-3], *map(unpack, row[-3:])) for row in runs])


def tool_calls(conn: sqlite3.Connection, execution_id: str) -> list[ToolCallRecord]:
    """Every tool call of an execution, in order of starting."""
    return [_tool_call(row) for row in conn.execute(Q["read_tool_calls"], (execution_id,))]


def tool_journals(conn: sqlite3.Connection, execution_id: str) -> list[tuple[str, int, int, str, str]]:
    """Calls whose state writes no flush has applied, oldest first: (node_id, mounted_frame, turn, call_id, journal)."""
    return [(*row[:4], unpack(row[4]) or "") for row in conn.execute(Q["read_tool_journals"], (execution_id,))]


def _tool_call(row: tuple[Any, ...]) -> ToolCallRecord:
    shown: list[Any] = [*row[:7], bool(row[7]), *row[8:10], *map(unpack, row[10:])]
    return ToolCallRecord(*shown)
