"""The invariants of graph.py as a checker, called by the tests after every step.

It looks at everything reachable from the nodes it is given, along both directions of the edges, and reports all it
finds wrong, not only the first thing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from smithers_reactive.flags import BUSY, DISPOSED, ERROR, IDLE, RETRY, STALE
from smithers_reactive.graph import Node, Runtime


class InvariantError(AssertionError):
    """The graph contradicts itself. `findings` has one line for each contradiction."""

    def __init__(self, findings: list[str]) -> None:
        super().__init__("\n".join(findings))
        self.findings = findings


def check_invariants(runtime: Runtime, nodes: Iterable[Node]) -> None:
    """Check the runtime and all nodes reachable from `nodes`, at a moment when nothing runs. Raises InvariantError."""
    findings = list(_runtime_findings(runtime))
    for node in _reachable(nodes):
        findings += [f"{node.label}: {finding}" for finding in _node_findings(runtime, node)]
    if findings:
        raise InvariantError(findings)


def _reachable(nodes: Iterable[Node]) -> list[Node]:
    found = dict.fromkeys(nodes)
    todo = list(found)
    for node in todo:
        for other in (*node.deps, *(node.subs or ())):
            if other not in found:
                found[other] = None
                todo.append(other)
    return todo


def _runtime_findings(rt: Runtime) -> Iterator[str]:
    if rt.at_work:
        yield "the runtime believes that something is running"
    if rt.queue and not rt.batch_depth:
        yield f"effects are queued outside a batch: {[effect.label for effect in rt.queue]}"
    if len(set(rt.queue)) != len(rt.queue):
        yield "an effect is queued twice"
    for scope in rt.dirty:
        if scope.fn is not None or scope.subs is not None:
            yield f"{scope.label} is listed as a dirty scope and is none"


def _node_findings(rt: Runtime, node: Node) -> Iterator[str]:
    flags = node.flags
    subs = node.subs
    computed = node.fn is not None and subs is not None
    if node.rt is not rt:
        yield "belongs to another runtime"
    if flags & BUSY:
        yield "is busy although nothing runs"
    if flags & (ERROR | IDLE | RETRY) and not computed:
        yield "has flags that only a computed may have"
    if flags & STALE and node.fn is None and subs is not None:
        yield "is a signal and stale"
    if flags & IDLE and (subs or flags & STALE):
        yield "is idle, yet observed or marked"
    if computed and not flags & IDLE and not subs:
        yield "is live although nothing observes it"
    if flags & DISPOSED and (node.deps or flags & STALE):
        yield "is disposed, yet has dependencies or marks"
    if max(node.changed_at, node.verified_at) > rt.clock:
        yield "is ahead of the clock"
    if flags & RETRY and node.verified_at:
        yield "is to be tried again, yet counts as verified"
    yield from _edge_findings(node)


def _edge_findings(node: Node) -> Iterator[str]:
    flags = node.flags
    subs = node.subs or ()
    if len(set(node.deps)) != len(node.deps) or len(set(subs)) != len(subs):
        yield "has the same edge twice"
    subscribes = not flags & (IDLE | DISPOSED)
    for dep in node.deps:
        if subscribes and node not in (dep.subs or ()):
            yield f"is not subscribed to its dependency {dep.label}"
        if not subscribes and node in (dep.subs or ()):
            yield f"is subscribed to {dep.label} although nothing observes it"
        settled = subscribes and not flags & (STALE | RETRY) and not dep.flags & RETRY
        if settled and dep.changed_at > node.verified_at:
            yield f"is clean although {dep.label} changed after it was verified"
        if settled and dep.flags & STALE:
            yield f"is clean although its dependency {dep.label} is marked"
    for sub in subs:
        if node not in sub.deps:
            yield f"is subscribed to by {sub.label}, which does not depend on it"
        if sub.flags & DISPOSED:
            yield f"is subscribed to by {sub.label}, which is disposed"
