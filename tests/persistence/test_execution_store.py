"""What ExecutionStore writes is what the readers give back; what is fenced or out of order writes nothing."""

from __future__ import annotations

import asyncio
import sqlite3

import orjson
import pytest
from persistence_tools import NOW, OpenDb, change, digest, flush, frame, new_store

from smithers_persistence import Database, ExecutionStore, FrameOrderError, LostLease, UnknownExecution, reads
from smithers_persistence.rows import (
    AgentRow,
    EffectRow,
    EndExecution,
    EventRow,
    FinishedTask,
    FrameOpening,
    FrameWrite,
    InstanceRow,
    KvWrite,
    RetryLater,
    StreamRow,
    TaskClaim,
    TaskRow,
    TransitionRow,
)
from smithers_persistence.state_fold import current_state, state_at
from smithers_persistence.verify import verify
from smithers_persistence.writes import Holder

ID = "exec000001"


async def healthy(db: Database) -> None:
    assert await db.read(verify) == []


def appended(item: int) -> TransitionRow:
    return TransitionRow("log", None, None, NOW, f'{{"append":[{item}]}}')


def mount(node: str, index: int, *, claim: bool = True) -> FrameOpening:
    return FrameOpening(
        f'[["+","{node}",null,null,"Task",null,{{}}]]'.encode(),
        digest(node),
        mounted=1,
        scopes=1,
        keys_read=["a", "b"],
        instances=[InstanceRow(node, None, "Task", "t", "scheduled", "plan.py:3")],
        new_tasks=[TaskRow(node, index, "task", NOW, digest("sig"))],
        claims=[TaskClaim(node, index, 1, NOW + 1, NOW + 30_000, '{"pid":7}')] if claim else [],
        events=[EventRow("task.started", NOW, '{"x":1}', node, "engine", "warning")],
    )


async def test_a_new_execution(open_db: OpenDb) -> None:
    async with open_db() as db:
        await new_store(
            db,
            name="loop",
            tags=("a", "b"),
            script="/x/plan.py",
            input_json='{"n":1}',
            initial=flush([change("mode", None, '"fast"')]),
            events=[EventRow("execution.created", NOW)],
        )
        record = await db.read(lambda conn: reads.get_execution(conn, ID))
        assert (record.status, record.owner, record.epoch, record.head_frame) == ("running", "host-1", 1, -1)
        assert (record.name, record.tags, record.script, record.input_json) == (
            "loop",
            ["a", "b"],
            "/x/plan.py",
            '{"n":1}',
        )
        assert await db.read(lambda conn: state_at(conn, ID, 0)) == {"mode": '"fast"'}
        (row,) = await db.read(lambda conn: reads.transitions(conn, ID))
        assert (row.frame_index, row.key, row.old_value_json, row.new_value_json) == (-1, "mode", None, '"fast"')
        assert await db.read(lambda conn: reads.frames(conn, ID)) == []
        with pytest.raises(sqlite3.IntegrityError):
            await new_store(db)
        await healthy(db)


@pytest.mark.requirement("F-7", "Z-18")
async def test_a_frame_opened_and_flushed_at_once_equals_one_in_two_steps(open_db: OpenDb) -> None:
    phases = {"snapshot": 0.01, "render": 1.25, "flush": 123.4}
    async with open_db() as db:
        once, twice = await new_store(db, ID), await new_store(db, "exec000002")
        done = flush([change("k", None, "1", trigger="t", node_id="n", handler="on_finished")], phase_ms=phases)
        info = await once.commit(frame(0, mount("n", 0), done, triggers=["start", "state"]))
        await twice.commit(frame(0, mount("n", 0), triggers=["start", "state"]))
        assert (await db.read(lambda conn: reads.frames(conn, "exec000002")))[0].flushed is False
        await twice.commit(FrameWrite(0, NOW, "start", [], None, done))
        (one,) = await db.read(lambda conn: reads.frames(conn, ID))
        (two,) = await db.read(lambda conn: reads.frames(conn, "exec000002"))
        assert one.flushed
        assert one.triggers == ["start", "state"]
        assert one.phase_ms == {**dict.fromkeys(one.phase_ms, 0), "snapshot": 0.01, "render": 1.25, "flush": 123.4}
        assert (one.keys_read, one.keys_written) == (["a", "b"], ["k"])
        assert (one.mounted, one.unmounted, one.updated, one.scopes) == (1, 0, 0, 1)
        for name in ("reason", "triggers", "phase_ms", "keys_written", "plan_hash", "state_hash", "chain", "bytes"):
            assert getattr(one, name) == getattr(two, name), name
        assert (info.first_transition_id, info.last_transition_id) == (one.last_transition_id, one.last_transition_id)
        assert info.row_bytes == one.bytes < 300
        await healthy(db)


