"""People and commands across real processes: killed engines, answers in between, resumes (P-1, P-2, N-10, C-7)."""

import json
import subprocess
import sys

import pytest

PROGRAM = [sys.executable, "-m", "smithers_py"]

GATED = """
from smithers_py import *

@plan
def App(ctx):
    with Phase("work"):
        Task(lambda: None, id="first").on_finished(lambda r: ctx.state.increment("first", 1))
    with Phase("ask"):
        Human("ship", "Ship it?").on_approve(lambda r: ctx.state.set("by", r.comment))
    with Phase("after"):
        Task(lambda: None, id="last").on_finished(lambda r: ctx.state.increment("last", 1))
"""

TIMED = """
from smithers_py import *

@plan
def App(ctx):
    Timer("nap", seconds=2.5).on_finished(lambda r: ctx.state.increment("rang", 1))
"""


@pytest.fixture
def project(workspace):
    """Run the program here; `start` leaves it running until a line of its progress contains the text."""
    started = []

    class Project:
        @staticmethod
        def script(text):
            (workspace / "plan.py").write_text(text, encoding="utf-8")

        @staticmethod
        def run(*arguments, code=0):
            done = subprocess.run([*PROGRAM, *arguments], capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == code, done.stdout + done.stderr
            return done.stdout

        @staticmethod
        def start(*arguments, until):
            process = subprocess.Popen([*PROGRAM, *arguments], stderr=subprocess.PIPE, text=True)
            started.append(process)
            for line in process.stderr:
                if until in line:
                    return process
            raise AssertionError("the program ended before")

        def json(self, *arguments):
            return json.loads(self.run(*arguments, "--json"))

    yield Project()
    for process in started:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.mark.requirement("P-1", "P-2", "N-7", "T-5")
def test_an_answer_given_while_no_engine_lives_is_found_by_the_resume(project):
    project.script(GATED)
    engine = project.start("run", "plan.py", until="blocked")
    engine.kill()
    engine.wait()
    [asked] = project.json("approvals")
    assert (asked["node_id"], asked["status"]) == ("ship", "pending")
    told = project.run("approve", "ship", "--comment", "while it was dead")
    assert "no engine runs it; go on with: smithers resume" in told
    project.run("resume")
    assert project.json("db", "state") == {"first": 1, "by": "while it was dead", "last": 1}
    shown = project.json("inspect")
    assert {task["node_id"]: task["attempt"] for task in shown["tasks"]} == {"first": 1, "ship": 1, "last": 1}
    assert [(one["status"], one["answered_from"]) for one in shown["approvals"]] == [("approved", "cli")]


@pytest.mark.requirement("P-1", "P-2", "C-4")
def test_a_question_asked_again_after_a_restart_is_the_same_question(project):
    project.script(GATED)
    project.run("run", "plan.py", "--no-wait", code=3)
    for _ in range(4):
        # Waiting is no crash, however often its engine leaves.
        project.run("resume", "--no-wait", code=3)
    [asked] = project.json("approvals")
    project.run("deny", str(asked["id"]), "--comment", "no")
    project.run("resume", code=1)
    shown = project.json("inspect")
    assert shown["execution"]["status"] == "failed"
    events = [line["type"] for line in map(json.loads, project.run("logs", "--json").splitlines())]
    assert events.count("approval.requested") == 1


@pytest.mark.requirement("N-10", "T-5")
def test_a_timer_waits_only_what_is_left_after_a_kill(project):
    project.script(TIMED)
    engine = project.start("run", "plan.py", until="blocked")
    engine.kill()
    engine.wait()
    project.run("resume")
    assert project.json("db", "state") == {"rang": 1}
    [task] = project.json("inspect")["tasks"]
    assert task["attempt"] == 1
    assert 2_500 <= task["ended_at"] - task["scheduled_at"] < 20_000
    # Of the new engine's own waiting the time before the kill is missing.
    assert task["duration_ms"] < task["ended_at"] - task["scheduled_at"]


@pytest.mark.requirement("C-7", "Z-21")
def test_commands_queued_without_an_engine_are_applied_by_the_resume(project):
    project.script(GATED)
    project.run("run", "plan.py", "--no-wait", code=3)
    assert "queued until resume" in project.run("pause")
    assert "queued until resume" in project.run("set", "extra", "[1]")
    project.run("approve", "ship")
    engine = project.start("resume", until="pause by")
    assert "goes on" in project.run("unpause")
    assert engine.wait(60) == 0
    assert project.json("db", "state") == {"first": 1, "by": None, "last": 1, "extra": [1]}
    events = [line["type"] for line in map(json.loads, project.run("logs", "--json").splitlines())]
    at = {kind: events.index(kind) for kind in ("command.pause", "command.set", "command.unpause")}
    assert at["command.pause"] <= at["command.set"] < at["command.unpause"]
    assert max(index for index, kind in enumerate(events) if kind == "task.started") > at["command.unpause"]


TWICE = """
from smithers_py import *

@plan
def App(ctx):
    ctx.state.init("round", 1)
    now = ctx.state.get("round", 1)

    def second(when):
        if now == 1 and when == "WHEN":
            ctx.state.set("round", 2)

    if now == 2:
        Task(lambda: None, id="between").on_finished(lambda r: ctx.state.set("round", 3))
    else:
        with Phase("ask", id="ask"):
            if now == 3:
                Human("ship", "Ship it?")
        with Phase("last", id="last").on_complete(lambda r: second("ended")):
            Task(lambda: None, id="work").on_finished(lambda r: (ctx.state.increment("work"), second("running")))
"""


@pytest.mark.requirement("T-5", "Z-3", "Z-6")
@pytest.mark.parametrize("when", ["running", "ended"])
def test_a_phase_that_is_mounted_again_waits_its_turn_for_another_engine_too(project, when):
    """What the phase of the same id had come to is not what this one has come to."""
    project.script(TWICE.replace("WHEN", when))
    project.run("run", "plan.py", "--no-wait", code=3)
    for _ in range(2):
        project.run("resume", "--no-wait", code=3)
        assert project.json("db", "state") == {"round": 3, "work": 1}
    project.run("approve", "ship")
    project.run("resume")
    assert project.json("db", "state") == {"round": 3, "work": 2}
    project.run("doctor", "latest")


BROKEN = """
from pathlib import Path
from smithers_py import *

def handle(ctx):
    if not Path("mended").exists():
        raise ValueError("not yet")
    ctx.state.increment("handled")

@plan
def App(ctx):
    with Parallel():
        with Phase("work"):
            Task(lambda: None, id="broken").on_finished(lambda r: handle(ctx))
        with Step("ask"):
            Human("ship", "Ship it?")
"""


@pytest.mark.requirement("C-7", "Z-7", "H-2", "T-5")
def test_a_handler_in_a_phase_that_failed_runs_again_for_another_engine(project, workspace):
    """What had ended is not rendered by a resume: the retry must wait for the frame that describes it."""
    project.script(BROKEN)
    project.run("run", "plan.py", "--no-wait", code=3)
    project.run("resume", "--no-wait", code=3)
    (workspace / "mended").touch()
    project.run("retry", "broken")
    project.run("approve", "ship")
    project.run("resume")
    assert project.json("db", "state") == {"handled": 1}
    [task] = [task for task in project.json("inspect")["tasks"] if task["node_id"] == "broken"]
    assert (task["status"], task["attempt"]) == ("succeeded", 1)
    project.run("doctor", "latest")


@pytest.mark.requirement("C-7", "C-4", "Z-22")
def test_the_verbs_take_an_id_and_a_node_and_say_what_came_of_it(project):
    project.script(GATED)
    engine = project.start("run", "plan.py", until="blocked")
    [one] = project.json("list")
    told = json.loads(project.run("cancel", one["execution_id"], "nothing", "--json", code=2))
    assert (told["status"], told["asked_from"]) == ("refused", "cli")
    assert "there is no node 'nothing'" in told["message"]
    assert project.run("cancel", "ship").startswith("Human 'ship' was cancelled")
    assert engine.wait(60) == 0
    failed = subprocess.run([*PROGRAM, "stop"], capture_output=True, text=True, timeout=60, check=False)
    assert failed.returncode == 2
    assert "is completed, so there is nothing to stop" in failed.stderr


@pytest.mark.requirement("C-5", "P-2")
def test_ctrl_c_stops_a_run_that_waits_and_keeps_its_question(project):
    import signal

    project.script(GATED)
    engine = project.start("run", "plan.py", until="blocked")
    engine.send_signal(signal.SIGINT)
    assert engine.wait(60) == 130
    assert [one["status"] for one in project.json("approvals")] == ["pending"]
    project.run("approve", "ship")
    project.run("resume")
    assert project.json("db", "state")["last"] == 1
