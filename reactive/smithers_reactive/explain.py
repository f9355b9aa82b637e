"""Why a node ran and why it would run again (R-6), read from what the graph keeps anyway: nothing is recorded for it.

    watcher ──▶ cheap ──▶ total ──▶ price          a Path: ("watcher", "cheap", "total", "price")
      reads      reads     reads    changed at 7

Every node knows when its value last changed (`changed_at`) and when it was last known to be right (`verified_at`). So
the newest change among its dependencies is what made it run last, and a change newer than `verified_at` is what would
make it run next. Two limits follow: of several changes in one batch the last is named, and a dependency that the last
run no longer read cannot be named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from smithers_reactive.flags import DIRTY, DISPOSED, IDLE, RETRY
from smithers_reactive.graph import Node

Path = tuple[str, ...]
"""Labels from a node down to a signal or key, each reading the next."""


@dataclass(frozen=True)
class Explanation:
    """What `Runtime.explain` answers; `str()` tells it in words.

    `ran_because`: the change that made it run last; None if nothing has changed since it first ran.
    `would_run_because`: changes it has not taken in yet, one path for each signal. Empty: it would not run.
    `certain`: a direct dependency changed, so it will run if it is asked; else a computed between may come out equal.
    """

    label: str
    ran: bool
    ran_because: Path | None
    would_run_because: tuple[Path, ...]
    certain: bool

    def __str__(self) -> str:
        if not self.ran:
            return f"{self.label!r} has not run, or its last run was cut short"
        said = f"{self.label!r} ran first, and nothing it reads has changed since"
        if self.ran_because:
            said = f"{self.label!r} ran because {_told(self.ran_because)}"
        if self.would_run_because:
            changes = " and ".join(_told(path) for path in self.would_run_because)
            said += f"; it {'will' if self.certain else 'may'} run again because {changes}"
        return said


def explain(node: Node) -> Explanation:
    """Why `node` ran last and why it would run next. Runs nothing. Call it on the thread that owns the graph."""
    ran = bool(node.verified_at or (node.fn is None and node.deps)) and not node.flags & RETRY
    pending = () if node.flags & DISPOSED else tuple(_paths(node, _news, _news_at_end))
    certain = bool(node.flags & DIRTY) or any(dep.changed_at > node.verified_at for dep in node.deps)
    return Explanation(node.label, ran, _newest(node), pending if ran else (), certain and bool(pending))


def dependencies(node: Node) -> list[tuple[str, Path]]:
    """The signals and keys that a Scope, Effect or computed depends on and the shortest way to each, nearest first."""
    return [(path[-1], path) for path in _paths(node, lambda one: one.deps, lambda _reader, _leaf: True)]


def _paths(
    start: Node, below: Callable[[Node], Iterable[Node]], counts: Callable[[Node, Node], bool]
) -> Iterator[Path]:
    """The shortest path to each signal that can be reached through `below` and `counts`; breadth first."""
    reader: dict[Node, Node | None] = {start: None}
    todo = [start]
    for node in todo:  # grows while it is walked
        for dep in below(node):
            if dep in reader:
                continue
            if dep.fn is not None:
                reader[dep] = node
                todo.append(dep)
            elif counts(node, dep):
                reader[dep] = node
                yield _labels(dep, reader)


def _labels(node: Node | None, reader: dict[Node, Node | None]) -> Path:
    labels: list[str] = []
    while node is not None:
        labels.append(node.label)
        node = reader[node]
    return tuple(reversed(labels))


def _news(node: Node) -> Iterable[Node]:
    """Where to look for what `node` has not taken in: nowhere, if it is known to be right."""
    if node.flags & IDLE and node.verified_at == node.rt.clock:
        return ()
    return node.deps


def _news_at_end(reader: Node, leaf: Node) -> bool:
    return leaf.changed_at > reader.verified_at


def _newest(node: Node) -> Path | None:
    """Down along the newest change that the node has taken in, to the signal it began with."""
    labels = [node.label]
    seen = {node}
    while True:
        known = [dep for dep in node.deps if dep not in seen and 0 < dep.changed_at <= node.verified_at]
        if not known:
            return None
        node = max(known, key=lambda dep: dep.changed_at)
        seen.add(node)
        labels.append(node.label)
        if node.fn is None:
            return tuple(labels)


def _told(path: Path) -> str:
    return f"{path[-1]!r} changed" + (f" (by way of {' -> '.join(path)})" if len(path) > 2 else "")
