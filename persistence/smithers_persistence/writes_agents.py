"""Writes of conversations: what a model run gained since its last checkpoint, never the whole of it (G-3)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from smithers_persistence.packing import pack
from smithers_persistence.rows import AgentRow, ToolCallRow
from smithers_persistence.sql import Q


def put_agent(conn: sqlite3.Connection, execution_id: str, task: tuple[str, int, int], agent: AgentRow) -> None:
    """The row of an attempt's model run as it stands, its new messages, and its tool calls as they stand.

    `task` is (node_id, mounted_frame, attempt). A message of the same seq is replaced: its answer was asked for again.
    """
    head = (execution_id, *task, agent.run_id, agent.model, agent.status, agent.started_at, agent.ended_at)
    outcome = (agent.cost_usd, agent.usage_json, agent.error_json, pack(agent.output_text))
    conn.execute(Q["put_agent"], (*head, *outcome, pack(agent.output_structured_json), pack(agent.history_json)))
    node = (execution_id, task[0], task[1])
    if agent.messages:
        conn.executemany(Q["add_message"], [(*node, one.seq, pack(one.message_json)) for one in agent.messages])
    _put_tools(conn, node, agent.tools)


def _put_tools(conn: sqlite3.Connection, node: tuple[str, str, int], tools: Sequence[ToolCallRow]) -> None:
    for one in tools:
        texts = (pack(one.args_json), pack(one.result_json), pack(one.journal_json))
        times = (int(one.safe), one.started_at, one.ended_at)
        conn.execute(Q["put_tool_call"], (*node, one.turn, one.call_id, one.tool, one.status, *times, *texts))


def interrupt_agents(conn: sqlite3.Connection, execution_id: str, at: int) -> None:
    """What model runs were under way died with their engine."""
    conn.execute(Q["interrupt_agents"], (at, execution_id))


def forget_session(conn: sqlite3.Connection, execution_id: str, node_id: str, mounted_frame: int) -> None:
    """Drop a conversation's messages and tool calls; what its attempts used stays in their rows."""
    conn.execute(Q["forget_messages"], (execution_id, node_id, mounted_frame))
    conn.execute(Q["forget_tool_calls"], (execution_id, node_id, mounted_frame))


def apply_tool_journals(
    conn: sqlite3.Connection, execution_id: str, applied: Sequence[tuple[str, int, int, str]]
) -> None:
    """The flush has applied these tool calls' writes: (node_id, mounted_frame, turn, call_id)."""
    conn.executemany(Q["apply_tool_journal"], [(execution_id, *call) for call in applied])
