"""Who holds an execution, provably (DESIGN §5, Leases): only its own boot and PID namespace can call a process dead."""

from __future__ import annotations

import os
import socket
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence.sql import Q

DEFAULT_LEASE_MS = 30_000

_PROC = Path("/proc")


def owner_ident(now_ms: int, lease_ms: int = DEFAULT_LEASE_MS) -> str:
    """This process as JSON: host, pid, since (`now_ms`, wall clock), lease_ms; where there is a /proc also boot_id,
    pid_ns and start_time, by which others can tell that it is gone.
    """
    ident: dict[str, Any] = {"host": socket.gethostname(), "pid": os.getpid(), "since": now_ms, "lease_ms": lease_ms}
    try:
        boot_id, pid_ns = _here()
        ident |= {"boot_id": boot_id, "pid_ns": pid_ns, "start_time": _stat("self")[19]}
    except OSError:
        pass  # no /proc: nobody can prove this process dead, so who takes over waits for its silence
    return orjson.dumps(ident).decode()


@dataclass(frozen=True, slots=True)
class Owner:
    """An owner as its identity tells; None is not known. `since` is ms since the epoch."""

    host: str | None = None
    pid: int | None = None
    since: int | None = None
    lease_ms: int = DEFAULT_LEASE_MS

    def __str__(self) -> str:
        where = f" on {self.host}" if self.host else ""
        since = time.strftime(" since %Y-%m-%d %H:%M:%S", time.localtime(self.since / 1000)) if self.since else ""
        return f"process {self.pid}{where}{since}" if self.pid else f"another process{where}{since}"


def owner_of(ident: str | None) -> Owner:
    """What an identity tells; nothing when it is absent or of another make."""
    told = _parsed(ident)
    host, pid, since, lease = (told.get(name) for name in ("host", "pid", "since", "lease_ms"))
    return Owner(
        host if isinstance(host, str) else None,
        pid if isinstance(pid, int) else None,
        since if isinstance(since, int) else None,
        lease if isinstance(lease, int) and lease > 0 else DEFAULT_LEASE_MS,
    )


def owner_alive(ident: str | None) -> bool | None:
    """True: the process lives; False: it is provably gone; None: not to be known from here.

    Only within the same boot and the same PID namespace does a missing or younger process prove anything.
    """
    told = _parsed(ident)
    try:
        if (told["boot_id"], told["pid_ns"]) != _here():
            return None
        pid, start_time = int(told["pid"]), str(told["start_time"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        stat = _stat(str(pid))
    except (FileNotFoundError, ProcessLookupError):
        return False
    except OSError:
        return None
    # A zombie has ended already: only its parent has not looked yet.
    return stat[19] == start_time and stat[0] not in {"Z", "X"}


StoredOwner = tuple[str, str | None, str | None, int, int, int | None]
"""(status, owner, owner_ident, epoch, hb_seq, lease_expires_at) of an execution."""


def stored_owner(conn: sqlite3.Connection, execution_id: str) -> StoredOwner | None:
    """None: there is no execution of this id."""
    return conn.execute(Q["read_owner"], (execution_id,)).fetchone()


def _parsed(ident: str | None) -> dict[str, Any]:
    try:
        told = orjson.loads(ident or "null")
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}


def _here() -> tuple[str, str]:
    boot_id = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return boot_id, (_PROC / "self/ns/pid").readlink().name


def _stat(process: str) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second, the name, may hold anything but ends at the last
    bracket. [0] is the process's state, [19] when it started.
    """
    return (_PROC / process / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
