"""One child process in a session of its own that waits before it becomes the program (Z-10).

    engine                       child
    spawn  ───────────────────►  gate: reads its stdin, a pipe from us
    commit its identity
    release ── newline ───────►  exec the program, stdin is /dev/null
    (dies) ── end of file ────►  exit 125, nothing has run

So there is no moment at which the program runs and no row tells a later engine which group to kill. The gate is
/bin/sh, because it starts in a millisecond and needs no thread-unsafe code after fork.

The leader is reaped only after its group was signalled: until then its pid, and so the group's id, cannot belong to a
stranger; afterwards the id stays taken for as long as the group has members.
"""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from smithers_persistence.crash import crash_point
from smithers_py.workers.pool import DaemonPool

_SH_GATE = 'read -r _smithers_gate || exit 125; exec "$@" </dev/null'
# Shells drop variables whose names they could not assign (npm_config_//registry…); this slower gate keeps them.
_PYTHON_GATE = """
import os, signal, sys
if not os.read(0, 1): sys.exit(125)
null = os.open(os.devnull, os.O_RDONLY)
os.dup2(null, 0)
for number in (signal.SIGPIPE, signal.SIGXFSZ): signal.signal(number, signal.SIG_DFL)
if sys.argv[1] == "coerced": os.environ.pop("LC_CTYPE", None)
os.execvp(sys.argv[2], sys.argv[2:])
"""
_SHELL_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_PROC = Path("/proc")
_POLL_SECONDS = (0.002, 0.05)
_KILL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """What tells a process from a later one with the same pid; start time and boot id are "" where unknown."""

    pid: int
    pgid: int
    start_time: str
    """Clock ticks between boot and start, as the kernel prints them."""
    boot_id: str


