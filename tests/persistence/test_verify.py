"""The checker is checked: each kind of damage is found, and none is reported where there is none."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from loop_workload import random_item, run_loop

from smithers_persistence import Database
from smithers_persistence.frame_store import pack_keyframe
from smithers_persistence.verify import verify

DAMAGE = {
    "a frame is gone": ("DELETE FROM frames WHERE frame_index = 5", {"gap", "chain", "transitions", "nodes", "state"}),
    "the last frame is gone": (
        "DELETE FROM frames WHERE frame_index = (SELECT max(frame_index) FROM frames)",
        {"head", "transitions", "state"},
    ),
    "a delta was changed": ("UPDATE frames SET delta = x'5B5D' WHERE frame_index = 3", {"chain", "nodes", "delta"}),
    "an epoch went back": ("UPDATE frames SET epoch = 3 WHERE frame_index = 4", {"epoch", "chain"}),
    "a frame tells another reason": ("UPDATE frames SET reason = 'stort' WHERE frame_index = 4", {"chain"}),
    "a frame counts other nodes": ("UPDATE frames SET mounted = 77 WHERE frame_index = 4", {"chain"}),
    "a state hash is another": ("UPDATE frames SET state_hash = x'01' WHERE frame_index = 4", {"chain", "head"}),
    "phase times are no list": ("UPDATE frames SET phase_ms_json = '[0,1' WHERE frame_index = 4", {"damaged"}),
    "phase times are too few": (
        "UPDATE frames SET phase_ms_json = '[0,1]' WHERE frame_index = 4",
        {"times", "damaged"},
    ),
    "a text is none": ("UPDATE frames SET reason = CAST(x'FF' AS TEXT) WHERE frame_index = 4", {"damaged"}),
    "a task of an epoch to come": ("UPDATE tasks SET lease_epoch = 9", {"leases"}),
    "a task runs for another": (
        "UPDATE tasks SET status = 'running', ended_at = NULL, handled_frame = NULL, lease_owner = 'x'",
        {"leases"},
    ),
    "a transition is gone": ("DELETE FROM transitions WHERE id = 9", {"transitions", "chain", "state", "head"}),
    "a value was changed": (
        "UPDATE transitions SET new_value_json = '7' WHERE key = 'mode'",
        {"chain", "head", "state"},
    ),
    "a transition no frame counts": (
        "INSERT INTO transitions (execution_id, frame_index, key, timestamp) VALUES ('x7k2m9qa1b', 3, 'k', 0)",
        {"transitions"},
    ),
    "the state is another": ("UPDATE state_kv SET value_json = '7' WHERE key = 'mode'", {"state"}),
    "the state is gone": ("DELETE FROM state_kv", {"state"}),
    "a node is not in the plan": ("UPDATE node_instances SET unmounted_frame = NULL", {"nodes"}),
    "a task without its node": ("DELETE FROM node_instances WHERE node_id = 'loop/2/run'", {"tasks"}),
    "a running task without a lease": ("UPDATE tasks SET status = 'running'", {"tasks", "leases"}),
    "a result without its end": ("UPDATE tasks SET ended_at = NULL", {"tasks"}),
    "handled after the head": ("UPDATE tasks SET handled_frame = 999", {"tasks"}),
    "an event is gone": ("DELETE FROM events WHERE seq = 4", {"events"}),
    "the head is another": ("UPDATE executions SET head_chain = x'00'", {"head"}),
    "a packed value is damaged": ("UPDATE state_kv SET value_json = x'00' WHERE key = 'log'", {"delta"}),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("verify") / "db.sqlite"

    async def write() -> None:
        db = await Database.open(path)
        await run_loop(db, 8, random_item(900))
        await db.close()

    asyncio.run(write())
    return path


@pytest.fixture
def conn(written: Path, tmp_path: Path) -> sqlite3.Connection:
    copy = tmp_path / "copy.sqlite"
    copy.write_bytes(written.read_bytes())
    return sqlite3.connect(copy, isolation_level=None)


def test_a_sound_database_has_no_violation(conn: sqlite3.Connection) -> None:
    assert verify(conn) == []
    assert verify(conn, "x7k2m9qa1b", deep=False) == []
    conn.close()


@pytest.mark.requirement("S-5")
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_is_found(damage: str, conn: sqlite3.Connection) -> None:
    statement, kinds = DAMAGE[damage]
    assert conn.execute(statement).rowcount > 0
    found = verify(conn)
    assert found
    assert {violation.kind for violation in found} <= kinds, found
    assert all(violation.execution_id == "x7k2m9qa1b" for violation in found)
    conn.close()


def test_a_wrong_keyframe_is_found(conn: sqlite3.Connection) -> None:
    conn.execute("UPDATE frames SET keyframe = ? WHERE frame_index = 7", (pack_keyframe([["z", None, "T", None, {}]]),))
    assert [violation.kind for violation in verify(conn)] == ["keyframe"]
    conn.close()