async def test_hashes_and_keys_that_did_not_change_are_filled_in(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0), flush([change("k", None, "1")])))
        await store.commit(frame(1, None, flush([], keys_written=["vol:x"])))
        await store.commit(frame(2))
        first, second, third = await db.read(lambda conn: reads.frames(conn, ID))
        assert second.plan_hash == third.plan_hash == digest("n")
        assert second.state_hash == first.state_hash
        assert third.state_hash is None, "the flush of the last frame is still to come"
        assert [row.keys_written for row in (first, second, third)] == [["k"], ["vol:x"], []]
        assert await db.read(lambda conn: reads.frames(conn, ID, 1, 1)) == [second]
        await healthy(db)


@pytest.mark.requirement("H-3")
async def test_a_task_is_claimed_finished_and_handled(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0), flush([])))
        (task,) = await db.read(lambda conn: reads.tasks(conn, ID))
        assert (task.status, task.lease_owner, task.lease_epoch, task.attempt) == ("running", "host-1", 1, 1)
        assert (task.task_id, task.process_json) == (f"{ID}/n/1", '{"pid":7}')
        result = '"' + "x" * 100_000 + '"'
        agent = AgentRow("run-1", "test", "succeeded", history_json=result, cost_usd=0.5, started_at=NOW)
        await store.finish(
            FinishedTask("n", 0, 1, "succeeded", NOW + 9, result, None, '{"j":1}', agent, [EventRow("done", NOW)])
        )
        (task,) = await db.read(lambda conn: reads.tasks(conn, ID))
        assert (task.status, task.ended_at, task.handled_frame) == ("succeeded", NOW + 9, None)
        assert (task.result_json, task.journal_json, task.lease_owner) == (result, '{"j":1}', None)
        (run,) = await db.read(lambda conn: reads.agents(conn, ID))
        assert (run.run_id, run.history_json, run.cost_usd) == ("run-1", result, 0.5)
        done = flush([change("k", None, "1")], statuses=[("n", 0, "succeeded")], handled=[("n", 0, "succeeded")])
        await store.commit(frame(1, None, done))
        (task,) = await db.read(lambda conn: reads.tasks(conn, ID))
        assert (task.status, task.handled_frame, task.journal_json) == ("succeeded", 1, None)
        (node,) = await db.read(lambda conn: reads.nodes(conn, ID))
        assert (node.status, node.source, node.unmounted_frame) == ("succeeded", "plan.py:3", None)
        assert [row.seq for row in await db.read(lambda conn: reads.events(conn, ID))] == [1, 2]
        await healthy(db)


async def test_a_task_is_finished_once_and_only_while_it_runs(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0, claim=False), flush([])))
        done = FinishedTask("n", 0, 1, "succeeded", NOW)
        with pytest.raises(LostLease, match="n@0/1"):
            await store.finish(done)
        await store.claim([TaskClaim("n", 0, 1, NOW)])
        with pytest.raises(LostLease):
            await store.claim([TaskClaim("n", 0, 1, NOW)])
        await store.finish(done)
        with pytest.raises(LostLease):
            await store.finish(done)
        with pytest.raises(LostLease):
            await store.record_process("n", 0, 1, "{}")
        await healthy(db)


async def test_a_retry_keeps_the_attempt_and_its_error(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0), flush([])))
        await store.record_process("n", 0, 1, '{"pid":9}')
        await store.retry_later(RetryLater("n", 0, 1, NOW + 5, NOW + 1000, 995, '{"e":1}'))
        (task,) = await db.read(lambda conn: reads.tasks(conn, ID))
        assert (task.status, task.attempt, task.next_retry_at, task.backoff_ms) == ("scheduled", 2, NOW + 1000, 995)
        assert (task.last_error_json, task.process_json, task.lease_owner) == ('{"e":1}', None, None)
        await store.claim([TaskClaim("n", 0, 2, NOW + 1000)])
        await store.finish(FinishedTask("n", 0, 2, "succeeded", NOW + 1001, "1"))
        await store.commit(frame(1, None, flush([], handled=[("n", 0, "failed")])))
        found = await db.read(lambda conn: reads.attempts(conn, ID))
        assert [(a.attempt, a.outcome, a.ended_at, a.error_json) for a in found] == [
            (1, "failed", NOW + 5, '{"e":1}'),
            (2, "succeeded", NOW + 1001, None),
        ], "the handler failed, the attempt did not"
        assert (await db.read(lambda conn: reads.tasks(conn, ID)))[0].status == "failed"
        await healthy(db)


