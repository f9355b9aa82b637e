"""The order of the seven phases, seen from inside a frame (F-1)."""

import asyncio
import sqlite3
from contextlib import closing

import pytest

from smithers_persistence.rows import PHASES
from smithers_py import Effect, Task, component
from smithers_py.engine.run import Limits
from smithers_py.testing import run_plan

pytestmark = pytest.mark.requirement("F-1")


def test_an_effect_sees_its_frame_committed_its_task_claimed_and_its_own_write_nowhere(tmp_path):
    path = tmp_path / "db.sqlite"
    seen = []

    def look(ctx):
        with closing(sqlite3.connect(path)) as db:
            seen.append(db.execute("SELECT frame_index, flushed FROM frames").fetchall())
            seen.append(db.execute("SELECT status FROM tasks").fetchall())
            seen.append(db.execute("SELECT count(*) FROM state_kv").fetchone())
        ctx.state.set("k", 1)
        seen.append(ctx.state.get("k"))

    async def work():
        return None

    @component
    def App(ctx):
        return [Task(work, id="t"), Effect("look", deps=[], run=look)]

    result = asyncio.run(run_plan(App, db_path=path, limits=Limits(idle_timeout_ms=0)))
    assert result.status == "completed"
    # Committed but not flushed (4, 6, 7), the task claimed (4, 5, 6), the write queued (7).
    assert seen == [[(0, 0)], [("running",)], (0,), None]


def test_the_phases_are_seven_and_in_this_order():
    assert PHASES == ("snapshot", "render", "reconcile", "commit", "execute", "effects", "flush")
