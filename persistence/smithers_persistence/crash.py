"""Named crash points: every place where a kill could leave something half done has a name (STYLE "Named crash points").

A point is a no-op unless a hook is set, or the environment asks for one:

    SMITHERS_CRASH_AT=name[:n]   this process kills itself with SIGKILL at the n-th passing (1 by default)
    SMITHERS_CRASH_LOG=path      each point that is passed is appended to that file, a line each, before the kill

Every transaction passes `<what>.before`, `<what>.inside` (all its statements are done, it is not committed) and
`<what>.after`, where `what` says what it carries (Database.write); several writers that share a commit pass several.
What the engine does between transactions passes points of its own: `task.start`, `task.end`; `handler`, `effect` and
`cleanup`, each `.before` and `.after`; `child.spawned`, `child.released`, `child.ended`; `worktree.after` and
`vcs.after`, when git has done its part and no record says so yet.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from threading import Lock

CrashHook = Callable[[str], None]

AT, LOG = "SMITHERS_CRASH_AT", "SMITHERS_CRASH_LOG"


def hook_from(environment: Mapping[str, str]) -> CrashHook | None:
    """The hook that the two variables ask for, None when neither is set. Raises ValueError when n is no number."""
    at, path = environment.get(AT, ""), environment.get(LOG, "")
    if not (at or path):
        return None
    name, _, count = at.partition(":")
    nth = int(count or 1)
    log = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600) if path else None
    seen: Counter[str] = Counter()
    lock = Lock()

    def passing(passed: str) -> None:
        with lock:  # points are passed on several threads
            seen[passed] += 1
            if log is not None:
                os.write(log, f"{passed}\n".encode())
            if passed == name and seen[passed] == nth:
                os.kill(os.getpid(), signal.SIGKILL)

    return passing


_hook: CrashHook | None = hook_from(os.environ)


def crash_point(name: str) -> None:
    """Pass the point `name`; raises whatever the test's hook raises."""
    if _hook is not None:
        _hook(name)


def crash_points(names: Iterable[str], when: str) -> None:
    """Pass `<name>.<when>` for each name: every write does, three times, and nearly always nobody looks."""
    if _hook is not None:
        for name in names:
            _hook(f"{name}.{when}")


def set_crash_hook(hook: CrashHook | None) -> None:
    """Set the hook (None removes it). The `.inside` points call it on the database thread."""
    global _hook  # noqa: PLW0603  one hook per process is the point of it
    _hook = hook
