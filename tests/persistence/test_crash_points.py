"""SIGKILL at every named point: invariants hold, what was acknowledged is there, what was not is whole or absent."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from loop_workload import EXECUTION
from persistence_tools import NOW, OpenDb, change, flush, frame, new_store

from smithers_persistence import crash, reads
from smithers_persistence.migrate import SUPPORTED
from smithers_persistence.rows import FinishedTask, TaskClaim
from smithers_persistence.verify import verify

CHILD = Path(__file__).with_name("loop_workload.py")
POINTS = ("create", "frame.commit", "frame.flush", "claim", "finished", "end")
NTH = 4


def run_child(path: Path, crash_at: str) -> int:
    command = [sys.executable, str(CHILD), str(path), "6"]
    environment = {"SMITHERS_CRASH_AT": crash_at, "PATH": ""}
    return subprocess.run(command, env=environment, timeout=60, check=False).returncode


def passed(conn: sqlite3.Connection, point: str) -> int:
    """How often the records that `point` is about are in the database."""
    if point == "create":
        return len(reads.list_executions(conn))
    if point == "end":
        return sum(row.status == "completed" for row in reads.list_executions(conn))
    frames = reads.frames(conn, EXECUTION)
    tasks = reads.tasks(conn, EXECUTION)
    return {
        "frame.commit": len(frames),
        "frame.flush": sum(row.flushed for row in frames),
        "claim": sum(row.started_at is not None for row in tasks),
        "finished": sum(row.ended_at is not None for row in tasks),
    }[point]


@pytest.mark.requirement("F-6", "H-3")
@pytest.mark.parametrize("place", ["before", "inside", "after"])
@pytest.mark.parametrize("point", POINTS)
def test_killed_at(point: str, place: str, tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    nth = 1 if point in {"create", "end"} else NTH
    assert run_child(path, f"{point}.{place}:{nth}") == -signal.SIGKILL
    conn = sqlite3.connect(path)
    assert verify(conn) == []
    assert passed(conn, point) == (nth if place == "after" else nth - 1)
    conn.close()


def test_without_a_crash_the_child_ends(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    assert run_child(path, "nowhere:1") == 0
    conn = sqlite3.connect(path)
    assert verify(conn) == []
    assert passed(conn, "frame.flush") == passed(conn, "frame.commit") == 18
    conn.close()


@pytest.fixture
def names() -> Iterator[list[str]]:
    """Every point that is passed, in order; the one in `names[0]` raises."""
    seen = [""]

    def hook(name: str) -> None:
        seen.append(name)
        if name == seen[0]:
            raise RuntimeError(name)

    crash.set_crash_hook(hook)
    yield seen
    crash.set_crash_hook(None)


async def test_a_hook_that_raises_inside_undoes_the_write(open_db: OpenDb, names: list[str]) -> None:
    async with open_db() as db:
        store = await new_store(db)
        names[:] = ["frame.flush.inside"]
        with pytest.raises(RuntimeError, match=r"frame\.flush\.inside"):
            await store.commit(frame(0, None, flush([change("k", None, "1")])))
        assert names[1:] == ["frame.commit.before", "frame.flush.before", "frame.commit.inside", "frame.flush.inside"]
        assert await db.read(lambda conn: reads.frames(conn, store.execution_id)) == []
        assert await db.read(verify) == []
        names[:] = [""]
        await store.commit(frame(0, None, flush([change("k", None, "1")])))
        assert await db.read(verify) == []


async def test_the_points_of_the_other_records(open_db: OpenDb, names: list[str]) -> None:
    made = (*["migrate"] * SUPPORTED, "create")
    async with open_db() as db:
        store = await new_store(db)
        assert names[1:] == [f"{what}.{place}" for what in made for place in ("before", "inside", "after")]
        for what, write in (
            ("claim", lambda: store.claim([TaskClaim("n", 0, 1, NOW)])),
            ("finished", lambda: store.finish(FinishedTask("n", 0, 1, "failed", NOW))),
        ):
            names[:] = [f"{what}.before"]
            with pytest.raises(RuntimeError, match=what):
                await write()
