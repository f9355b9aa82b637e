"""Room on the interpreter's stack for a long chain that is pulled for the first time.

A Computed that never ran has no known dependencies, so its first pull must descend through the user's own functions:
one level of the graph is four Python frames or more. Marking, checking, subscribing and disposing never recurse; for
this one case the recursion limit is raised step by step while the pull lasts (Z-24).

The limit belongs to the whole interpreter, hence the lock and the single book: runtimes of several threads may be deep
at once, the largest grant wins, and the last to leave restores what was there. Growing with the depth that was really
reached, instead of lifting the limit outright, keeps a runaway function of the user ending in RecursionError.
"""

from __future__ import annotations

import sys
from threading import Lock

STEP_LEVELS = 32
"""Levels between two grants; small, because the pull may start with little room left."""

FRAMES_PER_LEVEL = 16
"""Python frames granted for a level: four are ours, the rest the user's."""

MAX_LEVELS = 12_000
"""The end: levels that pass through C (`sum`, `max`) take about 0.5 kB of an 8 MB C stack each, and RecursionError is
better than a crash."""

_lock = Lock()
_grants: dict[int, int] = {}
_normal_limit = 0


def grant(owner: int, levels: int) -> int:
    """Make room for the level after `levels` on behalf of `owner` (an id); returns the level at which to ask again.

    Raises RecursionError at MAX_LEVELS.
    """
    if levels >= MAX_LEVELS:
        raise RecursionError(f"a chain of more than {MAX_LEVELS} computeds that were never run: read it in parts")
    global _normal_limit  # noqa: PLW0603  the interpreter's limit is global too
    with _lock:
        if not _grants:
            _normal_limit = sys.getrecursionlimit()
        _grants[owner] = (levels + STEP_LEVELS) * FRAMES_PER_LEVEL
        sys.setrecursionlimit(_normal_limit + max(_grants.values()))
    return levels + STEP_LEVELS


def release(owner: int) -> None:
    """Give back what `owner` was granted; nothing happens when it holds nothing."""
    with _lock:
        if _grants.pop(owner, None) is not None:
            sys.setrecursionlimit(_normal_limit + max(_grants.values(), default=0))
