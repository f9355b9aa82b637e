"""Whether the process that owns an execution still lives, as far as this machine can prove it (DESIGN 5, Leases)."""

import json
from pathlib import Path

_PROC = Path("/proc")


def owner_alive(ident: str | None) -> bool | None:
    """True: the process lives; False: it is provably gone; None: not to be known from here.

    `ident` is the owner's identity: JSON with boot_id, pid_ns, pid and start_time as /proc tells them. Only within the
    same boot and the same PID namespace does a missing or younger process prove anything.
    """
    if ident is None:
        return None
    try:
        told = json.loads(ident)
        here = (_read("sys/kernel/random/boot_id"), (_PROC / "self/ns/pid").readlink().name)
        if (told["boot_id"], told["pid_ns"]) != here:
            return None
        pid, start_time = int(told["pid"]), str(told["start_time"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    try:
        return _start_time(pid) == start_time
    except FileNotFoundError:
        return False
    except OSError:
        return None


def _start_time(pid: int) -> str:
    """Field 22 of /proc/PID/stat; the second one, the name, may hold anything but ends at the last bracket."""
    return _read(f"{pid}/stat").rpartition(")")[2].split()[19]


def _read(name: str) -> str:
    return (_PROC / name).read_text(encoding="utf-8", errors="replace").strip()
