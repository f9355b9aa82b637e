"""`smithers run` as people and scripts use it: exit codes, JSON, live tree, Ctrl-C."""

import json
import os
import signal

import pytest

HELLO = """
from smithers_py import Command, End, Phase, Stop, Task, component

print("loading the plan")

def greet(ctx):
    print("hello from a task")
    return "hi"

def fail(ctx):
    raise ValueError("no luck")

@component
def App(ctx):
    if ctx.input == "fail":
        return Task(fail, id="bad")
    if ctx.input == "stop":
        return Stop("enough")
    if ctx.input == "end":
        return End({"n": ctx.state.get("n")}, exit_code=7)
    if ctx.input == "raise":
        raise KeyError("gone")
    return Phase("greet", children=[Task(greet, id="hi", on_finished=lambda r: ctx.state.set("said", r.output))])
"""

WAITING = """
from smithers_py import Command, Phase, component

@component
def App(ctx):
    return Phase("wait", children=[Command("{command}", id="w")])
"""

MANY = """
from smithers_py import Command, Parallel, component

@component
def App(ctx):
    quick = [Command(["true"], id=f"c{n}") for n in range(60)]
    return Parallel(children=[Command("echo working; read x < gate", id="slow"), *quick])
"""


@pytest.mark.requirement("C-3", "C-4", "Z-22")
def test_json_is_one_line_and_the_last_of_stdout(smithers, script):
    code, out, err = smithers("run", script(HELLO), "--json", "--idle-timeout", "0.01")
    *printed, last = out.splitlines()
    result = json.loads(last)
    assert code == 0
    assert "loading the plan" in printed
    assert {"status": "completed", "exit_code": 0, "summary": None}.items() <= result.items()
    assert set(result) >= {"execution_id", "status", "exit_code", "frames", "duration_ms", "stop_reason", "summary"}
    assert "succeeded Phase greet / Task hi" in err
    assert json.loads(smithers("db", "state", result["execution_id"], "--json")[1]) == {"said": "hi"}


@pytest.mark.requirement("C-4", "N-8")
@pytest.mark.parametrize(
    ("given", "code", "status"),
    [("fail", 1, "failed"), ("stop", 4, "stopped"), ("end", 7, "completed"), ("raise", 1, "failed")],
)
def test_exit_codes(given, code, status, smithers, script):
    arguments = ("--input", json.dumps(given), "--state", "n=3", "--idle-timeout", "0.01", "--name", "x", "--tag", "t")
    left, out, err = smithers("run", script(HELLO), *arguments)
    assert left == code
    assert status in out
    assert "next: smithers inspect" in out
    assert "Traceback" not in err + out
    (row,) = json.loads(smithers("list", "--json")[1])
    assert {"status": status, "name": "x", "tags": ["t"], "exit_code": code}.items() <= row.items()
    if given in {"fail", "raise"}:
        assert "plan.py:" in out
    if given == "end":
        assert 'summary: {"n": 3}' in out


@pytest.fixture
def never(workspace):
    """A pipe that nobody writes to: who reads it waits for ever."""
    os.mkfifo(workspace / "never")


@pytest.mark.requirement("C-2")
def test_the_summary_names_the_database_that_the_next_command_needs(smithers, script):
    _, out, _ = smithers("run", script(HELLO), "--idle-timeout", "0.01", "--db", "other/db.sqlite")
    assert "--db other/db.sqlite" in out
    command = out.splitlines()[-1].removeprefix("next: smithers ").partition(" | ")[0]
    assert smithers(*command.split())[0] == 0


@pytest.mark.requirement("C-3", "T-8")
def test_the_live_tree_on_a_real_terminal(on_terminal, script, workspace):
    name = script(MANY)
    os.mkfifo(workspace / "gate")
    terminal = on_terminal("run", name, rows=12, columns=80)
    terminal.wait_for("working")
    terminal.wait_for("more")
    with (workspace / "gate").open("w") as gate:
        gate.write("go\n")
    assert terminal.wait() == 0
    screen = terminal.output
    assert "● Command slow running" in screen
    assert "✓ completed" in screen
    assert "next: smithers inspect" in screen
    assert screen.rindex("\x1b[?25h") > screen.rindex("\x1b[?25l")
    assert "\x1b[3" not in screen  # NO_COLOR is set


