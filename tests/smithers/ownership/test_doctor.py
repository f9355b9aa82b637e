"""`smithers doctor ID` verifies an execution and says what to do."""

import json
import sqlite3
from pathlib import Path

import pytest
from engine_processes import Engines

from smithers_persistence import Database
from smithers_py import Task, component
from smithers_py.harness.diagnosis import diagnose
from smithers_py.testing import run_plan

PLAN = """from smithers_py import Task, component


@component
def App(ctx):
    return Task(lambda: "x" * 100, id="work", on_finished=lambda r: ctx.state.set("out", r.output))
"""


@component
def App(ctx):
    return Task(lambda: "x" * 100, id="work", on_finished=lambda r: ctx.state.set("out", r.output))


def change(path: Path, statement: str) -> None:
    with sqlite3.connect(path) as conn:
        assert conn.execute(statement).rowcount > 0
    conn.close()


@pytest.mark.requirement("O-2", "C-3")
def test_what_a_person_sees(workspace: Path) -> None:
    engines = Engines(workspace)
    Path("plan.py").write_text(PLAN)
    assert engines.run("run", "plan.py")[0] == 0
    code, out, err = engines.run("doctor", "latest")
    assert (code, err) == (0, "")
    assert "sound" in out
    assert "2 frames" in out
    assert "next:      Nothing." in out
    # One bit, in the file itself, in what frame 0 stored of its plan.
    path = Path(".smithers/db.sqlite")
    data = bytearray(path.read_bytes())
    data[data.index(b'[["+"') + 3] ^= 4
    path.write_bytes(data)
    code, out, _ = engines.run("doctor", "latest")
    assert code == 1
    assert "chain: frame 0 does not hash to its chain" in out
    assert "backup" in out
    code, out, _ = engines.run("doctor", "latest", "--json")
    told = json.loads(out)
    assert (code, told["healthy"], told["findings"][0]["kind"]) == (1, False, "chain")
    assert engines.run("inspect")[0] == 2


DAMAGE = {
    "a frame's hash": ("UPDATE frames SET plan_hash = x'00' WHERE frame_index = 0", "chain", "backup"),
    "a value": ("UPDATE state_kv SET value_json = '7' WHERE key = 'out'", "state", "Do not resume"),
    "a frame is gone": ("DELETE FROM frames WHERE frame_index = 0", "gap", "Do not resume"),
    "a count": ("DELETE FROM events WHERE seq = 2", "events", "report this"),
    "a lease": ("UPDATE tasks SET lease_epoch = 7", "leases", "report this"),
}


@pytest.mark.requirement("O-2")
@pytest.mark.parametrize("damage", DAMAGE)
async def test_damage_and_advice(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "db.sqlite"
    result = await run_plan(App, db_path=path)
    statement, kind, advice = DAMAGE[damage]
    change(path, statement)
    told = await diagnose(path, result.execution_id)
    assert not told.healthy
    assert kind in {one.kind for one in told.findings}
    assert advice in told.next


@pytest.mark.requirement("O-2")
@pytest.mark.parametrize(
    ("status", "advice"), [("running", "smithers resume"), ("failed", "smithers resume"), ("completed", "Nothing.")]
)
async def test_what_to_do_with_one_that_is_sound(tmp_path: Path, status: str, advice: str) -> None:
    path = tmp_path / "db.sqlite"
    result = await run_plan(App, db_path=path)
    change(path, f"UPDATE executions SET status = '{status}'")
    told = await diagnose(path, "latest")
    assert told.healthy
    assert told.execution_id == result.execution_id
    assert told.counts == {"frames": 2, "transitions": 3, "events": 3, "tasks": 1}
    assert told.next.startswith(advice)


async def test_a_file_that_is_no_database_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    path.write_bytes(b"nothing of that kind" * 100)
    told = await diagnose(path, "latest")
    assert (told.healthy, told.findings[0].kind, told.run_state) == (False, "integrity", None)


async def test_it_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db.sqlite"
    await run_plan(App, db_path=path)
    before = path.read_bytes()
    await diagnose(path, "latest")
    assert path.read_bytes() == before
    db = await Database.open(path)
    await db.close()
