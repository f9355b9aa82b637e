"""The shell tool: what it answers, and how it bounds time, output, processes and what is seen of the environment."""

import asyncio
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from toolbox import Person, said, use_async

from smithers_py.agents.tools import shell
from smithers_py.agents.tools.census import MARK
from smithers_py.nodes.tools import ToolPolicy

ALLOW = ToolPolicy(default="allow")


def run(root: Path, command: str, person: Person | None = None, **args: Any) -> str:
    return said(root, "shell", {"command": command, **args}, person=person)


def alive(pid: int) -> bool:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return text.rpartition(")")[2].split()[0] not in "ZX"


@pytest.mark.requirement("G-5")
def test_output_exit_code_and_folder(tmp_path: Path) -> None:
    answer = run(tmp_path, "pwd; echo wrong >&2; exit 3")
    assert answer.startswith(f"{tmp_path}\nstderr:\nwrong\n(exit code 3, ")
    assert run(tmp_path, "cat").startswith("(exit code 0, ")
    assert "(exit code 127" in run(tmp_path, "no-such-program")


@pytest.mark.requirement("G-2", "Z-10")
def test_people_see_the_lines_and_the_process_is_recorded(tmp_path: Path) -> None:
    person = Person()
    run(tmp_path, "echo one; echo two; echo three >&2", person)
    assert person.lines() == ["one", "two"]
    assert person.lines("stderr") == ["three"]
    assert len(person.processes) == 1


@pytest.mark.requirement("G-5", "X-1")
def test_a_command_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    started = time.monotonic()
    answer = run(tmp_path, "trap '' TERM; echo $$; while :; do sleep 0.1; done", timeout=1)
    assert "(it was ended after 1 s, its time limit)" in answer
    assert time.monotonic() - started < 4
    assert not alive(int(answer.split()[0]))


@pytest.mark.requirement("G-5", "X-1")
@pytest.mark.parametrize("way", ["{} &", "setsid {} &", "(setsid {} &) &", "nohup setsid sh -c '{}' &"])
def test_what_a_command_leaves_in_the_background_is_ended_with_it(tmp_path: Path, way: str) -> None:
    deaf = "import os, signal, time; signal.signal(15, signal.SIG_IGN); open(str(os.getpid()), 'w'); time.sleep(60)"
    tmp_path.joinpath("deaf.py").write_text(deaf)
    run(tmp_path, f"{way.format('python3 -S deaf.py')} until ls | grep -q '^[0-9]'; do sleep 0.05; done")
    [pid] = [int(file.name) for file in tmp_path.iterdir() if file.name.isdigit()]
    assert not alive(pid)


@pytest.mark.requirement("G-5", "X-1")
@pytest.mark.parametrize(
    "bomb",
    # The first doubles as a real one does, but stops at some thousand processes: other tests run beside this one.
    [
        "b() { if [ $1 -lt 10 ]; then b $(($1 + 1)) | b $(($1 + 1)) & fi; sleep 60; }; b 0",
        "while :; do sleep 60 & done",
        "while :; do setsid sleep 60 & done",
    ],
)
def test_a_fork_bomb_is_counted_and_killed(tmp_path: Path, bomb: str) -> None:
    before = processes()
    started = time.monotonic()
    answer = run(tmp_path, bomb)
    assert "processes and was killed; 256 are allowed)" in answer
    assert time.monotonic() - started < 20
    assert [pid for pid in processes() - before if alive(pid) and MARK.encode() in environ_of(pid)] == []


def processes() -> set[int]:
    return {int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()}


