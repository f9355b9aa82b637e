"""on_waiting: a person is told of each question, once, beside the run and never in its way (Z-28)."""

import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import BaseModel, field_validator

from smithers_py import Human, plan
from smithers_py.config import Config, load_config
from smithers_py.engine import on_waiting
from smithers_py.errors import ConfigError
from smithers_py.workers.process import stat_fields

pytestmark = pytest.mark.requirement("Z-28")

PROGRAM = [sys.executable, "-m", "smithers_py"]

TWO = """
from smithers_py import *

@plan
def App(ctx):
    with Phase("ask"):
        Human("ship", "Ship it?\\nAll tests pass.")
        Human("more", "Costs $HOME; 'more'?")
"""

AGENT = """
from pydantic_ai.models.test import TestModel
from smithers_py import *

writes = TestModel(call_tools=["write"])

@plan
def App(ctx):
    Claude(model=writes, prompt="write a file", tools=["write"], policy=ToolPolicy(ask=["write"]), id="writer")
"""

APPEND = """["sh", "-c", 'printf "%s\\n" "$SMITHERS_QUESTION" >> told.ndjson']"""
HANG = """["sh", "-c", 'trap "" TERM; echo $$ > told; sleep 60 & wait; sleep 60']"""


def members(group):
    """The processes of a group, those apart that only wait for init to note their end."""
    known = {int(path.name): stat_fields(int(path.name)) for path in Path("/proc").iterdir() if path.name.isdigit()}
    return [pid for pid, fields in known.items() if fields and int(fields[2]) == group and fields[0] not in "ZX"]


@pytest.fixture
def project(workspace):
    """A folder with a plan and a configuration, and the program in it."""
    started = []

    class Project:
        folder = workspace

        @staticmethod
        def write(plan=TWO, command=None):
            (workspace / "plan.py").write_text(plan, encoding="utf-8")
            if command is not None:
                (workspace / "smithers.toml").write_text(f"on_waiting = {command}\n", encoding="utf-8")

        @staticmethod
        def run(*arguments, code=0, **env):
            done = subprocess.run(
                [*PROGRAM, *arguments], env=os.environ | env, capture_output=True, text=True, timeout=60, check=False
            )
            assert done.returncode == code, done.stdout + done.stderr
            return done

        @staticmethod
        def start(*arguments):
            started.append(subprocess.Popen([*PROGRAM, *arguments], stderr=subprocess.DEVNULL))
            return started[-1]

        def events(self, *types):
            lines = map(json.loads, self.run("logs", "--json").stdout.splitlines())
            return [(line["type"], line["payload"]) for line in lines if line["type"] in types]

        @staticmethod
        def told():
            text = (workspace / "told.ndjson").read_text(encoding="utf-8")
            return [json.loads(line) for line in text.splitlines()]

        @staticmethod
        def said(pipe):
            """What the command wrote into the pipe `told`, once it has."""
            assert select.select([pipe], [], [], 30)[0], "the command did not run"
            return os.read(pipe, 100).decode().strip()

        @staticmethod
        def pipe():
            os.mkfifo(workspace / "told")
            # Also open for writing, or it is at its end whenever a command has closed it.
            return os.open(workspace / "told", os.O_RDWR | os.O_NONBLOCK)

    yield Project()
    for process in started:
        process.kill()
        process.wait()


def test_each_question_is_told_once_with_how_to_answer(project):
    project.write(command=APPEND)
    project.run("run", "plan.py", "--no-wait", code=3)
    for _ in range(2):
        project.run("resume", "--no-wait", code=3)
    [first] = project.told()
    assert (first["node_id"], first["kind"], first["title"], first["name"]) == (
        "ship",
        "human_review",
        "Ship it?",
        "plan",
    )
    project.run(*first["approve"].split()[1:])
    project.run("resume", "--no-wait", code=3)
    project.run("resume", "--no-wait", code=3)
    [_, second] = project.told()
    assert (second["node_id"], second["title"]) == ("more", "Costs $HOME; 'more'?")
    assert second["execution_id"] == first["execution_id"]
    project.run(*second["deny"].split()[1:])
    project.run("resume", code=1)
    assert len(project.told()) == 2
    assert [kind for kind, _ in project.events("approval.told", "approval.untold")] == ["approval.told"] * 2


def test_it_is_off_by_default_and_for_a_dry_run(project):
    project.write()
    project.run("run", "plan.py", "--no-wait", code=3)
    assert project.events("approval.told", "approval.untold") == []
    project.write(command=APPEND)
    project.run("run", "plan.py", "--dry-run")
    project.run("run", "plan.py", "--no-wait", code=3, SMITHERS_ON_WAITING="")
    assert not (project.folder / "told.ndjson").exists()