@pytest.mark.requirement("C-4", "C-5")
@pytest.mark.usefixtures("never")
def test_ctrl_c_stops_gracefully_and_names_the_resume_command(on_terminal, script, smithers):
    terminal = on_terminal("run", script(WAITING.format(command="echo ready; read x < never")))
    terminal.wait_for("ready")
    terminal.type(b"\x03")
    assert terminal.wait() == 130
    (row,) = json.loads(smithers("list", "--json")[1])
    assert row["status"] == "stopped"
    assert f"smithers resume {row['execution_id']}" in terminal.output


@pytest.mark.requirement("C-5", "T-7")
@pytest.mark.usefixtures("never")
def test_the_second_ctrl_c_does_not_wait_for_a_stubborn_task(on_terminal, script):
    command = "trap '' TERM; echo ready; while true; do read x < never; done"
    terminal = on_terminal("run", script(WAITING.format(command=command)))
    terminal.wait_for("ready")
    terminal.type(b"\x03")
    terminal.wait_for("once more to stop now")
    terminal.type(b"\x03")
    assert terminal.wait() == 130


@pytest.mark.requirement("C-4")
@pytest.mark.usefixtures("never")
def test_sigterm_is_143_with_the_json_line(start, script, workspace):
    os.mkfifo(workspace / "ready")
    run = start("run", script(WAITING.format(command="echo go > ready; read x < never")), "--json")
    with (workspace / "ready").open() as ready:
        ready.readline()
    run.send_signal(signal.SIGTERM)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 143
    assert json.loads(out)["exit_code"] == 143
    assert "smithers resume" in err


@pytest.mark.requirement("C-2", "O-1")
def test_logs_follow_a_run_in_another_process_to_its_end(start, script, workspace):
    os.mkfifo(workspace / "ready")
    os.mkfifo(workspace / "gate")
    command = "echo go > ready; read x < gate; echo passed the gate"
    run = start("run", script(WAITING.format(command=command)))
    with (workspace / "ready").open() as ready:
        ready.readline()
    logs = start("logs", "-f")
    assert "task.started" in logs.stdout.readline() + logs.stdout.readline()
    with (workspace / "gate").open("w") as gate:
        gate.write("go\n")
    out, err = logs.communicate(timeout=60)
    assert logs.returncode == 0
    assert "Command w | passed the gate" in out
    assert "execution.completed" in out
    assert "completed" in err
    run.communicate(timeout=60)
    assert run.returncode == 0


BROKEN_HANDLER = """
from smithers_py import Task, component

def work(ctx):
    return 1

def broken(r):
    raise RuntimeError("the handler broke")

@component
def App(ctx):
    return Task(work, id="w", on_finished=broken)
"""


@pytest.mark.requirement("E-4", "H-2")
def test_a_handler_that_raised_is_shown_by_run_inspect_and_logs(smithers, script):
    code, out, _ = smithers("run", script(BROKEN_HANDLER), "--idle-timeout", "0.01")
    assert code == 1
    assert "the handler broke (" in out
    assert "plan.py:8)" in out
    _, out, _ = smithers("inspect")
    assert "Task w (w): on_finished of Task 'w' raised RuntimeError: the handler broke" in out
    _, out, _ = smithers("logs", "--level", "error")
    assert "the handler broke" in out


@pytest.mark.requirement("E-4")
def test_a_newer_database_is_refused_by_reading_and_running(smithers, script, workspace):
    import sqlite3

    name = script(HELLO)
    assert smithers("run", name, "--idle-timeout", "0.01")[0] == 0
    with sqlite3.connect(workspace / ".smithers" / "db.sqlite") as conn:
        conn.execute("INSERT INTO schema_migrations VALUES (999, 'later', 1)")
    conn.close()
    for command in (("list",), ("run", name)):
        code, out, err = smithers(*command)
        assert code == 2
        assert "schema version 999" in err
        assert "smithers-py" in err
        assert "{" not in out


@pytest.mark.requirement("C-3")
def test_a_deep_plan_can_be_shown(smithers, script):
    deep = """
from smithers_py import Fragment, Task, component

def work(ctx):
    return 1

@component
def App(ctx):
    node = Task(work, id="leaf")
    for _ in range(2_000):
        node = Fragment(children=[node])
    return node
"""
    assert smithers("run", script(deep), "--idle-timeout", "0.01")[0] == 0
    assert "Task leaf" in smithers("inspect")[1]
    frame = json.loads(smithers("db", "frames", "--frame", "0", "--json")[1])
    assert len(frame["plan"]) == 2_001
