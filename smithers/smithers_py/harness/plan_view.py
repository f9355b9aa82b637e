"""A running plan as a screen shows it: fed by an engine's frames, read by whoever draws.

Holds the tree of the patches, and per node its status, when it ran and its last line of output. Everything costs
O(1) per patch or status; `rows` walks the plan once.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from smithers_persistence.frame_store import PlanNode, PlanTree
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


_TAIL = 400
_SHOWN_END = 60
_LOOPS = ("While", "Ralph")


@dataclass(slots=True)
class ViewNode:
    """One node of the plan. Times are monotonic ms of the view's clock; None while they have not come."""

    plan: PlanNode
    status: str = "idle"
    detail: str | None = None
    last_line: str = ""
    tool: str = ""
    """What an agent is calling right now."""
    tokens: int = 0
    """What its model calls took so far, in and out."""
    started_ms: int | None = None
    ended_ms: int | None = None
    text: str = ""
    """The end of what an agent wrote, which comes in pieces."""

    @property
    def node_id(self) -> str:
        """The node's id."""
        return self.plan.node_id or ""

    @property
    def parent(self) -> str | None:
        """The parent's id, None at the top."""
        return None if self.plan.parent is None else self.plan.parent.node_id

    @property
    def is_leaf(self) -> bool:
        """Whether nothing is mounted below it."""
        return self.plan.first is None

    def label(self) -> str:
        """The node's type and name."""
        return _label(self.plan)

    def path(self) -> str:
        """The labels from the outermost named ancestor down to this node, as `A / B / C`; cut in the middle."""
        parts = [self.label()]
        above = self.plan.parent
        while above is not None:
            # Wrappers without a name (Fragment, If, Parallel) tell a reader of lines nothing.
            if above.name:
                parts.append(_label(above))
            elif above.node_type in _LOOPS:
                parts.append(_label(above) + _iteration(above.node_id or "", self.node_id))
            above = above.parent
        parts.reverse()
        return " / ".join(parts if len(parts) <= 5 else [*parts[:2], "…", *parts[-2:]])

    def duration_ms(self, now: int) -> int | None:
        """How long the node has run or ran, in ms; None if it never did."""
        if self.started_ms is None:
            return None
        return (now if self.ended_ms is None else self.ended_ms) - self.started_ms


def _end(line: str) -> str:
    """The end of a line that grows: what is new must be seen."""
    return line if len(line) <= _SHOWN_END else f"…{line[1 - _SHOWN_END :]}"


def _iteration(loop: str, below: str) -> str:
    """` #2` for a node of a loop's iteration 2, which its explicit id tells; nothing where there is none."""
    number = below.removeprefix(f"{loop}/").partition("/")[0]
    return f" #{number}" if below.startswith(f"{loop}/") and number.isdigit() else ""


def _label(plan: PlanNode) -> str:
    return node_label(plan.node_type, plan.name, plan.node_id or "", plan.props)


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
        if patches:
            # The tree takes the stored form.
            self._tree.apply(orjson.dumps(patches))
        for patch in patches:
            if patch[0] == "+" and patch[1] in self._tree.nodes:
                self.nodes[patch[1]] = ViewNode(self._tree.nodes[patch[1]])
                self._counts["idle"] += 1
            elif patch[0] == "-" and patch[1] in self.nodes:
                self._counts[self.nodes.pop(patch[1]).status] -= 1
        changed: list[ViewNode] = []
        for node_id, status, detail in statuses:
            node = self.nodes.get(node_id)
            if node is not None and (node.status != status or node.detail != detail):
                changed.append(node)
                if node.status != status:
                    self._set_status(node, status, detail)
                node.detail = detail
        return changed

    def output(self, node_id: str, stream: str, line: str) -> None:
        """Remember what the node does; see `Observer.output`. Of text its last line that is not blank."""
        node = self.nodes.get(node_id)
        if node is None:
            return
        if stream == "usage":
            # The answer that these tokens are for is whole; what follows is another one.
            node.tokens, node.text = int(line), ""
        elif stream == "tool":
            node.tool = line
        elif stream == "text":
            node.text = (node.text + line)[-_TAIL:]
            lines = [one for one in node.text.splitlines() if one.strip()]
            node.last_line = _end(lines[-1]) if lines else node.last_line
        elif line.strip():
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

    def _set_status(self, node: ViewNode, status: str, detail: str | None) -> None:
        self._counts[node.status] -= 1
        self._counts[status] += 1
        goes_on = node.status == "blocked" and node.started_ms is not None
        node.status = status
        node.detail = detail
        node.tool = ""
        if status == "running" and not goes_on:
            node.started_ms, node.ended_ms = self.now(), None
            node.text = ""
        elif status in _ENDED and node.started_ms is not None and node.ended_ms is None:
            node.ended_ms = self.now()
        if status == "failed":
            self.failures[node.node_id] = (node.path(), detail)
        else:
            self.failures.pop(node.node_id, None)
