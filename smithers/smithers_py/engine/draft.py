"""A render in the making: everything it changed, and how to take it back.

The render phase runs user code, which may raise at any point; then nothing of the frame may remain (Z-9). New
instances are built detached. What is changed on mounted ones (children lists, descriptions, counters) is noted here
first, so `rollback` restores the mounted tree exactly; subscriptions are made only by reconcile, after every dirty
scope returned.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from smithers_py.engine.instance import Instance, Outcome
from smithers_py.engine.progress import Weight, bump, lane_of
from smithers_py.state.actions import Batch
from smithers_reactive import Node, Scope


@dataclass(slots=True, eq=False)
class Draft:
    """What one render phase did. `frame_index` is the frame it would become."""

    frame_index: int
    before: dict[Instance, list[Instance]] = field(default_factory=dict)
    """Children lists of mounted instances as they were."""
    descs: dict[Instance, Any] = field(default_factory=dict)
    """Old descriptions of the mounted instances that got a new one."""
    created: dict[str, Instance] = field(default_factory=dict)
    described: dict[Instance, Any] = field(default_factory=dict)
    """What the script says now of started nodes that keep what it said then."""
    logs: list[tuple[Scope, list[Node]]] = field(default_factory=list)
    """What each scope that ran has read, in order."""
    causes: dict[Instance, list[str]] = field(default_factory=dict)
    """Of the scopes that run because of what they had read: which of it has changed."""
    given: dict[Instance, list[str]] = field(default_factory=dict)
    """The same of those that run because the scope above gave them another description."""
    asked: list[tuple[Instance, list[Node]]] = field(default_factory=list)
    """Conditions of loops and `skip_if` of phases that were read once, with what they read."""
    rendered: dict[Instance, None] = field(default_factory=dict)
    """Scopes that ran user code in this frame."""
    dropped: dict[Instance, None] = field(default_factory=dict)
    relocated: dict[Instance, Instance] = field(default_factory=dict)
    """Moved across parents, with the old parent; with itself once it was parked at the root."""
    ready: list[Instance] = field(default_factory=list)
    """Runnables whose turn came in this frame."""
    entered: list[Instance] = field(default_factory=list)
    """Containers whose turn came in this frame."""
    turned: list[Instance] = field(default_factory=list)
    """Loops that began an iteration or ended in this frame."""
    skipped: list[Instance] = field(default_factory=list)
    """Phases whose `skip_if` said so."""
    stops: list[Instance] = field(default_factory=list)
    effects: dict[Instance, str] = field(default_factory=dict)
    """Effects whose description is new in this frame, with their encoded deps, which decide whether they run."""
    inits: list[Batch] = field(default_factory=list)
    """`ctx.state.init` calls made in render, by component, queued for the flush."""
    clocks: dict[Instance, int] = field(default_factory=dict)
    undo: list[Callable[[], None]] = field(default_factory=list)
    bumps: list[tuple[Instance, Weight]] = field(default_factory=list)

    def bump(self, at: Instance, weight: Weight) -> Instance | None:
        """`progress.bump`, taken back by rollback. Returns the context whose counters changed, if any did."""
        if weight == (0, 0, 0, 0):
            return None
        self.bumps.append((at, weight))
        return bump(at, weight)

    def count_in_lanes(self, items: Iterable[Instance], sign: int) -> None:
        """Let the root's lanes forget (-1) or learn (+1) items that move out of or into them."""
        for item in items:
            lane = lane_of(item)
            if lane is not None:
                saved = lane[:]
                lane[0] += sign * (item.outcome is Outcome.OPEN)
                lane[1] += sign * (item.outcome is Outcome.FAILED)
                self.undo.append(lambda lane=lane, saved=saved: lane.__setitem__(slice(None), saved))

    def set_children(self, parent: Instance, children: list[Instance]) -> None:
        """Give `parent` a new list of children, keeping the mounted one for reconcile."""
        if parent.mounted_frame >= 0 and parent not in self.before:
            self.before[parent] = parent.children
        parent.children = children
        parent.cursor = 0

    def set_desc(self, inst: Instance, desc: Any) -> None:
        """Give a mounted instance a new description."""
        if inst.mounted_frame >= 0 and inst not in self.descs:
            self.descs[inst] = inst.desc
        inst.desc = desc

    def is_dropped(self, inst: Instance) -> bool:
        """True when the instance or one above it left the plan in this frame."""
        if not self.dropped:
            return False
        at: Instance | None = inst
        while at is not None:
            if at in self.dropped:
                return True
            at = at.parent
        return False

    def rollback(self) -> None:
        """Restore the mounted tree to what it was before the render began."""
        for at, (total, unreached, settled, failed) in reversed(self.bumps):
            bump(at, (-total, -unreached, -settled, -failed))
        for action in reversed(self.undo):
            action()
        for parent, children in self.before.items():
            parent.children = children
            parent.cursor = 0
        for inst, desc in self.descs.items():
            inst.desc = desc
