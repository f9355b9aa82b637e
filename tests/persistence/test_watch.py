"""The watching thread: what other processes write is told once, acknowledged only by the owner, while a loop hangs."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from persistence_tools import NOW, OpenDb, new_store

from smithers_persistence import Database, ExecutionStore, commands, people
from smithers_persistence.commands import CommandRecord, NewCommand
from smithers_persistence.people import NewApproval, Verdict
from smithers_persistence.rows import CommandAnswer, FrameFlush, FrameOpening, FrameWrite
from smithers_persistence.watch import Watch, Watched
from smithers_persistence.writes import Holder

SECONDS = 20


class Told:
    """What the thread told, in order."""

    def __init__(self) -> None:
        self.queue: queue.Queue[tuple[list[CommandRecord], list[Any]]] = queue.Queue()

    def __call__(self, asked: list[CommandRecord], answered: list[Any]) -> None:
        self.queue.put((asked, answered))

    def next(self) -> tuple[list[str], list[str]]:
        asked, answered = self.queue.get(timeout=SECONDS)
        return [one.verb for one in asked], [one.status for one in answered]

    @property
    def nothing_more(self) -> bool:
        return self.queue.empty()


async def send(db: Database, execution_id: str, verb: str) -> int:
    row = NewCommand(execution_id, verb, None, None, NOW, "me@here", "cli")
    return await db.write(lambda conn: commands.send(conn, row))


@contextmanager
def watching(db: Database, holder: Holder) -> Iterator[tuple[Watch, Told]]:
    watch, told = Watch(db.path), Told()
    watch.add(Watched(holder, told))
    try:
        yield watch, told
    finally:
        watch.remove(holder.execution_id)


@pytest.mark.requirement("C-7", "Z-21")
async def test_commands_are_told_once_and_acknowledged_whether_they_came_before_or_after(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        other = await new_store(db, "exec000002")
        early = await send(db, store.execution_id, "pause")
        with watching(db, store.holder) as (_, told):
            assert told.next() == (["pause"], [])
            await send(db, other.execution_id, "stop")
            late = await send(db, store.execution_id, "unpause")
            assert told.next() == (["unpause"], [])
            assert told.nothing_more
        rows = await db.read(lambda conn: [commands.get_command(conn, one) for one in (early, late)])
        assert all(row is not None and row.status == "seen" and row.seen_at for row in rows)
        [untouched] = await db.read(lambda conn: commands.commands(conn, other.execution_id))
        assert (untouched.status, untouched.seen_at) == ("queued", None)


@pytest.mark.requirement("C-7", "T-4")
async def test_who_does_not_own_the_execution_acknowledges_nothing(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        fenced = Holder(store.execution_id, store.holder.owner, store.holder.epoch - 1)
        with watching(db, fenced) as (_, former):
            await send(db, store.execution_id, "pause")
            with watching(db, store.holder) as (_, owner):
                assert owner.next() == (["pause"], [])
            assert former.nothing_more


@pytest.mark.requirement("P-1")
async def test_an_answer_is_told_to_who_waits_for_it(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        first, second = [
            (await store.apply(lambda conn, key=key: people.ask(conn, store.execution_id, key), "asked"))[0]
            for key in (NewApproval("n", 0, name, "command_exec", "?", None, NOW) for name in ("a", "b"))
        ]
        with watching(db, store.holder) as (watch, told):
            watch.ask(store.execution_id, first.id)
            for row in (second, first):
                await db.write(lambda conn, row=row: people.answer(conn, row.id, Verdict(True, NOW, "me@here", "cli")))
            assert told.next() == ([], ["approved"])
            assert told.nothing_more


@pytest.mark.requirement("P-1")
async def test_a_question_has_one_answer(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        question = NewApproval("n", 0, "", "human_review", "?", None, NOW)
        row, new = await store.apply(lambda conn: people.ask(conn, store.execution_id, question), "asked")
        assert new
        again, new = await store.apply(lambda conn: people.ask(conn, store.execution_id, question), "asked")
        assert (again, new) == (row, False)
        no = Verdict(False, NOW, "me@here", "cli", "no")
        yes = Verdict(True, NOW, "you@there", "terminal")
        assert await db.write(lambda conn: people.answer(conn, row.id, no))
        assert not await db.write(lambda conn: people.answer(conn, row.id, yes))
        assert not await db.write(lambda conn: people.cancel(conn, row.id))
        answered, new = await store.apply(lambda conn: people.ask(conn, store.execution_id, question), "asked")
        assert (answered.status, answered.comment, new) == ("denied", "no", False)


async def answered(store: ExecutionStore, command_id: int) -> CommandRecord:
    row = await store.db.read(lambda conn: commands.get_command(conn, command_id))
    assert row is not None
    return row


@pytest.mark.requirement("C-7", "Z-21")
async def test_an_answer_is_in_the_transaction_of_its_effect_and_given_once(open_db: OpenDb) -> None:
    async with open_db() as db:
        store = await new_store(db)
        command_id = await send(db, store.execution_id, "pause")
        first = CommandAnswer(command_id, "done", NOW + 1, '{"message":"paused"}')
        flush = FrameFlush([], [], b"s" * 16, commands=[first], paused=True)
        await store.commit(FrameWrite(0, NOW, "operator", ["operator:pause"], FrameOpening(None, b"p" * 16), flush))
        row = await answered(store, command_id)
        assert (row.status, row.frame_index, row.answered_at) == ("done", 0, NOW + 1)
        assert await db.read(lambda conn: commands.is_paused(conn, store.execution_id))
        late = CommandAnswer(command_id, "refused", NOW + 2)
        await store.apply(lambda conn: commands.answer(conn, store.execution_id, [late], 1), "late")
        assert await answered(store, command_id) == row
