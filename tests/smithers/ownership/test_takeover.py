"""Two engines and one execution, as real processes: one runs it, the other says who does, or takes over (T-4)."""

import json
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest
from engine_processes import STEPS, Engines, begun, let_end, steps

from smithers_persistence.verify import verify


@pytest.fixture
def engines(workspace: Path):
    Path("plan.py").write_text(STEPS)
    for n in (1, 2):
        os.mkfifo(f"ready{n}")
        os.mkfifo(f"gate{n}")
    made = Engines(workspace)
    yield made
    made.end_all()


def rows(query: str):
    conn = sqlite3.connect(".smithers/db.sqlite")
    try:
        return conn.execute(query).fetchall()
    finally:
        conn.close()


def in_step_two(engines: Engines):
    """An engine that has done step 1 and waits in step 2."""
    first = engines.start("run", "plan.py")
    begun(1)
    let_end(1)
    begun(2)
    return first


@pytest.mark.requirement("T-4")
def test_the_second_resume_says_who_runs_it_and_exits_2(engines: Engines) -> None:
    first = in_step_two(engines)
    code, out, err = engines.run("resume")
    assert (code, out) == (2, "")
    assert "E803" in err
    assert f"process {first.pid} on " in err
    assert " since 2" in err
    assert f"kill {first.pid}" in err
    let_end(2)
    assert first.wait(60) == 0
    assert steps(engines.folder) == ["start 1", "end 1", "start 2", "end 2"]


@pytest.mark.requirement("T-4")
def test_of_two_resumes_of_a_dead_engine_one_runs(engines: Engines) -> None:
    first = in_step_two(engines)
    first.kill()
    first.wait(60)
    racing = [engines.start("resume") for _ in range(2)]
    loser = next(p for p in _as_they_end(racing))
    assert loser.returncode == 2
    (winner,) = [process for process in racing if process is not loser]
    _, told = loser.communicate(timeout=60)
    assert f"process {winner.pid} on " in told
    begun(2)
    let_end(2)
    assert winner.wait(60) == 0
    assert rows("SELECT status, epoch FROM executions") == [("completed", 2)]
    assert steps(engines.folder).count("end 2") == 1


@pytest.mark.requirement("T-1", "T-2", "T-4")
def test_a_stopped_engine_is_taken_over_and_writes_nothing_when_it_wakes(engines: Engines) -> None:
    first = in_step_two(engines)
    first.send_signal(signal.SIGSTOP)
    while rows("SELECT lease_expires_at FROM executions")[0][0] > time.time_ns() // 1_000_000:
        # A process that lives and has just sent a heartbeat is not even watched: the second would be told so at once.
        assert engines.run("list")[0] == 0
    second = engines.start("resume")
    told = second.stderr.readline() + second.stderr.readline()
    assert f"process {first.pid} " in told
    begun(2)
    let_end(2)
    assert second.wait(60) == 0
    before = rows("SELECT * FROM executions"), rows("SELECT * FROM tasks"), rows("SELECT * FROM events")
    first.send_signal(signal.SIGCONT)
    _, err = first.communicate(timeout=60)
    assert first.returncode == 1
    assert "E702" in err
    assert "Traceback" not in err
    assert "no longer holds" in err
    assert (rows("SELECT * FROM executions"), rows("SELECT * FROM tasks"), rows("SELECT * FROM events")) == before
    assert rows("SELECT status, epoch FROM executions") == [("completed", 2)]
    assert json.loads(engines.run("db", "state", "--json")[1]) == {"done": ["1", "2"]}
    conn = sqlite3.connect(".smithers/db.sqlite")
    assert verify(conn) == []
    conn.close()
    assert steps(engines.folder).count("end 1") == 1


def _as_they_end(processes):
    """The processes in the order in which they end."""
    left = {process.pid: process for process in processes}
    while left:
        pid = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT).si_pid
        if pid in left:
            process = left.pop(pid)
            process.wait(60)
            yield process
