"""Who this process is, provably (DESIGN §5, Leases): only its own boot and PID namespace can call it dead."""

import os
from pathlib import Path

import orjson

_PROC = Path("/proc")


def owner_ident() -> str | None:
    """JSON of boot_id, pid_ns, pid and start_time as /proc tells them; None where there is no /proc."""
    try:
        boot_id = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        pid_ns = (_PROC / "self/ns/pid").readlink().name
        stat = (_PROC / "self/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The second field, the name, may hold anything but ends at the last bracket.
    start_time = stat.rpartition(")")[2].split()[19]
    ident = {"boot_id": boot_id, "pid_ns": pid_ns, "pid": os.getpid(), "start_time": start_time}
    return orjson.dumps(ident).decode()
