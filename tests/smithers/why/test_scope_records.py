"""What frames keep of the scopes that ran: small, checked by `verify`, and enough for a storm of writes (F-3, F-7)."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from why_plans import played

from smithers_persistence import reads
from smithers_persistence.state_fold import current_state
from smithers_persistence.verify import verify
from smithers_py import Fragment, Phase, Task, While, component
from smithers_py.engine.run import Limits
from smithers_reactive import Computed, Signal


def nothing() -> None:
    """A task."""


@component
def Row(ctx: Any, n: int) -> Any:
    return Fragment(children=[str(ctx.state.get(f"k{n}"))])


@pytest.mark.requirement("F-7", "F-3", "R-6")
def test_a_frame_tells_which_scope_ran_because_of_which_key(tmp_path: Path) -> None:
    @component
    def app(ctx: Any) -> Any:
        first = Task(nothing, id="first", on_finished=lambda r, ctx: ctx.state.set("k7", 1))
        return [first, *(Row(n=n, key=n) for n in range(1_000))]

    path = tmp_path / "db.sqlite"
    execution = played(app, path)
    with sqlite3.connect(path) as conn:
        assert verify(conn) == []
        (run,) = reads.scope_runs(conn, execution, 1)
        assert (run.frame_index, run.why, run.read, run.changed) == (2, "keys", ["k7"], ["k7"])
        (frame,) = reads.frames(conn, execution, 2, 2)
        assert frame.bytes <= 500
        assert len(reads.scope_runs(conn, execution, 0, 0)) == 1_000
    conn.close()


@pytest.mark.requirement("F-7")
def test_conditions_are_told_with_what_they_read(tmp_path: Path) -> None:
    @component
    def app(ctx: Any) -> Any:
        more = While("loop", lambda: ctx.state.get("go", True), max_iterations=1, children=Task(nothing))
        return [Phase("p", id="p", skip_if=lambda: ctx.state.get("skip"), children=[more])]

    path = tmp_path / "db.sqlite"
    execution = played(app, path)
    with sqlite3.connect(path) as conn:
        runs = [(run.node_id, run.why, run.read) for run in reads.scope_runs(conn, execution)]
        keys = reads.frames(conn, execution, 0, 0)[0].keys_read
    conn.close()
    assert runs[:2] == [("p", "asked", ["skip"]), ("loop", "asked", ["go"])]
    assert keys == ["skip", "go"]


@pytest.mark.requirement("R-6")
def test_a_computed_in_between_is_looked_through(tmp_path: Path) -> None:
    @component
    def app(ctx: Any, level: Any, shown: Any) -> Any:
        first = Task(nothing, id="first", on_finished=lambda r: level.set(5))
        return [first, Task(nothing, id="alarm") if shown.get() else None]

    level = Signal(1, name="level")
    shown = Computed(lambda: level.get() > 3)
    path = tmp_path / "db.sqlite"

    async def run() -> str:
        from smithers_py.dsl.component import Element
        from smithers_py.engine.launch import RunOptions, run_plan

        options = RunOptions(script=None, db_path=path, workspace=tmp_path, limits=Limits(idle_timeout_ms=0))
        element = Element(app, {"level": level, "shown": shown})
        return (await run_plan(element, options, rt=level.rt)).execution_id

    level.rt.on_write = _signal_hook()
    execution = asyncio.run(run())
    with sqlite3.connect(path) as conn:
        changed = [run.changed for run in reads.scope_runs(conn, execution) if run.why == "keys"]
    conn.close()
    assert changed == [["level"]]


def _signal_hook() -> Any:
    from smithers_py.state.context import signal_hook

    return signal_hook


@pytest.mark.requirement("F-7")
def test_verify_finds_a_scope_that_was_not_there(tmp_path: Path) -> None:
    @component
    def app(ctx: Any) -> Any:
        return [Row(n=1, key=1)]

    path = tmp_path / "db.sqlite"
    played(app, path)
    with sqlite3.connect(path) as conn:
        (text,) = conn.execute("SELECT scopes_json FROM frames WHERE frame_index = 0").fetchone()
        for wrong, said in (
            (text.replace('["', '["x', 1), "when it was not in the plan"),
            (text[:-1] + "," + text[1:], "ran twice in frame 0"),
        ):
            conn.execute("UPDATE frames SET scopes_json = ? WHERE frame_index = 0", (wrong,))
            found = [one.detail for one in verify(conn) if one.kind == "scopes"]
            assert [one for one in found if said in one], found
    conn.close()


@pytest.mark.requirement("F-9", "R-7", "S-4")
def test_a_storm_of_writes_makes_few_frames_and_loses_none(tmp_path: Path) -> None:
    tasks, writes = 200, 10

    def work(number: int) -> Any:
        async def body(ctx: Any) -> None:
            for _ in range(writes):
                ctx.state.increment("total", 1)
                ctx.state.increment(f"own/{number}", 1)
                await asyncio.sleep(0)

        return body

    @component
    def app(ctx: Any) -> Any:
        return [Row(n="total"), *(Task(work(number), id=f"t{number}") for number in range(tasks))]

    path = tmp_path / "db.sqlite"
    execution = played(app, path, limits=Limits(idle_timeout_ms=0, max_tasks=tasks))
    with sqlite3.connect(path) as conn:
        state = {key: int(text) for key, text in current_state(conn, execution).items() if key[0] != "$"}
        frames = reads.frames(conn, execution)
        moments = {row.handled_frame for row in reads.tasks(conn, execution)}
    conn.close()
    assert state.pop("total") == tasks * writes
    assert state == {f"own/{number}": writes for number in range(tasks)}
    # One to mount and start, one for each moment at which ends were seen, and those that show what was written.
    assert len(frames) <= 1 + 2 * len(moments)
