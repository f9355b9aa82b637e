"""Nothing runs unrecorded, and nothing is left behind (Z-10, T-7)."""

import asyncio
import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from smithers_py.errors import StoreError, TaskTimeout
from smithers_py.workers.command import CommandOutput, CommandSpec, run_command

STUBBORN = "trap '' TERM; echo up; while :; do read line <never; done"
"""Ignores SIGTERM and waits on a fifo that nobody writes."""


@pytest.fixture(autouse=True)
def fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "never")


@pytest.fixture(autouse=True)
def no_child_is_left(control: Any) -> Iterator[None]:
    yield
    for _, group, _, _ in control.processes:
        assert members(group) == []
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)  # not even a zombie


def stat(process: Path) -> list[str]:
    """The fields of /proc/PID/stat from the state on."""
    return (process / "stat").read_text().rpartition(")")[2].split()


def members(group: int) -> list[Path]:
    """The processes of a group, zombies that init has not met yet apart."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = stat(process)
            if int(fields[2]) == group and fields[0] != "Z":
                found.append(process)
    return found


def wait_gone(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        assert select.select([handle], [], [], 30)[0]
    finally:
        os.close(handle)


async def up(control: Any, cwd: Path, **spec: Any) -> "asyncio.Task[CommandOutput]":
    """Start, and return when the program says that it is up."""
    running = asyncio.ensure_future(run_command(CommandSpec(cwd=cwd, **spec), control))
    await control.line("up")
    return running


@pytest.mark.requirement("Z-10")
@pytest.mark.parametrize("env", [{}, {"a.b": "1"}], ids=["shell", "python"])
def test_nothing_runs_before_its_group_is_recorded(control: Any, tmp_path: Path, env: dict[str, str]) -> None:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()

    async def scenario() -> None:
        recorded = asyncio.Event()
        asked = asyncio.Event()

        async def commit(pid: int) -> None:
            asked.set()
            await recorded.wait()

        control.on_record = commit
        spec = CommandSpec(shell="echo ran >marker; echo $$", cwd=tmp_path, env=env)
        running = asyncio.ensure_future(run_command(spec, control))
        await asked.wait()
        (pid, pgid, start_time, boot_id), *_ = control.processes
        assert not (tmp_path / "marker").exists()
        assert os.getpgid(pid) == os.getsid(pid) == pgid == pid != os.getpgrp()
        assert start_time == stat(Path(f"/proc/{pid}"))[19]
        assert boot_id == boot
        recorded.set()
        # The gate became the program: same process.
        assert (await running).stdout == f"{pid}\n"
        assert (tmp_path / "marker").exists()

    asyncio.run(scenario())


@pytest.mark.requirement("Z-10")
def test_a_record_that_fails_means_that_nothing_ran(control: Any, tmp_path: Path) -> None:
    def fail(pid: int) -> None:
        raise StoreError("the disk is full")

    control.on_record = fail
    with pytest.raises(StoreError):
        asyncio.run(run_command(CommandSpec(shell="echo ran >marker", cwd=tmp_path), control))
    assert not (tmp_path / "marker").exists()


@pytest.mark.requirement("Z-10")
def test_cancelled_while_it_is_recorded_nothing_ran(control: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        asked = asyncio.Event()

        async def commit(pid: int) -> None:
            asked.set()
            await asyncio.Event().wait()

        control.on_record = commit
        running = asyncio.ensure_future(run_command(CommandSpec(shell="echo ran >marker", cwd=tmp_path), control))
        await asked.wait()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert not (tmp_path / "marker").exists()

    asyncio.run(scenario())


@pytest.mark.requirement("Z-10")
@pytest.mark.parametrize("env", ["{}", "{'a.b': '1'}"], ids=["shell", "python"])
def test_an_engine_killed_before_the_record_leaves_nothing_running(tmp_path: Path, env: str) -> None:
    code = f"""
