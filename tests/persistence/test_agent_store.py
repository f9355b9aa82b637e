"""Conversations in the store: appended at each checkpoint, read back whole, dropped when begun again (G-3)."""

from __future__ import annotations

import pytest
from persistence_tools import NOW, OpenDb, change, flush, frame, new_store

from smithers_persistence import LostLease, reads_agents
from smithers_persistence.recovery import Recovery
from smithers_persistence.rows import AgentRow, MessageRow, ToolCallRow

pytestmark = pytest.mark.requirement("G-3")
ID = "exec000001"


def said(*seqs: int, status: str = "running", tools: tuple[ToolCallRow, ...] = (), **more: object) -> AgentRow:
    messages = [MessageRow(seq, f'{{"seq":{seq},"text":"{"long " * 300}"}}') for seq in seqs]
    return AgentRow("run", "m", status, started_at=NOW, messages=messages, tools=tools, **more)


def tool(status: str, **more: object) -> ToolCallRow:
    return ToolCallRow(1, "c", "shell", status, NOW, **more)


async def test_checkpoints_append_and_tool_calls_are_as_they_stand(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.checkpoint("n", 0, 1, said(0, 1, tools=(tool("open", args_json='{"a":1}'),)))
        await store.checkpoint("n", 0, 1, said(tools=(tool("done", safe=True, result_json='"r"', ended_at=NOW + 5),)))
        await store.checkpoint("n", 0, 2, said(2, 3, usage_json='{"requests":1}'))
        session = await store.load_session("n", 0)
        assert [text[:8] for text in session.messages] == [f'{{"seq":{seq}' for seq in range(4)]
        (call,) = session.tools
        assert (call.status, call.safe, call.result_json, call.args_json) == ("done", True, '"r"', None)
        assert [(run.attempt, run.status, run.usage_json) for run in session.attempts] == [
            (1, "running", None),
            (2, "running", '{"requests":1}'),
        ]
        assert (await store.load_session("n", 1)).messages == []
        assert await db.read(lambda conn: reads_agents.tool_calls(conn, ID)) == [call]


async def test_a_message_that_was_asked_for_again_takes_the_place_of_the_first(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.checkpoint("n", 0, 1, said(0, 1))
        again = AgentRow("run", "m", "running", messages=[MessageRow(1, '"again"')])
        await store.checkpoint("n", 0, 2, again)
        assert (await store.load_session("n", 0)).messages[1] == '"again"'


async def test_begun_again_the_old_conversation_is_gone_and_what_it_used_is_kept(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.checkpoint("n", 0, 1, said(0, 1, tools=(tool("open"),), usage_json='{"requests":7}'))
        await store.checkpoint("other", 0, 1, said(0))
        await store.forget_session("n", 0)
        session = await store.load_session("n", 0)
        assert (session.messages, session.tools) == ([], [])
        assert session.attempts[0].usage_json == '{"requests":7}'
        assert len((await store.load_session("other", 0)).messages) == 1


async def test_a_journal_is_owed_until_a_flush_has_applied_it(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.checkpoint("n", 0, 1, said(0, 1, tools=(tool("done", ended_at=NOW, journal_json="[1]"),)))
        owed = await db.read(lambda conn: reads_agents.tool_journals(conn, ID))
        assert owed == [("n", 0, 1, "c", "[1]")]
        applied = flush([change("k", None, "1")], applied_tools=[("n", 0, 1, "c")])
        await store.commit(frame(0, None, applied))
        assert await db.read(lambda conn: reads_agents.tool_journals(conn, ID)) == []


async def test_runs_that_died_with_their_engine_are_interrupted(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.checkpoint("n", 0, 1, said(0, 1))
        await store.checkpoint("m", 0, 1, said(0, status="failed"))
        await store.recover(Recovery(NOW + 9))
        runs = [(await store.load_session(node, 0)).attempts[0] for node in ("n", "m")]
        assert [(run.status, run.ended_at) for run in runs] == [("interrupted", NOW + 9), ("failed", None)]


async def test_who_lost_the_execution_writes_nothing(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await db.write(lambda conn: conn.execute("UPDATE executions SET epoch = epoch + 1"))
        with pytest.raises(LostLease):
            await store.checkpoint("n", 0, 1, said(0))
        assert (await store.load_session("n", 0)).messages == []


async def test_the_cost_of_a_checkpoint_does_not_grow_with_the_conversation(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        changed: list[int] = []
        for turn in range(100):
            before = await db.write(lambda conn: conn.total_changes)
            await store.checkpoint("n", 0, 1, said(2 * turn, 2 * turn + 1))
            changed.append(await db.write(lambda conn: conn.total_changes) - before)
        assert set(changed) == {changed[0]}
