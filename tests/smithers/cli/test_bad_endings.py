"""Runs that are cut short by Ctrl-C, SIGTERM or a full disk: what was written is whole, and what to do is said."""

import json
import os
import signal
import sqlite3
from pathlib import Path

import pytest
from bad_runs import APP, HEAD, PROGRAM, command, run

from smithers_persistence.verify import verify

WAITS = f"""{HEAD}{APP}    return Phase("p", children=[
        Task(lambda: "first", id="t", on_finished=lambda r: ctx.state.set("said", r.output)),
        Command("echo go > ready; read x < gate", id="w"),
    ])
"""

FILLS = f"""{HEAD}import random

def work():
    return random.randbytes(20_000).hex()

{APP}    def keep(n):
        return lambda r: [ctx.state.set(f"a{{n}}", r.output), ctx.state.set(f"b{{n}}", r.output)]

    return Ralph("r", max_iterations=500, children=lambda n: Task(work, on_finished=keep(n)))
"""


def sound(path=".smithers/db.sqlite"):
    """What `verify` finds wrong with a database: nothing, if no write was left half done."""
    with sqlite3.connect(path) as db:
        assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        found = verify(db)
    db.close()
    return found == []


@pytest.mark.requirement("C-4", "C-5", "T-7", "Z-22")
@pytest.mark.parametrize(
    ("number", "code", "reason"), [(signal.SIGINT, 130, "interrupted"), (signal.SIGTERM, 143, "terminated")]
)
def test_a_signal_stops_the_run_keeps_the_state_and_says_how_to_go_on(
    number, code, reason, start, script, workspace, smithers
):
    os.mkfifo("ready")
    os.mkfifo("gate")
    running = start("run", script(WAITS), "--json", "--state", "kept=1")
    Path("ready").read_text()
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == code
    assert "Traceback" not in err
    (line,) = out.splitlines()
    result = json.loads(line)
    assert (result["status"], result["exit_code"], result["stop_reason"]) == ("stopped", code, reason)
    assert f"smithers resume {result['execution_id']}" in err
    assert json.loads(smithers("db", "state", "--json")[1]) == {"kept": 1, "said": "first"}
    (row,) = json.loads(smithers("list", "--json")[1])
    assert row["status"] == "stopped"
    assert sound()


@pytest.mark.requirement("C-5")
def test_an_impatient_ctrl_c_breaks_off_a_script_that_is_still_imported(workspace):
    # The script presses it, so that it comes in the middle of the import.
    left = run(
        f"{HEAD}import os, signal\nfor _ in range(2):\n    os.kill(os.getpid(), signal.SIGINT)\n{APP}    return 1\n"
    )
    assert (left.code, left.out) == (130, "")
    assert "Traceback" not in left.err
    assert not Path(".smithers").exists()


@pytest.mark.requirement("F-6", "E-4", "Z-22")
def test_a_full_disk_stops_the_run_and_leaves_nothing_half_written(workspace, smithers):
    # A limit on the size of files, in blocks of 512 bytes: what a full disk does, without a disk of our own.
    limited = ["/bin/sh", "-c", 'ulimit -f 3000; exec "$@"', "sh", *PROGRAM]
    left = run(FILLS, program=limited)
    assert left.code == 1
    for part in ("E701", "db.sqlite can no longer be used", "nothing was written since", "make room"):
        assert part in left.paragraph
    result = left.result
    assert (result["status"], result["exit_code"], result["stop_reason"]) == ("failed", 1, "store")
    assert result["execution_id"] in left.paragraph
    assert result["errors"][0]["code"] == "E701"
    state = json.loads(smithers("db", "state", result["execution_id"], "--json")[1])
    written = len(state) // 2
    assert written > 3
    # Both writes of a handler or neither, and no iteration left out.
    assert set(state) == {"kept", *(f"{key}{n}" for key in "ab" for n in range(written))}
    assert len(json.loads(smithers("db", "frames", "--json")[1])) >= 2 * written
    assert sound()


@pytest.mark.requirement("F-6")
def test_a_disk_that_is_full_from_the_start_begins_nothing(workspace):
    limited = ["/bin/sh", "-c", 'ulimit -f 8; exec "$@"', "sh", *PROGRAM]
    Path("plan.py").write_text(WAITS)
    left = command("run", "plan.py", "--json", program=limited)
    assert (left.code, left.out) == (2, "")
    assert "E701" in left.paragraph
    assert left.err.count("\n") == 1
