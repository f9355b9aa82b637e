"""How large a loop is on disk, the file measured after close (S-7, DESIGN §8)."""

# ruff: noqa: ASYNC240  a stat on a loop that has nothing else to do

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from loop_workload import EXECUTION, random_item, run_loop

from smithers_persistence import Database
from smithers_persistence.state_fold import current_state, state_at
from smithers_persistence.verify import verify


def sentence(i: int) -> str:
    return f"iteration {i}: 3 of 17 tests failed, the first in test_parser.py line {i % 90}; ".ljust(1000, "x")


@pytest.mark.requirement("S-7")
@pytest.mark.parametrize(
    ("item", "iterations", "limit"),
    [(random_item(), 1000, 3_000_000), (sentence, 300, 600_000)],
    ids=["incompressible", "text"],
)
async def test_a_loop_that_appends_a_kilobyte_each_time(
    db_path: Path, item: Callable[[int], str], iterations: int, limit: int
) -> None:
    db = await Database.open(db_path)
    # What the tables of an empty database take is no cost of an iteration.
    empty = await db.read(lambda conn: conn.execute("PRAGMA page_count").fetchone()[0] * 4096)
    loop = await run_loop(db, iterations, item)
    await db.close()
    size = db_path.stat().st_size
    conn = sqlite3.connect(db_path)
    deltas = conn.execute("SELECT sum(length(CAST(delta_json AS BLOB))) FROM transitions").fetchone()[0]
    keyframe = conn.execute("SELECT length(CAST(value_json AS BLOB)) FROM state_kv WHERE key = 'log'").fetchone()[0]
    rest = (size - empty - deltas - keyframe) / iterations
    print(f"{size} bytes: deltas {deltas}, keyframe {keyframe}, the rest {rest:.0f} an iteration")
    assert size <= limit
    assert rest <= 1550
    assert verify(conn) == []
    state = current_state(conn, EXECUTION)
    assert state == state_at(conn, EXECUTION, 3 * iterations)
    assert len(loop.items) == iterations
    conn.close()
