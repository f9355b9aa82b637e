"""`smithers check --purity`: what a render reads or does beside ctx, found while rendering (F-2, Z-25).

Two hooks see what the code of a plan does, wherever it does it from:

    the audit hook    what Python itself reports: opening files, listing folders, sockets, processes, databases
    the profile hook  calls that are not audited: the clock, chance, the environment, looking at files

Each is traced back to the line of the user's code that caused it. What our own packages do on behalf of a plan, as
`ctx.fs.read` does, is no finding, and neither is what an import does.
"""

import contextlib
import os
import random
import sys
import time
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

from smithers_py.harness.code_check import Finding
from smithers_py.where import is_users

READS, DOES = "W106", "W107"
_HINTS = {
    "clock": "Use ctx.now(): it stays the same until the component runs again, and in a replay.",
    "chance": "Use ctx.random() or ctx.uuid(): they are derived from the execution, so a replay gives the same.",
    "environment": "Pass it in with --state or --input, or read it in a Task and keep it in ctx.state.",
    "file": "Use ctx.fs.read, exists or glob: the component then runs again when the file changes.",
    "write": "Do it in a Task, a handler or an Effect; a render may run any number of times.",
    "network": "Do it in a Task, a handler or an Effect; a render may run any number of times.",
    "process": "Use a Command, or a Task; a render may run any number of times.",
    "wait": "Use a Timer or a Task: nothing else happens while a render waits.",
}
_VERBS = {
    "clock": "reads the clock",
    "chance": "is different each time",
    "environment": "reads the environment",
    "file": "reads files",
    "write": "changes something",
    "network": "uses the network",
    "process": "starts or ends a process",
    "wait": "waits",
}
_CAUSES = frozenset({"write", "network", "process", "wait"})

_AUDITED = {
    "os.listdir": "file",
    "os.scandir": "file",
    "os.remove": "write",
    "os.rename": "write",
    "os.mkdir": "write",
    "os.rmdir": "write",
    "os.truncate": "write",
    "os.chmod": "write",
    "os.chown": "write",
    "os.link": "write",
    "os.symlink": "write",
    "os.utime": "write",
    "os.putenv": "write",
    "os.unsetenv": "write",
    "sqlite3.connect": "write",
    "os.system": "process",
    "os.exec": "process",
    "os.fork": "process",
    "os.kill": "process",
    "os.posix_spawn": "process",
    "subprocess.Popen": "process",
}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_CALLED: dict[int, tuple[str, str]] = {
    id(fn): (kind, f"{fn.__module__.removeprefix('posix').lstrip('.') or 'os'}.{fn.__name__}")
    for kind, functions in {
        "clock": (
            *(time.time, time.time_ns, time.monotonic, time.monotonic_ns, time.perf_counter, time.perf_counter_ns),
            *(time.process_time, time.process_time_ns, time.localtime, time.ctime),
        ),
        "chance": (os.urandom,),
        "environment": (os.getcwd, os.getpid, os.getppid, os.cpu_count),
        "wait": (time.sleep,),
        "file": (os.stat, os.lstat, os.access, os.readlink),
    }.items()
    for fn in functions
}
_ENVIRON = type(os.environ)
_ENTERED: dict[CodeType, tuple[str, str]] = {
    getattr(_ENVIRON, "__getitem__").__code__: ("environment", "os.environ"),  # noqa: B009 - pyright sees a Mapping's
    getattr(_ENVIRON, "__iter__").__code__: ("environment", "os.environ"),  # noqa: B009
    uuid.uuid1.__code__: ("chance", "uuid.uuid1"),
    uuid.uuid4.__code__: ("chance", "uuid.uuid4"),
}
_SEED = random.Random.seed.__code__
_SHARED: Any = getattr(random, "_inst")  # noqa: B009 - the generator behind random.random() and the like
_OURS = str(Path(__file__).parents[1])

_watching: list["Purity"] = []


