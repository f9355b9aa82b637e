"""The one function that says what an execution is really doing (O-2)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smithers_persistence.owner import owner_alive
from smithers_persistence.records import ExecutionRecord, TaskRecord
from smithers_py.harness.run_state import is_over, run_state

pytestmark = pytest.mark.requirement("O-2", "Z-21")

NOW = 1_790_000_000_000
HUMAN, TIMER = (f'{{"reason":"{word}","until":null}}' for word in ("human", "timer"))


def execution(**given):
    fields = dict.fromkeys(ExecutionRecord.__dataclass_fields__)
    fields |= {"execution_id": "ex1", "status": "running", "tags": [], "head_frame": 3, "epoch": 2, "hb_seq": 1}
    fields |= {"owner": "me", "lease_expires_at": NOW + 10_000, "created_at": NOW - 9, "updated_at": NOW - 1}
    return ExecutionRecord(**(fields | given))


def task(status="running", **given):
    fields = dict.fromkeys(TaskRecord.__dataclass_fields__)
    fields |= {
        "execution_id": "ex1",
        "node_id": "n",
        "mounted_frame": 0,
        "attempt": 1,
        "kind": "Task",
        "status": status,
    }
    fields |= {"lease_epoch": 2, "hb_seq": 1, "scheduled_at": NOW}
    return TaskRecord(**(fields | given))


@pytest.mark.parametrize(
    ("row", "tasks", "alive", "state"),
    [
        ({}, [task()], None, "running"),
        ({}, [], True, "running"),
        ({"lease_expires_at": None}, [], None, "running"),
        ({"lease_expires_at": NOW - 1}, [], None, "stale"),
        ({"lease_expires_at": NOW - 1}, [], True, "stale"),
        ({"lease_expires_at": NOW - 10_800_000}, [], True, "stale"),
        ({"lease_expires_at": NOW - 10_800_000}, [], False, "orphaned"),
        ({"lease_expires_at": NOW + 10_800_000}, [], False, "orphaned"),
        ({"lease_expires_at": NOW - 400, "owner_ident": '{"lease_ms": 1000}'}, [], None, "orphaned"),
        ({"lease_expires_at": NOW - 200, "owner_ident": '{"lease_ms": 1000}'}, [], None, "stale"),
        ({"status": "recovering"}, [], True, "recovering"),
        ({"status": "recovering"}, [task(lease_epoch=1)], True, "recovering"),
        ({"status": "recovering"}, [], False, "orphaned"),
        ({"lease_expires_at": NOW - 8_000}, [], None, "orphaned"),
        ({}, [], False, "orphaned"),
        ({"owner": None}, [], None, "orphaned"),
        ({}, [task(lease_epoch=1)], None, "recovering"),
        ({"status": "waiting"}, [task(blocked_json=HUMAN)], None, "waiting-human"),
        ({"status": "waiting"}, [task(blocked_json=HUMAN), task(blocked_json=TIMER)], None, "waiting-human+timer"),
        ({"status": "waiting", "owner": None}, [], None, "waiting"),
        ({"status": "paused", "owner": None}, [], None, "paused"),
        ({"status": "stalled", "owner": None, "status_reason": "frame_storm"}, [], None, "stalled"),
        ({"status": "completed", "owner": None}, [], None, "completed"),
        ({"status": "failed", "owner": None}, [task("failed")], None, "failed"),
        ({"status": "terminated", "owner": None}, [], False, "terminated"),
    ],
)
def test_states(row, tasks, alive, state):
    told = run_state(execution(**row), tasks, NOW, owner_alive=alive)
    assert told.state == state
    assert told.reason
    assert is_over(told) == (state in {"completed", "failed", "terminated", "orphaned", "stalled"})


def test_who_is_gone_or_late_is_said():
    ident = '{"host": "box", "pid": 4711}'
    assert "process 4711 on box) is gone" in run_state(execution(owner_ident=ident), [], NOW, owner_alive=False).reason
    late = run_state(execution(owner_ident=ident, lease_expires_at=NOW - 1), [], NOW, owner_alive=True)
    assert "process 4711 on box lives but sends no heartbeat" in late.reason
    assert "smithers resume ex1" in late.reason


def test_what_one_can_type_next_is_said():
    assert "smithers resume ex1" in run_state(execution(), [], NOW, owner_alive=False).reason
    assert "frame_storm" in run_state(execution(status="stalled", status_reason="frame_storm"), [], NOW).reason


def test_tasks_are_counted():
    told = run_state(execution(), [task(), task(), task("failed"), task("scheduled")], NOW)
    assert (told.running, told.failed, told.scheduled, told.blocked) == (2, 1, 1, 0)
    assert told.reason == "2 tasks running"


def ident(pid, **other):
    stat = Path(f"/proc/{pid}/stat").read_text()
    here = {
        "boot_id": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "pid_ns": Path("/proc/self/ns/pid").readlink().name,
        "pid": pid,
        "start_time": stat.rpartition(")")[2].split()[19],
    }
    return json.dumps(here | other)


def test_an_owner_is_gone_only_when_that_is_proven():
    assert owner_alive(ident(os.getpid())) is True
    assert owner_alive(ident(os.getpid(), start_time="1")) is False
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    of_child = ident(child.pid)
    assert owner_alive(of_child) is True
    child.communicate(b"\n")
    assert owner_alive(of_child) is False
    # Another boot or container may hold a live process of that number.
    assert owner_alive(ident(os.getpid(), boot_id="other", start_time="1")) is None
    assert owner_alive(ident(os.getpid(), pid_ns="other", start_time="1")) is None
    for unknown in (None, "", "nonsense", "{}", "[]"):
        assert owner_alive(unknown) is None