def environ_of(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return b""


@pytest.mark.requirement("G-5", "X-1")
def test_the_environment_has_no_key_in_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = {
        "ANTHROPIC_API_KEY": "sk-ant-0123456789",
        "GITHUB_TOKEN": "ghp_0123456789",
        "STRIPE_SECRET": "sk_live_0123",
        "AWS_SECRET_ACCESS_KEY": "aws-0123456789",
        "INTERNAL_THING": "as-configured",
    }
    for name, value in {**hidden, "HARMLESS": "seen"}.items():
        monkeypatch.setenv(name, value)
    dump = said(tmp_path, "shell", {"command": "env; export -p; cat /proc/self/environ"}, env_deny=("INTERNAL_*",))
    assert "HARMLESS=seen" in dump
    assert not [text for name, value in hidden.items() for text in (f"{name}=", value) if text in dump]


@pytest.mark.requirement("G-5", "X-1")
def test_a_key_found_elsewhere_is_not_printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-0123456789abcdef")
    tmp_path.joinpath(".env").write_text("KEY=sk-0123456789abcdef\n")
    person = Person()
    assert run(tmp_path, "cat .env", person).startswith("KEY=[OPENAI_API_KEY hidden]\n")
    assert person.lines() == ["KEY=[OPENAI_API_KEY hidden]"]
    assert said(tmp_path, "read", {"path": ".env"}) == "     1\tKEY=[OPENAI_API_KEY hidden]"
    assert said(tmp_path, "grep", {"pattern": "KEY"}) == ".env:1: KEY=[OPENAI_API_KEY hidden]"


@pytest.mark.requirement("G-5", "X-1")
def test_a_hundred_megabytes_of_output_are_cut_and_counted(tmp_path: Path) -> None:
    import resource

    person = Person()
    run(tmp_path, "true")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    answer = run(tmp_path, "echo first; head -c 100000000 /dev/zero | tr '\\0' 'x\\n'; echo; echo last", person)
    assert time.monotonic() - started < 15
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000
    assert answer.startswith("first\nxxx")
    assert "characters left out] …" in answer
    assert "\nlast\n(exit code 0" in answer
    assert len(answer) < shell.OUTPUT_CHARS + 200
    assert sum(map(len, person.lines())) < shell.SHOWN_CHARS + 5_000


@pytest.mark.requirement("G-5")
def test_millions_of_short_lines_are_not_millions_of_events(tmp_path: Path) -> None:
    person = Person()
    run(tmp_path, "yes | head -c 20000000", person)
    assert len(person.lines()) <= shell.SHOWN_CHARS // 100 + 1
    assert person.lines()[-1] == "… (more output is not shown here)"


@pytest.mark.requirement("T-7")
def test_cancelling_ends_the_command_and_what_it_started(tmp_path: Path) -> None:
    class Watching(Person):
        """Tells when the command has said something."""

        def __init__(self) -> None:
            super().__init__()
            self.heard = asyncio.Event()

        def emit(self, kind: str, payload: dict[str, Any]) -> None:
            super().emit(kind, payload)
            self.heard.set()

    person = Watching()

    async def scenario() -> float:
        command = "setsid sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.1; done' & wait"
        calls = [("shell", {"command": command})]
        work = asyncio.create_task(use_async(tmp_path, calls, policy=ALLOW, person=person))
        await person.heard.wait()
        started = time.monotonic()
        work.cancel()
        with pytest.raises(asyncio.CancelledError):
            await work
        return time.monotonic() - started

    assert asyncio.run(scenario()) < 2
    assert not alive(int(person.lines()[0]))


def test_the_engine_stays_responsive_while_a_command_takes_all_it_can_get(tmp_path: Path) -> None:
    async def scenario() -> float:
        worst, going = 0.0, True

        async def watch() -> None:
            nonlocal worst
            while going:
                started = time.monotonic()
                await asyncio.sleep(0.01)
                worst = max(worst, time.monotonic() - started)

        watching = asyncio.create_task(watch())
        await use_async(tmp_path, [("shell", {"command": "yes | head -c 50000000"})], policy=ALLOW)
        going = False
        await watching
        return worst

    assert asyncio.run(scenario()) < 0.5


def test_a_command_that_cannot_be_given_to_the_shell_is_refused(tmp_path: Path) -> None:
    assert "NUL" in run(tmp_path, "echo \0")
    assert "cannot be started" in run(tmp_path, "true " + "x" * 3_000_000)
    assert signal.getsignal(signal.SIGCHLD) == signal.SIG_DFL
