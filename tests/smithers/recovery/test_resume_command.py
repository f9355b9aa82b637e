"""`smithers resume` after a kill, Ctrl-C, a failure, a changed global; what ran before is not run again."""

import json
import signal

import pytest
from process_folder import Folder

WHILE = """
from smithers_py import Task, While, plan

def body(n, name):
    def run():
        note(f"{n}{name}")
        return 1
    return run

@plan
def App(ctx):
    def steps(n):
        return [
            Task(body(n, "a"), id="a").on_finished(lambda r: ctx.state.increment("a", r.output)),
            Task(body(n, "b"), id="b").on_finished(lambda r: ctx.state.increment("b", r.output)),
        ]
    def turn(n):
        ctx.state.append("iterations", n)
        ctx.state.increment("turns")
    While("five", condition=lambda: ctx.state.get("turns", 0) < 5, children=steps).on_iteration(turn)
"""
IN_THE_THIRD = ("task.start", 6)
"""Two tasks an iteration: the sixth is the second one of iteration 2, the third of five."""


@pytest.mark.requirement("N-3", "T-5", "Z-8")
def test_a_while_goes_on_in_the_iteration_in_which_it_was_killed(folder: Folder) -> None:
    folder.write(WHILE)
    assert folder.smithers("run", "plan.py", crash=IN_THE_THIRD).returncode == -signal.SIGKILL
    assert folder.state()["iterations"] == [0, 1]
    done = folder.smithers("resume")
    assert done.returncode == 0, done.stderr
    assert "While five #2 / Task b" in done.stderr
    assert "iteration 3" in done.stderr
    # Task b of iteration 2 was claimed, and killed before its body began.
    assert folder.ran() == {f"{n}{name}": 1 for n in range(5) for name in "ab"}
    assert folder.state() == {"a": 5, "b": 5, "turns": 5, "iterations": [0, 1, 2, 3, 4]}


SLOW = """
import asyncio
from smithers_py import Parallel, Phase, Task, plan

async def wait():
    note("wait")
    (HERE / "started").touch()
    try:
        await asyncio.sleep(0 if (HERE / "go").exists() else 600)
    finally:
        if not (HERE / "go").exists() and (HERE / "stubborn").exists():
            await asyncio.sleep(600)
    return "done"

@plan
def App(ctx):
    with Phase("one"):
        Task(lambda: note("first"), id="first").on_finished(lambda r: ctx.state.increment("first"))
        Task(wait, id="wait").on_finished(lambda r: ctx.state.set("waited", r.output))
"""


@pytest.mark.requirement("C-5", "T-7", "Z-21")
@pytest.mark.parametrize("times", [1, 2])
def test_what_ctrl_c_cancelled_runs_again(folder: Folder, times: int) -> None:
    folder.write(SLOW)
    if times == 2:
        # It would use up its grace; the second Ctrl-C means now.
        (folder.path / "stubborn").touch()
    child = folder.start("run", "plan.py", SMITHERS_LIMITS_GRACE_SECONDS="600")
    folder.wait_for("started", child)
    told = ""
    assert child.stderr is not None
    for _ in range(times):
        child.send_signal(signal.SIGINT)
        while "stopping" not in (line := child.stderr.readline()):
            assert line, told
            told += line
    _, rest = child.communicate(timeout=60)
    assert child.returncode == 130, told + rest
    assert "smithers resume" in rest
    (folder.path / "go").touch()
    assert folder.smithers("resume").returncode == 0
    assert folder.state() == {"first": 1, "waited": "done"}
    assert folder.ran() == {"first": 1, "wait": 2}


@pytest.mark.requirement("T-1", "T-4")
@pytest.mark.parametrize("point", ["heartbeat.before", "heartbeat.inside", "heartbeat.after"])
def test_killed_with_a_heartbeat_under_way_it_is_free_at_once(folder: Folder, point: str) -> None:
    folder.write(SLOW)
    killed = folder.smithers("run", "plan.py", crash=(point, 3), SMITHERS_LIMITS_HEARTBEAT_SECONDS="0.05")
    assert killed.returncode == -signal.SIGKILL
    (folder.path / "go").touch()
    assert folder.smithers("resume").returncode == 0
    assert folder.state() == {"first": 1, "waited": "done"}


