"""Which processes belong to a command, those that left its group included (G-5: a fork bomb is counted and killed).

A command's processes are its session, and whoever carries its mark in the environment: a process that makes itself a
session of its own (`setsid`, a daemon) still inherits that. One that does both, leaves the session and starts with a
cleared environment, is not found; allowing shell is full user rights.

Without /proc nothing is counted, and only the command's group is ended.
"""

import os
import signal
from contextlib import suppress
from itertools import islice
from pathlib import Path
from secrets import token_hex
from threading import Event

from smithers_py.workers.process import stat_fields

MARK = "SMITHERS_TOOL_CALL"
"""In the environment of every command an agent runs; `smithers approve` refuses to answer where it is set (Z-27)."""

_PROC = Path("/proc")
_ROUNDS = 200
_LOOK_SECONDS = 0.02
_GROWTH = 64
_BURST = 512


class Census:
    """The processes of one command. `session` is its leader's pid, `mark` the value of its MARK."""

    def __init__(self, session: int, mark: str) -> None:
        self._session = session
        self._entry = f"{MARK}={mark}".encode()
        self._born = _start_of(session)
        self._first_pid = self._counted_at = _last_pid()

    def watch(self, stop: Event, limit: int) -> int | None:
        """Look until `stop` is set, or more than `limit` processes are found: these are killed, and counted.

        A look is one line of /proc: which pid was given out last. Only when enough were is anything counted, and when
        it was a burst the group is stopped meanwhile: a bomb doubles faster than one can count. Blocks; for a thread.
        """
        looked_at = self._first_pid
        while not stop.wait(_LOOK_SECONDS):
            last = _last_pid()
            burst, looked_at = last - looked_at, last
            if 0 <= last - self._first_pid <= limit or 0 <= last - self._counted_at < _GROWTH:
                continue
            if not 0 <= burst < _BURST:
                self._signal_group(signal.SIGSTOP)
            if len(self.members(limit + 1)) > limit:
                return self.kill()
            if not 0 <= burst < _BURST:
                self._signal_group(signal.SIGCONT)
        return None

    def members(self, most: int | None = None) -> list[int]:
        """The pids of the command's living processes, the youngest first, `most` at most."""
        self._counted_at = _last_pid()
        return list(islice((pid for pid in sorted(_pids(), reverse=True) if self._is_member(pid)), most))

    def outsiders(self) -> list[int]:
        """Those of them that left the session."""
        return [pid for pid in self.members() if (stat_fields(pid) or ["", "", "", ""])[3] != str(self._session)]

    def kill(self, *, outsiders_only: bool = False) -> int:
        """SIGKILL until none is left, however fast they multiply; how many were found first."""
        if not outsiders_only:
            # One call for the whole group, which no fork in it escapes; and what is stopped starts no other.
            self._signal_group(signal.SIGSTOP)
        first: int | None = None
        for _ in range(_ROUNDS):
            found = self.outsiders() if outsiders_only else self.members()
            first = len(found) if first is None else first
            if not found:
                break
            if not outsiders_only:
                self._signal_group(signal.SIGKILL)
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
        return first or 0

    def _signal_group(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._session, number)

    def _is_member(self, pid: int) -> bool:
        fields = stat_fields(pid)
        if not fields or fields[0] in "ZX":
            return False
        if fields[3] == str(self._session):
            return True
        return int(fields[19]) >= self._born and self._entry in _environment(pid)


def mark_of(task_id: str) -> str:
    """A new mark for a command of this task."""
    return f"{task_id}:{token_hex(8)}"


def kill_left_behind(task_id: str) -> None:
    """SIGKILL what commands of this task left when their engine died; some may have outlived their group's leader."""
    prefix = f"{MARK}={task_id}:".encode()
    for _ in range(_ROUNDS):
        found = [pid for pid in _pids() if any(entry.startswith(prefix) for entry in _environment(pid))]
        for pid in found:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            break


def _environment(pid: int) -> list[bytes]:
    """The variables it was started with; none when it is gone (a zombie has none either), or another user's."""
    try:
        return _PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def _pids() -> list[int]:
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - names are all that is needed of hundreds of entries
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit()]


def _start_of(pid: int) -> int:
    fields = stat_fields(pid)
    return int(fields[19]) if fields else 0


def _last_pid() -> int:
    """The pid given out last; 0 where the kernel does not tell."""
    try:
        return int(_PROC.joinpath("loadavg").read_text(encoding="ascii").split()[4])
    except (OSError, IndexError, ValueError):
        return 0
