"""fix_tests_agent.py through the provider's real client, against a brain that knows only the conversation."""

import json
import os
import pty
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from smithers_py.loopback import Entry, Loopback, Request
from smithers_py.loopback.__main__ import load_brain

SMITHERS = Path(sys.executable).parent / "smithers"
EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
RUNS = [(1, 1), (7, 2)]
SECONDS = 120


@dataclass(frozen=True)
class Repaired:
    """A run of the example: what it printed, what the server saw, where it ran."""

    workspace: Path
    faults: int
    result: dict[str, Any]
    requests: list[Entry]

    @property
    def conversation(self) -> Request:
        """The last request: it has all of it."""
        return self.requests[-1].request

    def calls(self, *names: str) -> list[tuple[str, dict[str, Any]]]:
        """The tool calls, in order."""
        made = [call for message in self.conversation.messages for call in message.tool_calls]
        return [(call.name, dict(call.args)) for call in made if not names or call.name in names]


def environment(server: Loopback) -> dict[str, str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("SMITHERS", "PYTEST"))}
    return {**clean, **server.env}


def smithers(workspace: Path, *arguments: str) -> Any:
    """What a command prints with --json."""
    command = [SMITHERS, *arguments, "--json"]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=SECONDS, check=True)
    return json.loads(done.stdout)


def run(workspace: Path, server: Loopback, seed: int, faults: int, *answer: str) -> dict[str, Any]:
    """Run the example; each time its node waits for a person, another process answers so."""
    given = json.dumps({"seed": seed, "faults": faults})
    command = [SMITHERS, "run", EXAMPLES / "fix_tests_agent.py", "--input", given, "--json"]
    with subprocess.Popen(
        command,
        cwd=workspace,
        env=environment(server),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        told: list[str] = []
        for line in running.stderr:
            told.append(line)
            if "blocked" in line and "approval" in line:
                smithers(workspace, *answer)
        printed = running.stdout.read()
    assert printed, "".join(told)
    return json.loads(printed)


@pytest.fixture(scope="module", params=RUNS, ids=lambda run: f"seed {run[0]}")
def repaired(request, tmp_path_factory) -> Repaired:
    seed, faults = request.param
    workspace = tmp_path_factory.mktemp("agent")
    with Loopback(load_brain(str(EXAMPLES / "fix_tests_brain.py"))) as server:
        result = run(workspace, server, seed, faults, "approve", "repairer", "--comment", "go on")
        assert server.brain_errors == []
        return Repaired(workspace, faults, result, server.requests)


@pytest.mark.requirement("G-4", "G-5")
def test_the_agent_repairs_the_project_and_tells_what_it_cost(repaired: Repaired) -> None:
    result, summary = repaired.result, repaired.result["summary"]
    assert (result["status"], result["exit_code"]) == ("completed", 0)
    assert (summary["green"], summary["fixed"], summary["problem"]) == (True, True, "")
    assert len(summary["changes"]) == repaired.faults
    used = summary["used"]
    assert used["requests"] == len(repaired.requests)
    assert used["tool_calls"] == len(repaired.conversation.results())
    assert used["cost_usd"] > 0


def test_only_the_copy_was_broken_and_it_is_whole_again(repaired: Repaired) -> None:
    work, original = repaired.workspace / repaired.result["summary"]["folder"], EXAMPLES / "fix_tests_project"
    files = [path.relative_to(original) for path in original.rglob("*.py") if "__pycache__" not in path.parts]
    assert len(files) == 7
    assert [file for file in files if (work / file).read_text() != (original / file).read_text()] == []


@pytest.mark.requirement("G-5")
def test_it_looked_ran_read_edited_and_ran_again(repaired: Repaired) -> None:
    order = [name for name, _ in repaired.calls()]
    assert order == ["glob", "shell", *["read"] * 7, *["edit"] * repaired.faults, "shell"]
    assert {entry.status for entry in repaired.requests} == {200}
    assert {entry.request.protocol for entry in repaired.requests} == {"anthropic"}


def test_other_faults_make_another_conversation(repaired: Repaired) -> None:
    """The brain has no list: what it edits follows from what it read and what pytest said."""
    edited = {args["path"].rpartition("/")[2] + args["new"].strip() for _, args in repaired.calls("edit")}
    assert len(edited) == repaired.faults
    red, green = (result.text for result in repaired.conversation.results("shell"))
    assert " failed" in red
    assert " failed" not in green


@pytest.mark.requirement("P-1", "P-2", "G-5")
def test_each_command_was_asked_about_and_the_records_say_who_agreed(repaired: Repaired) -> None:
    asked = smithers(repaired.workspace, "approvals", "latest", "--all")
    assert [one["status"] for one in asked] == ["approved", "approved"]
    assert [one["kind"] for one in asked] == ["command_exec", "command_exec"]
    assert {one["comment"] for one in asked} == {"go on"}
    assert {one["answered_from"] for one in asked} == {"cli"}
    assert [one["payload"]["command"] for one in asked] == [args["command"] for _, args in repaired.calls("shell")]


@pytest.mark.requirement("P-2", "G-5")
def test_a_denied_command_is_told_to_the_model_with_the_comment(tmp_path: Path) -> None:
    with Loopback(load_brain(str(EXAMPLES / "fix_tests_brain.py"))) as server:
        result = run(tmp_path, server, 1, 2, "deny", "repairer", "--comment", "not on this machine")
        last = server.requests[-1].request
    assert (result["status"], result["exit_code"]) == ("completed", 1)
    assert (result["summary"]["green"], result["summary"]["fixed"]) == (False, False)
    assert "not on this machine" in result["summary"]["problem"]
    assert "not on this machine" in last.results("shell")[0].text


@pytest.mark.requirement("P-2", "C-1")
def test_the_commands_can_be_agreed_to_on_the_terminal(tmp_path: Path) -> None:
    leader, terminal = pty.openpty()
    with Loopback(load_brain(str(EXAMPLES / "fix_tests_brain.py"))) as server:
        command = [SMITHERS, "run", EXAMPLES / "fix_tests_agent.py", "--input", '{"faults": 1}']
        env = {**environment(server), "TERM": "xterm"}
        with subprocess.Popen(command, cwd=tmp_path, env=env, stdin=terminal, stdout=terminal, stderr=terminal) as run:
            os.close(terminal)
            shown, answered = "", 0
            while part := _read(leader):
                shown += part
                if shown.count("yes, no or later?") > answered:
                    answered += 1
                    os.write(leader, b"y\n")
        os.close(leader)
    assert run.returncode == 0, shown[-3000:]
    assert answered == 2
    asked = smithers(tmp_path, "approvals", "latest", "--all")
    assert {(one["status"], one["answered_from"]) for one in asked} == {("approved", "terminal")}


def _read(leader: int) -> str:
    try:
        return os.read(leader, 65536).decode(errors="replace")
    except OSError:  # the other end is closed
        return ""