RETRIES = """
from smithers_py import Task, plan

def broken():
    note("tried")
    raise ConnectionError("gone")

@plan
def App(ctx):
    Task(broken, id="broken", retries=1)
"""


@pytest.mark.requirement("Z-7", "E-1", "T-5")
@pytest.mark.parametrize("kills", [[], ["task.start", "retry.after"]], ids=["never killed", "killed"])
def test_a_resume_of_what_had_failed_gives_it_all_its_retries_once(folder: Folder, kills: list[str]) -> None:
    folder.write(RETRIES)
    assert folder.smithers("run", "plan.py").returncode == 1
    assert folder.ran() == {"tried": 2}
    for point in kills:
        # The first anew dies before its work; then the engine dies when the retry that is left is on disk.
        assert folder.smithers("resume", crash=(point, 1)).returncode == -signal.SIGKILL
    assert folder.smithers("resume").returncode == 1
    assert folder.ran() == {"tried": 4}
    assert folder.smithers("doctor", "latest").returncode == 0


FAILS = """
from smithers_py import Parallel, Phase, Task, plan

def work(name, breaks=False):
    def body():
        note(name)
        if breaks and not (HERE / "mended").exists():
            raise ValueError(name)
        return 1
    return body

@plan
def App(ctx):
    def handler(r):
        note("handler")
        ctx.state.increment("tried")
        if not (HERE / "mended").exists():
            raise ValueError("handler")
        ctx.state.set("handled", r.output)
    with Phase("one"):
        with Parallel():
            Task(work("good"), id="good").on_finished(lambda r: ctx.state.increment("good"))
            Task(work("bad", True), id="bad").on_finished(lambda r: ctx.state.increment("bad"))
            Task(work("handled"), id="handled").on_finished(handler)
    with Phase("two"):
        Task(work("after"), id="after").on_finished(lambda r: ctx.state.increment("after"))
"""


@pytest.mark.requirement("Z-7", "H-2", "T-5")
def test_a_failed_execution_tries_its_failed_nodes_again_and_only_the_handler_where_only_that_failed(
    folder: Folder,
) -> None:
    folder.write(FAILS)
    assert folder.smithers("run", "plan.py").returncode == 1
    assert folder.state() == {"good": 1}
    assert folder.smithers("resume").returncode == 1
    assert folder.ran() == {"good": 1, "bad": 2, "handled": 1, "handler": 2}
    (folder.path / "mended").touch()
    assert folder.smithers("resume").returncode == 0
    assert folder.ran() == {"good": 1, "bad": 3, "handled": 1, "handler": 3, "after": 1}
    assert folder.state() == {"good": 1, "bad": 1, "tried": 1, "handled": 1, "after": 1}
    assert folder.smithers("doctor", "latest").returncode == 0


@pytest.mark.requirement("Z-22")
def test_what_is_completed_is_printed_and_not_run(folder: Folder) -> None:
    folder.write(FAILS)
    (folder.path / "mended").touch()
    first = folder.smithers("run", "plan.py", "--json")
    again = folder.smithers("resume", "--json")
    assert (first.returncode, again.returncode) == (0, 0)
    told = [json.loads(done.stdout) for done in (first, again)]
    assert {**told[0], "duration_ms": 0} == {**told[1], "duration_ms": 0}
    assert folder.ran().total() == 5


GLOBAL = """
import os
from smithers_py import Phase, Task, plan

@plan
def App(ctx):
    with Phase("one"):
        Task(lambda: note("first"), id="first").on_finished(lambda r: ctx.state.increment("first"))
        if os.environ.get("WHICH") == "a":
            Task(lambda: note("a"), id="a").on_finished(lambda r: ctx.state.increment("a"))
        Task(lambda: note("last"), id="last")
"""


