"""`python -m smithers_py.loopback` around a command, as a process of its own."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

BRAIN = """
from helper import said
from smithers_py.loopback import rate_limited, say

def brain(request):
    return say(said(request.prompt))

def busy(request):
    return rate_limited(5)

def faulty(request):
    raise KeyError("oops")
"""
ASK = """
import json, os, sys, urllib.error, urllib.request
body = {"model": "m", "messages": [{"role": "user", "content": "hello"}]}
url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
try:
    with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode())) as answer:
        print(json.load(answer)["content"][0]["text"])
except urllib.error.HTTPError as error:
    print(error.code, error.headers["retry-after"])
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def brain(workspace: Path) -> Path:
    """A brain that imports a module beside it."""
    (workspace / "helper.py").write_text("def said(prompt): return f'you said {prompt}'\n")
    (workspace / "ask.py").write_text(ASK)
    file = workspace / "brain.py"
    file.write_text(BRAIN)
    return file


def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "smithers_py.loopback", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_command_talks_to_the_brain_and_its_exit_code_is_passed_on(brain: Path, workspace: Path) -> None:
    done = run("--brain", brain, "--log", workspace / "log.jsonl", "--", sys.executable, "ask.py", "3")
    assert (done.returncode, done.stdout) == (3, "you said hello\n")
    assert done.stderr == "loopback: 1 requests (1 x 200), at most 1 at once\n"
    (line,) = (workspace / "log.jsonl").read_text().splitlines()
    entry = json.loads(line)
    assert (entry["number"], entry["status"], entry["protocol"], entry["model"]) == (1, 200, "anthropic", "m")
    assert entry["body"]["messages"][0]["content"] == "hello"


def test_another_function_of_the_file(brain: Path) -> None:
    done = run("--brain", f"{brain}:busy", "--", sys.executable, "ask.py", "0")
    assert (done.returncode, done.stdout) == (0, "429 5\n")
    assert "1 x 429" in done.stderr


def test_a_brain_that_raises_fails_the_command(brain: Path) -> None:
    done = run("--brain", f"{brain}:faulty", "--", sys.executable, "ask.py", "0")
    assert done.returncode == 1
    assert done.stdout == "400 None\n"
    assert "KeyError: 'oops'" in done.stderr


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("nowhere.py", "there is no Python file nowhere.py"),
        ("brain.py:nobody", "brain.py has no function nobody"),
    ],
)
def test_a_brain_that_is_not_there(brain: Path, where: str, said: str) -> None:
    done = run("--brain", where, "--", "true")
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["nowhere-to-be-found", "./brain.py"])
def test_a_command_that_cannot_be_started(brain: Path, command: str) -> None:
    done = run("--brain", brain, "--", command)
    assert done.returncode == 127
    assert command in done.stderr
    assert "Traceback" not in done.stderr


def test_without_a_command_it_serves_until_it_is_interrupted(brain: Path, workspace: Path) -> None:
    serving = subprocess.Popen(
        [sys.executable, "-m", "smithers_py.loopback", "--brain", brain],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert serving.stdout is not None
    name, _, url = serving.stdout.readline().removeprefix("export ").strip().partition("=")
    assert name == "ANTHROPIC_BASE_URL"
    asked = [sys.executable, "ask.py", "0"]
    said = subprocess.run(asked, env={name: url}, capture_output=True, text=True, check=True, cwd=workspace)
    assert said.stdout == "you said hello\n"
    serving.send_signal(signal.SIGINT)
    _, told = serving.communicate(timeout=10)
    assert serving.returncode == 0
    assert told == "loopback: 1 requests (1 x 200), at most 1 at once\n"
