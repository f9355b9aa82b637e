"""Named crash points around every commit (STYLE "Named crash points").

A point is a no-op unless a test sets a hook, or the environment names one: `SMITHERS_CRASH_AT=name[:n]` kills this
process with SIGKILL at the n-th passing (1 by default). The points are `<what>.before`, `<what>.inside` (in the
transaction, all statements done) and `<what>.after`, where what is create, take, suspend, frame.commit, frame.flush,
claim, finished or end.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

CrashHook = Callable[[str], None]


def _hook_from_environment(spec: str) -> CrashHook | None:
    if not spec:
        return None
    name, _, count = spec.partition(":")
    left = int(count or 1)

    def kill(passed: str) -> None:
        nonlocal left
        if passed != name:
            return
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return kill


_hook: CrashHook | None = _hook_from_environment(os.environ.get("SMITHERS_CRASH_AT", ""))


def crash_point(name: str) -> None:
    """Pass the point `name`; raises whatever the test's hook raises."""
    if _hook is not None:
        _hook(name)


def set_crash_hook(hook: CrashHook | None) -> None:
    """Set the hook (None removes it). The `.inside` points call it on the database thread."""
    global _hook  # noqa: PLW0603  one hook per process is the point of it
    _hook = hook