@pytest.mark.requirement("T-1")
async def test_a_lost_lease_writes_nothing(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0), flush([])))
        await db.write(lambda conn: conn.execute("UPDATE executions SET owner = 'host-2', epoch = 2"))
        before = await db.read(lambda conn: list(conn.iterdump()))
        for write in (
            lambda: store.commit(frame(1, mount("m", 1), flush([change("k", None, "1")]))),
            lambda: store.finish(FinishedTask("n", 0, 1, "succeeded", NOW)),
            lambda: store.claim([]),
            lambda: store.stream([StreamRow("n", 0, 1, "text", "{}", NOW)]),
            lambda: store.log([EventRow("x", NOW)]),
            lambda: store.record_process("n", 0, 1, "{}"),
            lambda: store.retry_later(RetryLater("n", 0, 1, NOW, NOW, 1, "{}")),
            lambda: store.set_status("paused"),
            lambda: store.write_keyframe(0, []),
            lambda: store.end(EndExecution("completed", 0, NOW)),
            lambda: store.release(),
        ):
            with pytest.raises(LostLease) as caught:
                await write()
            assert (caught.value.execution_id, caught.value.owner, caught.value.epoch) == (ID, "host-1", 1)
        assert await db.read(lambda conn: list(conn.iterdump())) == before


async def test_a_task_of_an_older_epoch_cannot_finish(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0), flush([])))
        await db.write(lambda conn: conn.execute("UPDATE executions SET epoch = 2"))
        newer = ExecutionStore(db, Holder(ID, "host-1", 2), clock=lambda: NOW)
        with pytest.raises(LostLease):
            await newer.finish(FinishedTask("n", 0, 1, "succeeded", NOW))