class Purity:
    """Collects what the renders inside `with purity.watch():` read or do that is not theirs, each place once."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int, str], Finding] = {}
        self._busy = False

    @property
    def findings(self) -> list[Finding]:
        """What was found, in order. Of a line that causes something the reads that this takes are left out."""
        causing = {(one.file, one.line) for one in self._found.values() if one.code == DOES}
        return [one for one in self._found.values() if one.code == DOES or (one.file, one.line) not in causing]

    @contextmanager
    def watch(self) -> Generator[None]:
        """Watch this thread. The audit hook stays for good, as Python wants it, and does nothing afterwards."""
        _hook_once()
        before: Any = sys.getprofile()
        _watching.append(self)
        sys.setprofile(self._profile)
        try:
            yield
        finally:
            sys.setprofile(before)
            _watching.remove(self)

    def audit(self, event: str, args: tuple[Any, ...]) -> None:
        """An audit event: see `sys.addaudithook`."""
        kind = _AUDITED.get(event)
        what = event
        if event == "open" and args and not isinstance(args[0], int):
            kind = "write" if _writes(args) else "file"
            what = f"open({_short(args[0])})"
        elif kind is None and event.startswith(("socket.", "urllib.", "http.client.", "smtplib.")):
            kind = "network"
        elif kind is None and event.startswith(("shutil.", "tempfile.")):
            kind = "write"
        if kind is not None:
            self._see(sys._getframe(2), kind, what)  # pyright: ignore[reportPrivateUsage] - as traceback does

    def _profile(self, frame: FrameType, event: str, arg: Any) -> None:
        if event == "c_call":
            seen = _CALLED.get(id(arg)) or _bound(arg)
        elif event == "call":
            seen = _ENTERED.get(frame.f_code)
            if frame.f_code is _SEED and frame.f_locals.get("a") is None:
                seen = ("chance", "random.Random()")
        else:
            return
        if seen is not None:
            self._see(frame, *seen)

    def _see(self, frame: FrameType | None, kind: str, what: str) -> None:
        """Note it, if the user's code of a render caused it."""
        if self._busy:
            return
        self._busy = True
        try:
            place = _place(frame)
            if place is None:
                return
            user, owner = place
            file, line = user.f_code.co_filename, user.f_lineno
            code = DOES if kind in _CAUSES else READS
            message = f"{what} {_VERBS[kind]} while the plan is rendered"
            self._found.setdefault(
                (file, line, kind),
                Finding(
                    level="warning", code=code, message=message, hint=_HINTS[kind], node=owner, file=file, line=line
                ),
            )
        finally:
            self._busy = False


def _hook_once() -> None:
    if not _hooked:
        _hooked.append(True)
        sys.addaudithook(_hook)


_hooked: list[bool] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    for purity in _watching:
        purity.audit(event, args)


def _bound(fn: Any) -> tuple[str, str] | None:
    """Built-in methods of what reads the clock or chance: datetime.now, random.random."""
    owner = getattr(fn, "__self__", None)
    name = getattr(fn, "__name__", "")
    if isinstance(owner, type) and name in ("now", "utcnow", "today") and issubclass(owner, date):
        return "clock", f"{owner.__name__}.{name}"
    if owner is _SHARED:
        return "chance", f"random.{name}"
    return None


def _place(frame: FrameType | None) -> tuple[FrameType, str | None] | None:
    """The innermost frame of the user's code and the plan path of the render around it, if both are there."""
    user: FrameType | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        if user is None:
            if file.startswith((_OURS, "<frozen importlib")):
                return None
            if is_users(file):
                user = frame
        elif frame.f_code.co_name in ("_tracked", "_once") and file.startswith(_OURS):
            owner: Any = frame.f_locals.get("inst")
            return user, owner.path() if owner is not None else None
        frame = frame.f_back
    return None


def _writes(args: tuple[Any, ...]) -> bool:
    mode, flags = (*args, None, None)[1:3]
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return isinstance(flags, int) and bool(flags & _WRITING)


def _short(path: Any) -> str:
    text = repr(path)
    with contextlib.suppress(TypeError, ValueError):
        text = repr(os.path.relpath(os.fsdecode(path)))
    return text if len(text) <= 60 else f"{text[:57]}…'"
