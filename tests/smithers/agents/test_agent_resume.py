"""An agent whose process is killed in the middle of a tool call, resumed through the command line ("must show" 3)."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from smithers_py.loopback import Loopback, Reply, Request, call, say

PROGRAM = [sys.executable, "-m", "smithers_py"]
PLAN = '''
import os
import signal
from pathlib import Path

from smithers_py import Claude, idempotent, plan

HERE = Path(__file__).parent

MARK
def step(number: int, ctx) -> str:
    """Do one step."""
    with (HERE / "calls.txt").open("a") as calls:
        calls.write(f"{number}\\n")
    if number == 2 and not (HERE / "died").exists():
        (HERE / "died").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    ctx.state.append("steps", number)
    return f"did {number}"


@plan
def app(ctx):
    Claude(id="worker", prompt="Do five steps.", tools=[step]).on_finished(lambda r: ctx.state.set("said", r.output))
'''


def brain(request: Request) -> Reply:
    done = request.results("step")
    return call("step", number=len(done)) if len(done) < 5 else say(", ".join(result.text for result in done))


class Workspace:
    def __init__(self, folder: Path, server: Loopback) -> None:
        self.folder = folder
        self.env = {**os.environ, **server.env}

    def run(self, *words: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*PROGRAM, *words],
            cwd=self.folder,
            env={**self.env, **env},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    def json(self, *words: str) -> Any:
        return json.loads(self.run(*words, "--json").stdout)

    @property
    def calls(self) -> list[int]:
        return [int(line) for line in (self.folder / "calls.txt").read_text().split()]


def check_end(work: Workspace, server: Loopback) -> None:
    state = work.json("db", "state")
    state = state.get("state", state)
    assert state["said"] == "did 0, did 1, did 2, did 3, did 4"
    assert state["steps"] == [0, 1, 2, 3, 4], "each call's writes landed once"
    assert server.count() == 6, "no model call was made twice"
    agents = work.json("inspect")["agents"]
    assert [agent["status"] for agent in agents] == ["interrupted", "succeeded"]
    assert sum(agent["usage"]["requests"] for agent in agents) == 6
    assert all(agent["cost_usd"] > 0 for agent in agents)


@pytest.mark.requirement("G-3", "T-5", "Z-0")
def test_killed_in_the_third_tool_call_the_conversation_goes_on(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(PLAN.replace("MARK", "\n@idempotent"))
    with Loopback(brain) as server:
        work = Workspace(tmp_path, server)
        assert work.run("run", "plan.py").returncode == -9
        assert work.calls == [0, 1, 2]
        assert server.count() == 3
        resumed = work.run("resume")
        assert resumed.returncode == 0, resumed.stderr
        assert work.calls == [0, 1, 2, 2, 3, 4], "the interrupted call is run again, it is marked idempotent"
        check_end(work, server)


@pytest.mark.requirement("G-3", "P-2")
def test_a_call_that_is_not_safe_waits_for_a_person(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(PLAN.replace("MARK", ""))
    with Loopback(brain) as server:
        work = Workspace(tmp_path, server)
        assert work.run("run", "plan.py").returncode == -9
        waiting = work.run("resume", "--no-wait")
        assert waiting.returncode == 3, waiting.stderr
        assert work.calls == [0, 1, 2]
        assert "Run step again?" in work.run("approvals").stdout
        assert work.run("approve", "worker").returncode == 0
        resumed = work.run("resume")
        assert resumed.returncode == 0, resumed.stderr
        assert work.calls == [0, 1, 2, 2, 3, 4]
        assert server.count() == 6


@pytest.mark.requirement("G-3")
def test_a_call_that_a_person_does_not_want_again_is_not_made(tmp_path: Path) -> None:
    (tmp_path / "plan.py").write_text(PLAN.replace("MARK", ""))
    with Loopback(brain) as server:
        work = Workspace(tmp_path, server)
        assert work.run("run", "plan.py").returncode == -9
        assert work.run("resume", "--no-wait").returncode == 3
        assert work.run("deny", "worker", "--comment", "it is done").returncode == 0
        assert work.run("resume").returncode == 0
        assert work.calls == [0, 1, 2, 3, 4]
        told = [result.text for result in server.requests[-1].request.results("step")]
        assert "not run again (it is done)" in told[2]
        assert server.count() == 6


@pytest.mark.requirement("G-3", "T-5", "Z-0")
@pytest.mark.parametrize(
    ("write", "point", "calls"),
    [
        # Checkpoints: the first call open, then done with its writes; the second open, then done, and so on.
        ("append", "checkpoint.inside:2", [0, 0, 1, 2, 3, 4]),
        ("append", "checkpoint.after:2", [0, 1, 2, 3, 4]),
        # The function of an update dies with its process: the call must be made again, or its write is lost.
        ("update", "checkpoint.after:4", [0, 1, 1, 2, 3, 4]),
    ],
)
def test_killed_around_a_checkpoint_each_write_lands_once(
    write: str, point: str, calls: list[int], tmp_path: Path
) -> None:
    text = PLAN.replace("MARK", "\n@idempotent")
    if write == "update":
        text = text.replace('append("steps", number)', 'update("steps", lambda held: [*(held or []), number])')
    (tmp_path / "plan.py").write_text(text)
    (tmp_path / "died").touch()
    with Loopback(brain) as server:
        work = Workspace(tmp_path, server)
        assert work.run("run", "plan.py", SMITHERS_CRASH_AT=point).returncode == -9
        resumed = work.run("resume")
        assert resumed.returncode == 0, resumed.stderr
        assert work.calls == calls
        state = work.json("db", "state")
        state = state.get("state", state)
        assert state["steps"] == [0, 1, 2, 3, 4]
        assert server.count() == 6