class GatedProcess:
    """A spawned child, not yet released. Every way out must end with `end` and `close`."""

    def __init__(self, argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> None:
        """Spawn the gate. Raises OSError (arguments too long, no process free) and ValueError (NUL in an argument)."""
        gate_read, self._gate = os.pipe()
        try:
            self._popen = subprocess.Popen(  # noqa: S603 - running the plan's program is the purpose
                [*_gate_for(env), *argv],
                stdin=gate_read,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=cwd,
                env=env,
                bufsize=0,
                start_new_session=True,
            )
        except BaseException:
            os.close(self._gate)
            raise
        finally:
            os.close(gate_read)
        crash_point("child.spawned")
        self._gated = True
        self._pidfd: int | None = None
        self._exit = self._watch()

    @property
    def pid(self) -> int:
        """The child's pid, which is its group's and session's id too."""
        return self._popen.pid

    @property
    def returncode(self) -> int | None:
        """The exit code, or minus the signal's number; None until `end` returned."""
        return self._popen.returncode

    @property
    def pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """The ends of its stdout and stderr; who takes them closes them."""
        stdout, stderr = self._popen.stdout, self._popen.stderr
        assert stdout is not None  # noqa: S101 - both are PIPE above
        assert stderr is not None  # noqa: S101
        return stdout, stderr

    def identity(self) -> ProcessIdentity:
        """Read at once after the spawn; it stays the same when the gate becomes the program."""
        return ProcessIdentity(self.pid, self.pid, _start_time(self.pid), _boot_id())

    def release(self) -> None:
        """Let the child become the program."""
        with suppress(BrokenPipeError):  # killed while it waited: its exit tells
            os.write(self._gate, b"\n")
        self._close_gate()
        crash_point("child.released")

    async def wait(self, seconds: float | None) -> bool:
        """Wait for the leader's exit without reaping it; False when `seconds` passed before."""
        done, _ = await asyncio.wait({self._exit}, timeout=seconds)
        return bool(done)

    async def end(self, grace_seconds: float) -> None:
        """SIGTERM to the whole group, and SIGKILL to what is left of it after `grace_seconds`; then reap the leader.

        After the leader's own exit this ends what it left behind in its group. Runs to its end even when the awaiting
        task is cancelled; a cancellation meanwhile means now: SIGKILL at once.
        """
        ending = asyncio.ensure_future(self._end_group(grace_seconds))
        cancelled: asyncio.CancelledError | None = None
        while not ending.done():
            try:
                await asyncio.wait({ending})
            except asyncio.CancelledError as error:
                cancelled = error
                self._signal(signal.SIGKILL)
        if cancelled is not None:
            raise cancelled
        await ending

    def close(self) -> None:
        """Release what is held; kills and reaps what `end` could not."""
        self._close_gate()
        if self._popen.returncode is None:
            self._signal(signal.SIGKILL)
            self._popen.wait()
        crash_point("child.ended")
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None
        if not self._exit.done():
            self._exit.cancel()

    def _close_gate(self) -> None:
        if self._gated:
            os.close(self._gate)
            self._gated = False

    def _watch(self) -> "asyncio.Future[object]":
        """A future that is done when the leader has exited; where the kernel allows, without reaping it."""
        try:
            self._pidfd = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # Not Linux, or forbidden here: a thread waits, and reaps.
            pool = DaemonPool(max_threads=1)
            waiting = asyncio.ensure_future(pool.run(self._popen.wait))
            waiting.add_done_callback(lambda _: pool.close())
            return waiting
        loop = asyncio.get_running_loop()
        exited: asyncio.Future[object] = loop.create_future()
        loop.add_reader(self._pidfd, self._note_exit, exited)
        return exited

    def _note_exit(self, exited: "asyncio.Future[object]") -> None:
        if self._pidfd is not None:
            asyncio.get_running_loop().remove_reader(self._pidfd)
        if not exited.done():
            exited.set_result(None)

    def _signal(self, number: signal.Signals) -> None:
        # Gone, or (a set-user-id program) not ours to kill.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    async def _end_group(self, grace_seconds: float) -> None:
        self._signal(signal.SIGTERM)
        # A stopped process sees SIGTERM only when it is continued.
        self._signal(signal.SIGCONT)
        if not await self._gone(grace_seconds):
            self._signal(signal.SIGKILL)
            await self._gone(_KILL_SECONDS)

    async def _gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        pause, longest = _POLL_SECONDS
        while self._alive():
            if time.monotonic() >= deadline:
                return False
            await asyncio.sleep(pause)
            pause = min(pause * 2, longest)
        return True

    def _alive(self) -> bool:
        """Whether the group has a living member; reaps the leader when it has exited."""
        if not self._exit.done():
            return True
        self._popen.poll()
        return _group_exists(self.pid) and _has_living_member(self.pid)


def _gate_for(env: Mapping[str, str]) -> list[str]:
    if all(_SHELL_NAME.match(name) for name in env):
        return ["/bin/sh", "-c", _SH_GATE, "sh"]
    # Python sets LC_CTYPE in a C locale: tell the gate whether one found there is ours.
    locale = "own" if "LC_CTYPE" in env else "coerced"
    return [sys.executable, "-I", "-S", "-c", _PYTHON_GATE, locale]


def same_process(pid: int, start_time: str, boot_id: str) -> bool:
    """Whether the process that was recorded still runs: pids are given again, start times and boots are not."""
    return bool(start_time) and _start_time(pid) == start_time and _boot_id() == boot_id


def _group_exists(pgid: int) -> bool:
    try:
        os.killpg(pgid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _has_living_member(pgid: int) -> bool:
    """Whether some member is not a zombie; where /proc cannot tell, the group's existence must do."""
    if not _PROC.joinpath("self/stat").exists():
        return True
    for name in os.listdir(_PROC):  # noqa: PTH208 - names are all that is needed of hundreds of entries
        if name.isdigit():
            fields = stat_fields(int(name))
            if fields and int(fields[2]) == pgid and fields[0] not in "ZX":
                return True
    return False


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, ppid, pgrp, session, …; empty without such a process."""
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    # The name is in parentheses and may itself contain some.
    return text.rpartition(")")[2].split()


def _start_time(pid: int) -> str:
    fields = stat_fields(pid)
    return fields[19] if fields else ""


def _boot_id() -> str:
    try:
        return _PROC.joinpath("sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
