"""The seed's commands as written, and ctx in a real run."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from authoring_tools import Smithers, Write

SCRIPT = """from pydantic import BaseModel
from smithers_py import plan, Phase, Command, Task, While, End

class Wish(BaseModel):
    files: list[str]

class Known(BaseModel):
    done: int = 0
    last: str | None = None

@plan(input=Wish)
def App(ctx):
    known = ctx.state.typed(Known)

    def finished(r):
        mine = ctx.state.typed(Known)
        mine.done = mine.done + 1
        mine.last = r.output

    with Phase("files"):
        for name in ctx.input.files:
            Command(["echo", name], id=name).on_finished(finished)
    first = ctx.node(ctx.input.files[0])
    with Phase("read"):
        Task(lambda: "again", id="after")
        if first.status == "succeeded":
            Task(lambda: first.output.strip().upper(), id="upper")
    with Phase("loop"):
        with While("twice", lambda: True, max_iterations=2):
            Task(lambda: 1, id="turn")
    with Phase("end"):
        End([known.done, known.last, ctx.node("upper").output, ctx.node(ctx.input.files[-1]).attempt])
"""


@pytest.mark.requirement("C-2")
def test_every_command_of_the_seed_that_exists(script: Write, workspace: Path) -> None:
    script(SCRIPT, "script.py")

    def command(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "smithers_py", *arguments],
            cwd=workspace,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    assert "completed" in command("run", "script.py", "--input", '{"files": ["a"]}')
    (one,) = json.loads(command("list", "--limit", "20", "--json"))
    execution = one["execution_id"]
    assert execution in command("list", "--limit", "20")
    assert "Phase files" in command("inspect", execution)
    assert "done" in command("db", "state", execution)
    assert "done" in command("db", "transitions", execution)
    assert "1" in command("db", "frames", execution)
    assert command("logs", execution)


@pytest.mark.requirement("C-3")
@pytest.mark.parametrize(
    ("words", "offered"),
    [("smithers gr", "graph"), ("smithers run --dr", "--dry-run"), ("smithers db tr", "transitions")],
)
def test_the_shell_completes_commands_and_options(words: str, offered: str) -> None:
    asked = {"_SMITHERS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    done = subprocess.run(
        [sys.executable, "-m", "smithers_py"], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == [offered]


@pytest.mark.requirement("Z-14", "S-1")
def test_ctx_node_input_and_typed_state_in_a_run(
    script: Write, smithers: Smithers, as_json: Callable[..., Any]
) -> None:
    file = script(SCRIPT)
    given = '{"files": ["one", "two", "three"]}'
    code, out, err = smithers("run", file, "--input", given, "--json", "--idle-timeout", "0")
    assert code == 0, out + err
    done, last, upper, attempt = json.loads(out)["summary"]
    assert (done, last.strip(), upper, attempt) == (3, "three", "ONE", 1)
    ran = {one["node_id"] for one in as_json("inspect", "latest")["nodes"]}
    assert {"one", "two", "three", "after", "upper", "twice/0/turn", "twice/1/turn"} <= ran
    code, _, err = smithers("run", file, "--input", '{"files": "one"}')
    assert code == 2
    assert "the input does not fit Wish of App: files:" in err