@pytest.mark.requirement("F-6")
async def test_frames_are_written_in_order(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        with pytest.raises(FrameOrderError):
            await store.commit(frame(1))
        await store.commit(frame(0, mount("n", 0)))
        for wrong in (frame(0), frame(2), FrameWrite(1, NOW, "start", [], None, flush([]))):
            with pytest.raises(FrameOrderError):
                await store.commit(wrong)
        await store.commit(FrameWrite(0, NOW, "start", [], None, flush([])))
        with pytest.raises(FrameOrderError):
            await store.commit(FrameWrite(0, NOW, "start", [], None, flush([change("k", None, "1")])))
        await healthy(db)


async def test_state_is_put_deleted_and_put_again(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(
            frame(0, None, flush([change("k", None, "1"), change("k", "1", "2"), change("z", None, "0")]))
        )
        await store.commit(frame(1, None, flush([change("k", "2", None)])))
        await store.commit(frame(2, None, flush([change("k", None, "null")])))
        states = [await db.read(lambda conn, k=k: state_at(conn, ID, k)) for k in range(4)]
        assert states == [{}, {"k": "2", "z": "0"}, {"z": "0"}, {"k": "null", "z": "0"}]
        assert await db.read(lambda conn: current_state(conn, ID)) == states[-1]
        rows = await db.read(lambda conn: reads.transitions(conn, ID, key="k"))
        shown = [(row.frame_index, row.old_value_json, row.new_value_json, row.deleted) for row in rows]
        assert shown == [(0, None, "1", False), (0, "1", "2", False), (1, "2", None, True), (2, None, "null", False)]
        await healthy(db)


@pytest.mark.requirement("S-5", "S-7")
async def test_a_large_value_is_a_keyframe_and_deltas(open_db: OpenDb) -> None:
    base = '["' + "x" * 5000 + '"]'
    huge = '["' + "y" * 70_000 + '"]'
    async with open_db() as db:
        store = await new_store(db)
        keyframe = KvWrite("log", base, NOW, keyframe=True)
        await store.commit(frame(0, None, flush([change("log", None, base)], [keyframe])))
        for index in (1, 2):
            rows = [appended(index), change("n", None, f"{index}")]
            await store.commit(frame(index, None, flush(rows, [KvWrite("n", f"{index}", NOW)])))
        expected = base[:-1] + ",1,2]"
        assert (await db.read(lambda conn: current_state(conn, ID)))["log"] == expected
        rows = await db.read(lambda conn: reads.transitions(conn, ID, first=2, key="log"))
        assert [(row.old_value_json, row.new_value_json) for row in rows] == [(base[:-1] + ",1]", expected)]
        # A keyframe in the middle of a flush: the delta after it still counts.
        deltas = [change("log", expected, huge), appended(3)]
        kv = [KvWrite("log", huge, NOW, keyframe=True, transition=0)]
        await store.commit(frame(3, None, flush(deltas, kv)))
        assert (await db.read(lambda conn: current_state(conn, ID)))["log"] == huge[:-1] + ",3]"
        last = (await db.read(lambda conn: reads.transitions(conn, ID, first=3)))[-1]
        assert (last.old_value_json, last.new_value_json, last.delta_json) == (None, None, '{"append":[3]}')


async def test_unmounting_and_remounting_makes_another_incarnation(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, mount("n", 0), flush([])))
        again = b'[["-","n",null,null,"Task",null,{}],["+","n",null,null,"Task",null,{}]]'
        opening = FrameOpening(again, digest("n"), 1, 1, closed=[("n", 0)], instances=[InstanceRow("n", None, "Task")])
        await store.commit(frame(1, opening, flush([])))
        found = await db.read(lambda conn: reads.nodes(conn, ID))
        assert [(row.mounted_frame, row.unmounted_frame) for row in found] == [(0, 1), (1, None)]
        await healthy(db)


async def test_effects_streams_and_status(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.commit(frame(0, None, flush([], effects=[EffectRow("a", "[1]"), EffectRow("b", "[]", True)])))
        await store.commit(
            frame(1, None, flush([], effects=[EffectRow("a", "[2]"), EffectRow("b", None, removed=True)]))
        )
        (effect,) = await db.read(lambda conn: reads.effects(conn, ID))
        assert (effect.effect_id, effect.deps_json, effect.has_cleanup, effect.ran_frame) == ("a", "[2]", False, 1)
        await store.stream([StreamRow(node, 0, 1, "stdout", f'{{"line":"{node}"}}', NOW) for node in "nmn"])
        lines = await db.read(lambda conn: reads.stream_events(conn, ID, node_id="n"))
        assert [row.id for row in lines] == [1, 3]
        assert [row.id for row in await db.read(lambda conn: reads.stream_events(conn, ID, 1, 1))] == [2]
        await store.set_status("paused", "by hand", [EventRow("execution.status", NOW)])
        await store.log([EventRow("note", NOW, level="debug")])
        record = await db.read(lambda conn: reads.get_execution(conn, ID))
        assert (record.status, record.status_reason) == ("paused", "by hand")
        assert [row.level for row in await db.read(lambda conn: reads.events(conn, ID))] == ["info", "debug"]


async def test_the_end(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        await store.end(EndExecution("stopped", 4, NOW + 9, "enough", '{"s":1}', events=[EventRow("end", NOW)]))
        await store.release()
        record = await db.read(lambda conn: reads.get_execution(conn, ID))
        assert (record.status, record.exit_code, record.ended_at, record.owner) == ("stopped", 4, NOW + 9, None)
        assert (record.stop_reason, record.summary_json) == ("enough", '{"s":1}')
        with pytest.raises(LostLease):
            await store.set_status("running")


async def test_finding_executions(open_db: OpenDb) -> None:
    async with open_db() as db:
        for execution_id in ("ab1", "ab2", "b1"):
            await new_store(db, execution_id, status="completed" if execution_id == "ab1" else "running")
        await db.write(
            lambda conn: conn.execute("UPDATE executions SET created_at = created_at + 5 WHERE execution_id = 'ab1'")
        )

        async def ids(fn, *arguments: object, **more: object) -> list[str]:
            return [row.execution_id for row in await db.read(lambda conn: fn(conn, *arguments, **more))]

        assert await ids(reads.list_executions) == ["ab1", "b1", "ab2"]
        assert await ids(reads.list_executions, limit=1) == ["ab1"]
        assert await ids(reads.list_executions, status="running") == ["b1", "ab2"]
        assert await ids(reads.find_executions, "ab") == ["ab1", "ab2"]
        assert await ids(reads.find_executions, "zz") == []
        with pytest.raises(UnknownExecution, match="'nope'"):
            await db.read(lambda conn: reads.get_execution(conn, "nope"))


async def test_two_hundred_tasks_that_finish_together_share_few_transactions(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        nodes = [f"n{i:03}" for i in range(200)]
        openings = [mount(node, 0) for node in nodes]
        patches = [
            ["+", node, None, before, "Task", None, {}] for before, node in zip([None, *nodes], nodes, strict=False)
        ]
        whole = FrameOpening(
            orjson.dumps(patches),
            digest("plan"),
            mounted=200,
            instances=[opening.instances[0] for opening in openings],
            new_tasks=[opening.new_tasks[0] for opening in openings],
            claims=[opening.claims[0] for opening in openings],
        )
        await store.commit(frame(0, whole, flush([])))
        before = db.transactions
        await asyncio.gather(*[store.finish(FinishedTask(node, 0, 1, "succeeded", NOW)) for node in nodes])
        assert db.transactions == before + 1
        await healthy(db)