def test_a_tool_call_that_needs_a_yes_is_told_too(project):
    project.write(AGENT, APPEND)
    project.run("run", "plan.py", "--no-wait", code=3)
    [told] = project.told()
    assert (told["node_id"], told["kind"]) == ("writer", "file_edit")


def test_a_missing_program_is_one_typed_warning_and_tried_again_by_a_resume(project):
    project.write(command='["./notify"]')
    done = project.run("run", "plan.py", "--no-wait", code=3)
    warning = "nobody was told that Human 'ship' waits: there is no program './notify' in"
    assert done.stderr.count(warning) == 1
    assert "(E620)" in done.stderr
    [(_, payload)] = project.events("approval.untold")
    assert (payload["error"]["type"], payload["error"]["code"]) == ("NotToldError", "E620")
    assert payload["error"]["where"]["node"] == "ship"
    project.write(command=APPEND)
    project.run("resume", "--no-wait", code=3)
    assert [one["node_id"] for one in project.told()] == ["ship"]


def test_a_failing_one_is_told_by_its_last_line_without_secrets(project):
    project.write(command="""["sh", "-c", 'echo "no route for $HOOK_TOKEN" >&2; exit 7']""")
    done = project.run("run", "plan.py", "--no-wait", code=3, HOOK_TOKEN="s3cr3t-hook-4711")
    assert "ended with exit code 7; its last line was 'no route for [HOOK_TOKEN hidden]'" in done.stderr
    stored = b"".join(path.read_bytes() for path in (project.folder / ".smithers").rglob("*") if path.is_file())
    assert b"s3cr3t-hook-4711" not in stored


def test_a_run_that_ends_does_not_wait_for_a_command_that_hangs(project):
    project.write(command=HANG)
    pipe = project.pipe()
    engine = project.start("run", "plan.py")
    hanging = [int(project.said(pipe))]
    project.run("approve", "ship")
    hanging.append(int(project.said(pipe)))
    assert hanging[0] != hanging[1]
    project.run("approve", "more")
    assert engine.wait(30) == 0
    assert [members(pid) for pid in hanging] == [[], []]


def test_a_run_that_leaves_lets_it_end_unless_it_is_interrupted(project):
    project.write(command=HANG)
    pipe = project.pipe()
    engine = project.start("run", "plan.py", "--no-wait")
    pid = int(project.said(pipe))
    engine.send_signal(signal.SIGINT)
    assert engine.wait(30) in {3, 130}
    assert members(pid) == []
    [asked] = json.loads(project.run("approvals", "--json").stdout)
    assert asked["status"] == "pending"


@plan
def Ship(ctx):
    Human("ship", "Ship it?")


async def test_one_that_takes_too_long_is_ended_and_is_a_warning(run, monkeypatch):
    monkeypatch.setattr(on_waiting, "SECONDS", 0.2)
    async with run(Ship, config=Config(on_waiting=("sleep", "60"))) as live:
        event = await live.event("approval.untold", "ship")
        assert (event.level, "did not end within 0.2 s" in (event.payload_json or "")) == ("warning", True)
        await live.answer("ship", True)
        assert (await live.result()).status == "completed"


class Even(BaseModel):
    number: int

    @field_validator("number")
    @classmethod
    def even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("it must be even")
        return value


@plan
def Picky(ctx):
    Human("even", "A number?", schema=Even)


async def test_a_question_that_is_open_again_is_told_again(run):
    async with run(Picky, config=Config(on_waiting=("true",))) as live:
        await live.event("approval.told")
        await live.answer("even", True, output={"number": 3})
        await live.event("approval.refused")
        await live.event("approval.told")
        await live.answer("even", True, output={"number": 4})
        assert (await live.result()).status == "completed"


def test_it_is_a_list_in_the_file_and_words_in_the_environment(workspace):
    file = workspace / "smithers.toml"
    file.write_text('on_waiting = ["notify", "a b"]', encoding="utf-8")
    assert load_config(workspace, {}).on_waiting == ("notify", "a b")
    assert load_config(workspace, {"SMITHERS_ON_WAITING": "other 'a b'"}).on_waiting == ("other", "a b")
    assert load_config(workspace, {"SMITHERS_ON_WAITING": ""}).on_waiting == ()
    with pytest.raises(ConfigError, match="SMITHERS_ON_WAITING is wrong: No closing quotation"):
        load_config(workspace, {"SMITHERS_ON_WAITING": "'"})
    file.write_text('on_waiting = "notify | more"', encoding="utf-8")
    with pytest.raises(ConfigError, match=r'on_waiting is wrong: write a list, \["program", "argument"\]'):
        load_config(workspace, {})
