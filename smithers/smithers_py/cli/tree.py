"""A stored plan printed as an indented tree."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from smithers_py.cli.terminal import clean, glyph, human_duration, is_terminal, paint, say
from smithers_py.cli.window import CALM, Gap, choose_rows
from smithers_py.harness.labels import node_label
from smithers_py.harness.models import PlanNode

_MOST_LINES = 200
_DEEPEST_INDENT = 40
_URGENCY = {"failed": 0, "running": 1, "blocked": 2}


@dataclass(frozen=True, slots=True)
class NodeFacts:
    """What is known of a node beside its place in the plan."""

    status: str
    duration_ms: int | None = None
    source: str = ""
    waits: str = ""
    """What it is blocked by, and until when if that is known; or that it is outdated."""


def print_tree(plan: Sequence[PlanNode], facts: Mapping[str, NodeFacts], *, indent: int = 0) -> None:
    """Print the plan, with statuses where known. On a terminal at most 200 lines, the failed and running ones kept."""
    rows = [node for node in plan if node.type != "Text"]
    numbers = {node.node_id: number for number, node in enumerate(rows)}
    parents = [numbers.get(node.parent_id or "", -1) for node in rows]
    depths: list[int] = []
    for parent in parents:
        depths.append(0 if parent < 0 else depths[parent] + 1)
    known = [facts.get(node.node_id) for node in rows]
    urgency = [CALM if fact is None else _URGENCY.get(fact.status, CALM) for fact in known]
    height = _MOST_LINES if is_terminal(sys.stdout) else max(1, len(rows))
    for line in choose_rows(parents, urgency, height):
        if isinstance(line, Gap):
            say(f"{_space(indent + depths[line.first])}... {line.count:,} more (--json shows all)")
        else:
            say(_space(indent + depths[line]) + _node_text(rows[line], known[line]))


def _node_text(node: PlanNode, fact: NodeFacts | None) -> str:
    label = clean(node_label(node.type, node.name, node.node_id, node.props))
    if fact is None:
        return f"{label}  {clean(node.node_id)}"
    mark = paint(glyph(fact.status, sys.stdout), fact.status, sys.stdout)
    # "idle" is said by the mark alone: control nodes and components have no work of their own.
    word = "" if fact.status == "idle" else paint(fact.status, fact.status, sys.stdout)
    if fact.waits:
        word += f"({clean(fact.waits)})"
    parts = [f"{mark} {label}", word, human_duration(fact.duration_ms), clean(node.node_id), clean(fact.source)]
    return "  ".join(part for part in parts if part)


def _space(depth: int) -> str:
    return "  " * depth if depth <= _DEEPEST_INDENT else "  " * (_DEEPEST_INDENT - 2) + f"[{depth}] "