import asyncio, os, signal
from pathlib import Path
from smithers_py.workers.command import CommandSpec, run_command
class Control:
    task_id = "t"
    def emit(self, kind, payload): pass
    async def record_process(self, pid, *rest):
        print(pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(run_command(CommandSpec(shell="echo ran >marker", cwd=Path({str(tmp_path)!r}), env={env}), Control()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    wait_gone(int(done.stdout))
    assert not (tmp_path / "marker").exists()


@pytest.mark.requirement("T-7")
def test_a_timeout_ends_the_whole_group(control: Any, tmp_path: Path) -> None:
    spec = CommandSpec(
        shell=f"({STUBBORN}) & (exec sleep 600) & {STUBBORN}", cwd=tmp_path, timeout=0.3, grace_seconds=0.05
    )
    with pytest.raises(TaskTimeout) as caught:
        asyncio.run(run_command(spec, control))
    assert caught.value.seconds == 0.3
    assert "command" in str(caught.value)


@pytest.mark.requirement("T-7")
def test_sigterm_first_so_that_a_program_can_clean_up(control: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        shell = "trap 'echo cleaned; exit 0' TERM; echo up; while :; do read line <never; done"
        running = await up(control, tmp_path, shell=shell, grace_seconds=60)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert control.lines("stdout") == ["up", "cleaned"]

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_a_stopped_program_hears_sigterm_too(control: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        running = await up(control, tmp_path, shell="echo up; read line <never", grace_seconds=60)
        os.kill(control.processes[0][0], signal.SIGSTOP)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_a_second_cancellation_means_now(control: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        running = await up(control, tmp_path, shell=STUBBORN, grace_seconds=600)
        running.cancel()
        await asyncio.wait({running}, timeout=0.02)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_a_loop_that_ends_takes_its_programs_with_it(control: Any, tmp_path: Path) -> None:
    async def scenario() -> None:
        await up(control, tmp_path, shell=STUBBORN, grace_seconds=0.05)

    asyncio.run(scenario())


@pytest.mark.requirement("Z-10")
def test_what_a_program_leaves_in_its_group_ends_with_it(control: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ready")
    quiet = f"({STUBBORN}) >ready 2>/dev/null & read line <ready; echo done"
    spec = CommandSpec(shell=quiet, cwd=tmp_path, grace_seconds=0.05)
    assert asyncio.run(run_command(spec, control)).stdout == "done\n"


@pytest.mark.requirement("Z-10")
def test_a_background_process_that_holds_the_output_is_waited_for_only_so_long(control: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "go")

    async def scenario() -> None:
        running = await up(control, tmp_path, shell=f"({STUBBORN}) & read line <go; echo done", grace_seconds=0.1)
        (tmp_path / "go").write_text("go\n")
        output = await running
        assert (output.exit_code, output.stdout) == (0, "up\ndone\n")

    asyncio.run(scenario())


def test_the_last_words_of_a_logger_behind_the_program_are_kept(control: Any, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "after")

    async def scenario() -> None:
        # The program has exited when its logger still writes.
        shell = "(read line <after; echo $line) & echo up"
        running = await up(control, tmp_path, shell=shell, grace_seconds=60)
        (tmp_path / "after").write_text("late\n")
        assert (await running).stdout == "up\nlate\n"

    asyncio.run(scenario())


def test_a_process_that_left_the_group_and_holds_the_output_is_left_alone(control: Any, tmp_path: Path) -> None:
    shell = "setsid sh -c 'echo $$ >daemon; echo child; read line <never' & read line <go; echo up"
    os.mkfifo(tmp_path / "go")

    async def scenario() -> None:
        running = asyncio.ensure_future(
            run_command(CommandSpec(shell=shell, cwd=tmp_path, grace_seconds=0.05), control)
        )
        await control.line("child")
        (tmp_path / "go").write_text("go\n")
        assert (await running).stdout == "child\nup\n"
        daemon = int((tmp_path / "daemon").read_text())
        os.kill(daemon, signal.SIGKILL)  # it was still there
        wait_gone(daemon)

    asyncio.run(scenario())


@pytest.mark.requirement("T-7")
def test_where_no_pidfd_can_be_had_a_thread_waits(
    control: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(os, "pidfd_open")  # as on macOS
    spec = CommandSpec(shell="echo hi; exit 3", cwd=tmp_path, check=False)
    output = asyncio.run(run_command(spec, control))
    assert (output.exit_code, output.stdout) == (3, "hi\n")
    stubborn = CommandSpec(shell=STUBBORN, cwd=tmp_path, timeout=0.1, grace_seconds=0.05)
    with pytest.raises(TaskTimeout):
        asyncio.run(run_command(stubborn, control))
