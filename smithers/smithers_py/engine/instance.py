"""A mounted node: the engine's side of a description (SPEC N, Z-2, Z-5).

An instance carries two trees in one. The *plan* tree is `parent`/`children`. The *progress* tree groups work: every
instance has a `context`, the nearest ancestor that decides when work below it may start (the root, a Phase, Step,
Parallel, loop or Worktree). Fragment, components, If/Switch/Each are transparent: their work counts for the context
above.

Counters make progress incremental. On every instance they sum the *items* (runnables and containers) of its own
context that lie below it, so a completion costs the depth of the transparent path, never the number of siblings:

    total = unreached + open + settled + failed          (open = reached and not ended)
"""

from collections.abc import Callable, Iterator
from enum import IntEnum
from typing import Any

from smithers_py.nodes import BaseNode, NodeKind
from smithers_reactive import Scope

ITEM_KINDS = frozenset(
    {NodeKind.RUNNABLE, NodeKind.PHASE, NodeKind.STEP, NodeKind.PARALLEL, NodeKind.LOOP, NodeKind.WORKTREE}
)
"""What counts as one piece of work for the context above it."""
CONTEXT_KINDS = ITEM_KINDS - {NodeKind.RUNNABLE}
ORDERED_KINDS = frozenset({NodeKind.PHASE, NodeKind.LOOP, NodeKind.WORKTREE})
"""Contexts whose items run one after the other (Z-5)."""


_LONGEST_PATH = 12


class Outcome(IntEnum):
    """Where an item stands for its context."""

    OPEN = 0
    SETTLED = 1
    FAILED = 2


class Instance:
    """One mounted node. `desc` is the public description, everything else belongs to the engine."""

    __slots__ = (
        "adopted",
        "after",
        "alive",
        "children",
        "context",
        "cursor",
        "depth",
        "desc",
        "digest",
        "explicit",
        "extra",
        "failed",
        "frozen",
        "handlers",
        "id_scope",
        "kind",
        "mounted_frame",
        "name",
        "node_id",
        "outcome",
        "parent",
        "path_name",
        "props",
        "reached",
        "scope",
        "segment",
        "settled",
        "status",
        "total",
        "type_name",
        "unreached",
    )

    def __init__(self, node_id: str, segment: str, type_name: str, kind: NodeKind, desc: Any) -> None:
        self.node_id = node_id
        self.segment = segment
        self.type_name = type_name
        self.kind = kind
        self.desc = desc
        """The BaseNode or Element that the last render gave."""
        self.adopted = True
        """False for a node of a stored plan until the script has described it again (restore.py)."""
        self.explicit: str | None = None
        self.name: str | None = None
        self.path_name = type_name
        self.props: dict[str, Any] = {}
        """The serialisable props as last written to the plan."""
        self.handlers: dict[str, Callable[..., Any]] = desc.handlers if isinstance(desc, BaseNode) else {}
        self.parent: Instance | None = None
        self.context: Instance = self
        self.children: list[Instance] = []
        self.id_scope = ""
        """Prefix of explicit ids below this instance ("" at the root)."""
        self.scope: Scope | None = None
        self.depth = 0
        self.mounted_frame = -1
        """The frame that mounted it, which is also its incarnation number; -1 while detached."""
        self.digest = 0
        self.after: str | None = None
        """Id of the previous sibling, as written to the plan."""
        self.status = "idle"
        self.alive = True
        """False once it was unmounted."""
        self.reached = False
        self.frozen = False
        self.outcome = Outcome.OPEN
        self.total = self.unreached = self.settled = self.failed = 0
        self.cursor = 0
        """No child before this position has an unreached item."""
        self.extra: Any = None
        """TaskState, EffectState or LoopState, by kind."""

    @property
    def is_root(self) -> bool:
        """True for the entry component, which adds no path segment (Z-2)."""
        return self.parent is None

    @property
    def is_item(self) -> bool:
        """Counts as one piece of work. A Stop or End waits its turn only where things run in order."""
        if self.kind is NodeKind.STOP:
            return self.context.kind in ORDERED_KINDS
        return self.kind in ITEM_KINDS

    @property
    def open(self) -> int:
        """Items below that were reached and have not ended."""
        return self.total - self.unreached - self.settled - self.failed

    @property
    def hash_base(self) -> str | None:
        """What F-4's hash calls the parent: this node's id, in a loop with the iteration."""
        if self.parent is None:
            return None
        if self.kind is NodeKind.LOOP:
            return f"{self.node_id}/{self.extra.iteration}"
        return self.node_id

    @property
    def key(self) -> tuple[str, int]:
        """(node_id, incarnation): the key of its rows."""
        return self.node_id, self.mounted_frame

    def weight(self) -> tuple[int, int, int, int]:
        """What this instance adds to its parent's (total, unreached, settled, failed)."""
        if self.is_item:
            return 1, not self.reached, self.outcome is Outcome.SETTLED, self.outcome is Outcome.FAILED
        if self.kind is NodeKind.RUNNABLE or self.kind is NodeKind.STOP:
            return 0, 0, 0, 0
        return self.total, self.unreached, self.settled, self.failed

    def ancestors(self) -> Iterator["Instance"]:
        """Parents, nearest first, the root last."""
        at = self.parent
        while at is not None:
            yield at
            at = at.parent

    def path(self) -> str:
        """The path people read in messages: `Phase 'build' > Claude`; of a very deep node its beginning and end."""
        names = [self.path_name, *(above.path_name for above in self.ancestors())]
        names.reverse()
        if len(names) > _LONGEST_PATH:
            left_out = f"… {len(names) - _LONGEST_PATH:,} more …"
            names = [*names[:4], left_out, *names[4 - _LONGEST_PATH :]]
        return " > ".join(names)

    def walk(self) -> Iterator["Instance"]:
        """This instance and everything below, in plan order, without recursion."""
        stack: list[Instance] = [self]
        while stack:
            at = stack.pop()
            yield at
            stack.extend(reversed(at.children))

    @property
    def source(self) -> str | None:
        """`file:line` of the user's call that made the description."""
        source = getattr(self.desc, "source", None)
        return f"{source[0]}:{source[1]}" if source else None

    def __repr__(self) -> str:
        return f"<{self.type_name} {self.node_id} {self.status}>"


class LoopState:
    """Progress of a While or Ralph (Z-8)."""

    __slots__ = ("between", "done", "iteration", "user_writes")

    def __init__(self) -> None:
        self.iteration = -1
        self.between = True
        """True from the moment an iteration ended until the condition has been read."""
        self.done: str | None = None
        self.user_writes = 0
        """The execution's count of user writes when this iteration began: an iteration without work must write."""


def plan_order(instances: list[Instance]) -> list[Instance]:
    """The instances sorted by their place in the plan (pre-order). Sibling positions are indexed once per parent."""
    if len(instances) < 2:
        return instances
    positions: dict[Instance, dict[Instance, int]] = {}

    def place(at: Instance) -> list[int]:
        path: list[int] = []
        while at.parent is not None:
            above = at.parent
            index = positions.get(above)
            if index is None:
                index = positions[above] = {child: n for n, child in enumerate(above.children)}
            path.append(index.get(at, -1))
            at = above
        path.reverse()
        return path

    return sorted(instances, key=place)