@pytest.mark.requirement("Z-19")
def test_a_plan_that_reads_a_global_is_refused_and_nothing_is_lost(folder: Folder) -> None:
    folder.write(GLOBAL)
    assert folder.smithers("run", "plan.py", crash=("task.start", 3), WHICH="a").returncode == -signal.SIGKILL
    refused = folder.smithers("resume")
    assert refused.returncode == 2
    assert "E705" in refused.stderr
    assert "Task 'a' has started" in refused.stderr
    assert "App, which decides that, read no state" in refused.stderr
    assert folder.smithers("resume", WHICH="a").returncode == 0
    assert folder.ran() == {"first": 1, "a": 1, "last": 1}
    assert folder.state() == {"first": 1, "a": 1}


CRASHES = """
from smithers_py import Command, Phase, Task, plan

@plan
def App(ctx):
    with Phase("one"):
        Task(lambda: note("first"), id="first").on_finished(lambda r: ctx.state.increment("first"))
        Task(lambda: note("deadly"), id="deadly").on_error(lambda e: ctx.state.set("why", e.code))
        Command(["true"], id="once", on_orphan="fail").on_error(lambda e: ctx.state.append("failed", e.code))
        Task(lambda: note("last"), id="last")
"""


@pytest.mark.requirement("Z-7", "Z-10", "T-3")
def test_the_third_crash_of_an_attempt_fails_it(folder: Folder) -> None:
    folder.write(CRASHES)
    assert folder.smithers("run", "plan.py", crash=("task.end", 2)).returncode == -signal.SIGKILL
    for _ in range(2):
        assert folder.smithers("resume", crash=("task.end", 1)).returncode == -signal.SIGKILL
    assert folder.ran() == {"first": 1, "deadly": 3}
    # Now the Command, which says that it must not run twice.
    assert folder.smithers("resume", crash=("child.released", 1)).returncode == -signal.SIGKILL
    assert folder.smithers("resume").returncode == 0
    state = folder.state()
    assert state["first"] == 1
    assert state["failed"] == [state["why"]]
    assert folder.ran() == {"first": 1, "deadly": 3, "last": 1}
    assert folder.smithers("doctor", "latest").returncode == 0


CHILD = """
import asyncio
from smithers_py import End, Parallel, Phase, Smithers, Task, plan

async def wait():
    note("wait")
    (HERE / "started").touch()
    await asyncio.sleep(0 if (HERE / "go").exists() else 600)
    return "done"

def bad():
    note("bad")
    if not (HERE / "mended").exists():
        raise ValueError("broken")
    return 2

@plan
def Child(ctx):
    with Phase("one"):
        Task(lambda: note("first"), id="first").on_finished(lambda r: ctx.state.increment("first"))
        Task(wait, id="wait").on_finished(lambda r: ctx.state.set("waited", r.output))
        Task(bad, id="bad").on_finished(lambda r: ctx.state.set("bad", r.output))
    with Phase("two"):
        End([ctx.state.get("first"), ctx.state.get("waited"), ctx.state.get("bad")])

@plan
def App(ctx):
    with Phase("both"):
        Smithers(Child, id="kid").on_finished(lambda r: ctx.state.set("kid", r.output))
        Task(lambda: note("after"), id="after")
"""


@pytest.mark.requirement("Z-11", "T-5", "Z-7")
def test_a_child_goes_on_with_its_parent_after_ctrl_c_and_after_a_failure(folder: Folder) -> None:
    folder.write(CHILD)
    child = folder.start("run", "plan.py", "--entry", "App")
    folder.wait_for("started", child)
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=60)
    assert child.returncode == 130
    (folder.path / "go").touch()
    assert folder.smithers("resume").returncode == 1
    (folder.path / "mended").touch()
    assert folder.smithers("resume").returncode == 0
    assert folder.state() == {"kid": [1, "done", 2]}
    assert folder.ran() == {"first": 1, "wait": 2, "bad": 2, "after": 1}
    assert len(json.loads(folder.smithers("list", "--json").stdout)) == 2
