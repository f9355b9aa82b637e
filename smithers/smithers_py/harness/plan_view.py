"""A running plan as a screen shows it: fed by an engine's frames, read by whoever draws.

Holds the tree of the patches, and per node its status, when it ran and its last line of output. Everything costs
O(1) per patch or status; `rows` walks the plan once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from smithers_persistence.frame_store import PlanTree

from smithers_py.clock import Clock
from smithers_py.harness.labels import node_label

_ENDED = frozenset({"succeeded", "failed", "cancelled", "abandoned", "skipped"})
_SHOWN_STATUSES = (
    "running",
    "scheduled",
    "blocked",
    "succeeded",
    "failed",
    "skipped",
    "cancelled",
    "abandoned",
    "idle",
)


@dataclass(slots=True)
class ViewNode:
    """One node of the plan. Times are monotonic ms of the view's clock; None while they have not come."""

    view: "PlanView" = field(repr=False)
    node_id: str
    parent: str | None
    type: str
    name: str | None
    props: dict[str, Any]
    status: str = "idle"
    detail: str | None = None
    last_line: str = ""
    started_ms: int | None = None
    ended_ms: int | None = None

    def label(self) -> str:
        """The node's type and name."""
        return node_label(self.type, self.name, self.node_id, self.props)

    def path(self) -> str:
        """The labels from the outermost named ancestor down to this node, as `A / B / C`; cut in the middle."""
        parts = [self.label()]
        at = self.view.nodes.get(self.parent) if self.parent is not None else None
        while at is not None:
            # Wrappers without a name (Fragment, If, Parallel) tell a reader of lines nothing.
            if at.name:
                parts.append(at.label())
            at = self.view.nodes.get(at.parent) if at.parent is not None else None
        parts.reverse()
        return " / ".join(parts if len(parts) <= 5 else [*parts[:2], "…", *parts[-2:]])

    def duration_ms(self, now: int) -> int | None:
        """How long the node has run or ran, in ms; None if it never did."""
        if self.started_ms is None:
            return None
        return (now if self.ended_ms is None else self.ended_ms) - self.started_ms


class PlanView:
    """The plan of one running execution. `failures` keeps path and error of failed nodes, also of unmounted ones."""

    def __init__(self, clock: Clock) -> None:
        self.nodes: dict[str, ViewNode] = {}
        self.failures: dict[str, tuple[str, str | None]] = {}
        self.execution_id = ""
        self.name = ""
        self.status = "running"
        self.frame = 0
        self._clock = clock
        self._began = clock.monotonic_ms()
        self._tree = PlanTree()
        self._counts: Counter[str] = Counter()

    def now(self) -> int:
        """The clock that the nodes' times are of (monotonic ms)."""
        return self._clock.monotonic_ms()

    def begin(self, execution_id: str, name: str) -> None:
        """The execution exists from here on."""
        self.execution_id = execution_id
        self.name = name
        self._began = self.now()

    def elapsed_ms(self) -> int:
        """Milliseconds since the execution began."""
        return self.now() - self._began

    def counts(self) -> list[tuple[str, int]]:
        """How many mounted nodes have each status, those that have any."""
        return [(status, self._counts[status]) for status in _SHOWN_STATUSES if self._counts[status]]

    def apply(self, patches: Sequence[list[Any]], statuses: Iterable[tuple[str, str, str | None]]) -> list[ViewNode]:
        """Take over a frame: its patches (as stored) and new statuses. Returns the nodes whose status changed."""
        self._tree.apply(patches)
        for patch in patches:
            self._patch(patch)
        changed: list[ViewNode] = []
        for node_id, status, detail in statuses:
            node = self.nodes.get(node_id)
            if node is not None and (node.status != status or node.detail != detail):
                if node.status != status:
                    changed.append(node)
                self._set_status(node, status, detail)
        return changed

    def output(self, node_id: str, line: str) -> None:
        """Remember the last line that is not blank."""
        node = self.nodes.get(node_id)
        if node is not None and line.strip():
            node.last_line = line

    def rows(self) -> list[tuple[int, ViewNode]]:
        """Depth and node in plan order, texts left out (they are prompts, not work)."""
        depths: dict[str | None, int] = {None: -1}
        rows: list[tuple[int, ViewNode]] = []
        for node_id, parent, type_name, _name, _props in self._tree.flat():
            depth = depths[node_id] = depths.get(parent, -1) + 1
            if type_name != "Text":
                rows.append((depth, self.nodes[node_id]))
        return rows

    def _patch(self, patch: list[Any]) -> None:
        kind, node_id = patch[0], patch[1]
        if kind == "+":
            self.nodes[node_id] = ViewNode(self, node_id, patch[2], patch[4], patch[5], dict(patch[6] or {}))
            self._counts["idle"] += 1
        elif kind == "-":
            gone = self.nodes.pop(node_id)
            self._counts[gone.status] -= 1
        elif kind == "~":
            self.nodes[node_id].props.update(patch[2])
        elif kind == ">":
            self.nodes[node_id].parent = patch[2]

    def _set_status(self, node: ViewNode, status: str, detail: str | None) -> None:
        self._counts[node.status] -= 1
        self._counts[status] += 1
        node.status = status
        node.detail = detail
        if status == "running":
            node.started_ms, node.ended_ms = self.now(), None
        elif status in _ENDED and node.started_ms is not None and node.ended_ms is None:
            node.ended_ms = self.now()
        if status == "failed":
            self.failures[node.node_id] = (node.path(), detail)
        else:
            self.failures.pop(node.node_id, None)
