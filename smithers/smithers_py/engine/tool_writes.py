"""What tool calls wrote to state, when their engine died between their checkpoint and the flush (Z-0)."""

from dataclasses import replace

from smithers_persistence import reads_agents
from smithers_persistence.records import AgentSession, ToolCallRecord
from smithers_py.engine.journal import read_journal
from smithers_py.engine.run import Run, ToolWrites


async def restore_tool_writes(run: Run) -> None:
    """Queue them for the first flush of a resumed run. Those of a node that is gone are dropped."""
    for node_id, mounted, turn, call_id, text in await run.store.db.read(
        lambda conn: reads_agents.tool_journals(conn, run.execution_id)
    ):
        inst = run.tree.by_id.get(node_id)
        actions = read_journal(text)
        if inst is not None and inst.mounted_frame == mounted and actions:
            run.tool_writes.append(ToolWrites(inst, turn, call_id, actions))


def with_lost_writes_open(session: AgentSession) -> AgentSession:
    """A call whose write was lost with its process (an `update` holds a function) has not happened: it is as if it had
    been interrupted.
    """
    return replace(session, tools=[_open_again(call) for call in session.tools])


def _open_again(call: ToolCallRecord) -> ToolCallRecord:
    if call.journal_json is not None and read_journal(call.journal_json) is None:
        return replace(call, status="open", result_json=None)
    return call
