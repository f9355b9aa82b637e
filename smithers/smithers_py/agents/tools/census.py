"""Which processes belong to a command, those that left its group included (G-5: a fork bomb is counted and killed).

A command's processes are its session, and whoever carries its mark in the environment: a process that makes itself a
session of its own (`setsid`, a daemon) still inherits that. One that does both, leaves the session and starts with a
cleared environment, is not found; allowing shell is full user rights.

Without /proc nothing is counted, and only the command's group is ended.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path

MARK = "SMITHERS_TOOL_CALL"
"""In the environment of every command an agent runs; `smithers approve` refuses to answer where it is set (Z-27)."""

_PROC = Path("/proc")
_ROUNDS = 50


class Census:
    """The processes of one command. `session` is its leader's pid, `mark` the value of its MARK."""

    def __init__(self, session: int, mark: str) -> None:
        self._session = session
        self._entry = f"{MARK}={mark}".encode()
        self._born = _start_of(session)
        self._counted_at = _last_pid()

    def grown_by(self, processes: int) -> bool:
        """Whether so many processes were started on this machine since the last count that counting is worth it.

        One read of one line, so that it can be asked often.
        """
        last = _last_pid()
        return last < self._counted_at or last - self._counted_at >= processes

    def members(self) -> list[int]:
        """The pids of the command's living processes."""
        self._counted_at = _last_pid()
        return [pid for pid in _pids() if self._is_member(pid)]

    def outsiders(self) -> list[int]:
        """Those of them that left the session."""
        return [pid for pid in self.members() if (_stat(pid) or ["", "", "", ""])[3] != str(self._session)]

    def kill(self, *, outsiders_only: bool = False) -> int:
        """SIGKILL until none is left, however fast they multiply; how many were found in the first round.

        They are stopped first: what is stopped starts no other.
        """
        first = 0
        for at in range(_ROUNDS):
            found = self.outsiders() if outsiders_only else self.members()
            if not outsiders_only:
                # One call for the whole group, which no fork in it escapes.
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._session, signal.SIGKILL)
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in found:
                    with suppress(ProcessLookupError, PermissionError):
                        os.kill(pid, number)
            first = first if at else len(found)
            if not found:
                break
        return first

    def _is_member(self, pid: int) -> bool:
        fields = _stat(pid)
        if not fields or fields[0] in "ZX":
            return False
        if fields[3] == str(self._session):
            return True
        if int(fields[19]) < self._born:
            return False  # older than the command
        try:
            return self._entry in _PROC.joinpath(str(pid), "environ").read_bytes().split(b"\0")
        except OSError:
            return False  # gone, or another user's


def _pids() -> list[int]:
    try:
        names = os.listdir(_PROC)  # noqa: PTH208 - names are all that is needed of hundreds of entries
    except OSError:
        return []
    return [int(name) for name in names if name.isdigit()]


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name: state, ppid, pgrp, session, …; empty without such a process."""
    try:
        text = _PROC.joinpath(str(pid), "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    return text.rpartition(")")[2].split()


def _start_of(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[19]) if fields else 0


def _last_pid() -> int:
    """The pid given out last; 0 where the kernel does not tell."""
    try:
        return int(_PROC.joinpath("loadavg").read_text(encoding="ascii").split()[4])
    except (OSError, IndexError, ValueError):
        return 0
