"""One flipped bit anywhere in the pages of the frames is found, or has changed nothing that a frame tells (F-6)."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from loop_workload import random_item, run_loop

from smithers_persistence import Database
from smithers_persistence.verify import verify

FLIPS = 250
MEASUREMENTS = {"bytes", "phase_ms_json"}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("flips") / "db.sqlite"

    async def write() -> None:
        db = await Database.open(path)
        await run_loop(db, 8, random_item(900))
        await db.close()

    asyncio.run(write())
    return path


def leaf_pages(data: bytes, root: int) -> list[int]:
    """The leaf pages of a table without rowid (file format: 0x0a is a leaf, 0x02 an interior page of an index)."""
    size = int.from_bytes(data[16:18], "big")
    page = data[(root - 1) * size : root * size]
    if page[0] == 0x0A:
        return [root]
    cells = int.from_bytes(page[3:5], "big")
    places = [int.from_bytes(page[12 + 2 * i : 14 + 2 * i], "big") for i in range(cells)]
    below = [int.from_bytes(page[at : at + 4], "big") for at in places] + [int.from_bytes(page[8:12], "big")]
    return [leaf for number in below for leaf in leaf_pages(data, number)]


def told(conn: sqlite3.Connection) -> list[tuple[Any, ...]]:
    """Every row of the frames, measurements apart."""
    names = [row[1] for row in conn.execute("PRAGMA table_info(frames)") if row[1] not in MEASUREMENTS]
    return conn.execute(f"SELECT {', '.join(names)} FROM frames ORDER BY frame_index").fetchall()


def found_in(path: Path) -> tuple[bool, list[tuple[Any, ...]]]:
    """Whether the checker finds anything, and what the frames tell where it does not."""
    conn = sqlite3.connect(path)
    try:
        return (True, []) if verify(conn) else (False, told(conn))
    except sqlite3.DatabaseError:
        return True, []
    finally:
        conn.close()


@pytest.mark.requirement("F-6")
def test_no_flipped_bit_changes_a_frame_unnoticed(written: Path, tmp_path: Path) -> None:
    data = written.read_bytes()
    conn = sqlite3.connect(written)
    root = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = 'frames'").fetchone()[0]
    before = told(conn)
    conn.close()
    size = int.from_bytes(data[16:18], "big")
    pages = leaf_pages(data, root)
    assert len(pages) > 1
    chance = random.Random(7)
    flipped = tmp_path / "flipped.sqlite"
    detected = 0
    for _ in range(FLIPS):
        at = (chance.choice(pages) - 1) * size + chance.randrange(size)
        bit = 1 << chance.randrange(8)
        flipped.write_bytes(data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :])
        found, rows = found_in(flipped)
        assert found or rows == before, f"byte {at} bit {bit}"
        detected += found
    assert detected > FLIPS / 4, "half of the pages is free space, the rest is rows"
