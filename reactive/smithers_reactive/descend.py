"""Checking far down without recursion, however long the chain (Z-24)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from smithers_reactive.flags import BUSY, DIRTY, MUST_RUN, NEEDS_REFRESH, STALE

if TYPE_CHECKING:
    from smithers_reactive.graph import Node


def descend(start: Node) -> None:
    """`pull` where it would recurse too deep: the same questions in the same order, with the way down in lists.

    start ─ dep ─ dep ─ dep      `waiting` holds the nodes on the way down, `scans` where each of them stands
                         │       among its dependencies; a node that must run, runs when those before the
                      changed?   change are known to be right
    """
    rt = start.rt
    waiting: list[Node] = []
    scans: list[Iterator[Node]] = []
    rt.path.append(waiting)
    node, scan = start, iter(start.deps)
    try:
        while True:
            verified = node.verified_at
            run = bool(node.flags & MUST_RUN) or not verified
            down = None
            for dep in () if run or verified == rt.clock else scan:
                if dep.flags & NEEDS_REFRESH and not dep.flags & BUSY:
                    down = dep
                    break
                if dep.changed_at > verified or dep.flags & BUSY:
                    run = True
                    break
            if down is not None:
                node.flags |= BUSY
                waiting.append(node)
                scans.append(scan)
                node, scan = down, iter(down.deps)
                continue
            _settle(node, run=run)
            while scans:
                child, node, scan = node, waiting.pop(), scans.pop()
                node.flags &= ~BUSY
                if child.changed_at <= node.verified_at:
                    break  # go on with the rest of its dependencies
                _settle(node, run=True)
            else:
                return
    finally:
        rt.path.pop()
        for node in waiting:  # an exception on the way
            node.flags &= ~BUSY


def _settle(node: Node, *, run: bool) -> None:
    """Its dependencies are right: run, or stand as it is."""
    if run:
        node.flags |= DIRTY
        node.pull()
    else:
        node.flags &= ~STALE
        node.verified_at = node.rt.clock
