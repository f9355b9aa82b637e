"""Tasks are made ready while their frame's COMMIT is under way; their work still waits for the disk (H-3, F-6)."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sem_play import FAST, Watch, nothing, play

import smithers_py
from smithers_persistence.crash import set_crash_hook
from smithers_persistence.verify import verify
from smithers_py import Parallel, Phase, Ralph, Task, component
from smithers_py.testing import run_plan

pytestmark = pytest.mark.requirement("H-3", "F-6")


def on_disk(path: Path, query: str) -> list[tuple[object, ...]]:
    """What another process would find now."""
    conn = sqlite3.connect(path)
    try:
        return conn.execute(query).fetchall()
    finally:
        conn.close()


@contextmanager
def at_claim(nth: int, turns: int, act: Callable[[], object]) -> Iterator[None]:
    """Do it so many turns of the loop after the statements of the n-th claim, whose COMMIT is next."""
    loop, passed = asyncio.get_running_loop(), 0

    def later(left: int) -> None:
        if left:
            loop.call_soon(later, left - 1)
        else:
            act()

    def passing(point: str) -> None:
        nonlocal passed
        passed += point == "claim.inside"
        if point == "claim.inside" and passed == nth:
            loop.call_soon_threadsafe(later, turns)

    set_crash_hook(passing)
    try:
        yield
    finally:
        set_crash_hook(None)


def phase(*children):
    return component(lambda ctx: Phase("p", children=list(children)))


@pytest.mark.parametrize("timeout", [None, 30])
@pytest.mark.parametrize("kind", ["async", "thread"])
def test_the_work_finds_its_own_claim_on_disk(tmp_path, kind, timeout):
    folder = tmp_path / "run0"
    found = []

    def look(name):
        query = f"SELECT status, attempt FROM tasks WHERE node_id = '{name}'"
        frames = "SELECT max(frame_index), max(head_frame) FROM frames JOIN executions"
        found.append((on_disk(folder / "db.sqlite", query), on_disk(folder / "db.sqlite", frames)[0]))

    def work(name):
        async def looking():
            look(name)

        return looking if kind == "async" else lambda: look(name)

    play(phase(*[Task(work(f"t{n}"), id=f"t{n}", timeout=timeout) for n in range(12)]), tmp_path)
    assert [claim for claim, _ in found] == [[("running", 1)]] * 12
    assert [frames for _, frames in found] == [(n, n) for n in range(12)]


def test_what_the_frame_wrote_is_what_the_work_reads(run):
    seen = []

    @component
    def App(ctx):
        async def look():
            seen.append((ctx.state.get("n"), ctx.node("look").status))

        return Phase(
            "p",
            children=[Task(nothing, id="a").on_finished(lambda r: ctx.state.set("n", 1)), Task(look, id="look")],
        )

    run(App)
    assert seen == [(1, "running")]


def test_a_frame_is_told_once_it_is_on_disk_and_before_the_next_begins(tmp_path):
    path = tmp_path / "run0" / "db.sqlite"
    told = []

    def frame(watch, report):
        told.append((report.index, on_disk(path, "SELECT max(frame_index) FROM frames")[0][0]))

    @component
    def App(ctx):
        return Ralph(
            lambda: ctx.state.get("n", 0) < 4,
            children=lambda: [Task(nothing, id="a"), Task(nothing, id="b")],
            on_iteration=lambda n: ctx.state.set("n", n + 1),
        )

    play(App, tmp_path, on_frame=frame)
    assert [index for index, _ in told] == list(range(len(told)))
    # One that starts nothing may be told before it is written: it is held for the next one's transaction.
    assert all(index - stored in (0, 1) for index, stored in told)


@pytest.mark.parametrize("alone", [True, False])
def test_a_commit_that_fails_starts_nothing(tmp_path, alone):
    """A foreign key that is looked at by the COMMIT, after every statement of it has succeeded."""
    path = tmp_path / "db.sqlite"
    began = []

    def work(name):
        async def begin():
            began.append(name)

        return begin

    def plant(watch, report):
        if report.index == 0:
            conn = sqlite3.connect(path)
            conn.executescript("""
                CREATE TABLE missing (y INTEGER PRIMARY KEY);
                CREATE TABLE trap (x INTEGER REFERENCES missing (y) DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER sprung AFTER INSERT ON tasks WHEN NEW.node_id = 'c'
                BEGIN INSERT INTO trap VALUES (1); END;
            """)
            conn.close()

    children = [Task(work(name), id=name) for name in "abcd"]
    app = phase(*children if alone else [children[0], Parallel(id="both", children=children[1:])])
    watch = Watch(False, plant)
    with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
        asyncio.run(run_plan(app, db_path=path, limits=FAST, observer=watch, stop=watch))
    before = ["a", "b"] if alone else ["a"]
    assert began == before
    assert on_disk(path, "SELECT node_id FROM tasks") == [(name,) for name in before]
    # What was decided and not written was told to nobody, but for the start of the Parallel, which was held.
    stored = on_disk(path, "SELECT max(frame_index) FROM frames")[0][0]
    assert max(report.index for report in watch.frames) == stored + (0 if alone else 1)


@pytest.mark.parametrize("turns", range(9))
@pytest.mark.parametrize("how", ["stopped", "cancelled"])
def test_a_run_that_ends_while_its_claims_are_on_their_way_can_be_resumed(tmp_path, how, turns):
    """Three tasks wait for one claim: ending one must not take it from the others."""
    path = tmp_path / "db.sqlite"
    began = []

    def work(name):
        async def begin():
            began.append(name)
            await asyncio.sleep(0)

        return begin

    app = phase(
        Task(work("a"), id="a"),
        Parallel(id="both", children=[Task(work(name), id=name) for name in "bcd"]),
        Task(work("e"), id="e"),
    )

    async def ended() -> None:
        watch = Watch(False, None)
        running = asyncio.ensure_future(run_plan(app, db_path=path, limits=FAST, observer=watch, stop=watch))
        with at_claim(2, turns, running.cancel if how == "cancelled" else lambda: watch.request(True)):
            result = await asyncio.wait_for(asyncio.gather(running, return_exceptions=True), 30)
        assert isinstance(result[0], asyncio.CancelledError) if how == "cancelled" else result[0].status == "stopped"
        assert not [one for one in asyncio.all_tasks() if one.get_name().startswith("task ")]
        conn = sqlite3.connect(path, isolation_level=None)
        # A run that was cancelled keeps its lease until it runs out.
        conn.execute("UPDATE executions SET owner = NULL, owner_ident = NULL, lease_expires_at = NULL")
        (execution_id,) = conn.execute("SELECT execution_id FROM executions").fetchone()
        resumed = await asyncio.wait_for(smithers_py.resume(execution_id, app, db=path, idle_timeout=0), 30)
        assert resumed.status == "completed"
        assert verify(conn, execution_id) == []
        conn.close()

    asyncio.run(ended())
    assert on_disk(path, "SELECT DISTINCT status FROM tasks") == [("succeeded",)]
    assert began[0] == "a"
    assert set(began) == set("abcde")


@pytest.mark.parametrize("turns", range(6))
def test_no_frame_begins_after_a_stop_that_came_while_one_was_on_its_way(tmp_path, turns):
    rendered, at_stop = [], []

    @component
    def App(ctx):
        rendered.append(ctx.node("b").status)
        return Phase("p", children=[Task(nothing, id="a"), Task(nothing, id="b")])

    async def stopped():
        watch = Watch(False, None)

        def stop():
            at_stop.append(len(rendered))
            watch.request(True)

        with at_claim(2, turns, stop):
            return await run_plan(App, db_path=tmp_path / "db.sqlite", limits=FAST, observer=watch, stop=watch)

    assert asyncio.run(stopped()).status == "stopped"
    assert [len(rendered)] == at_stop
