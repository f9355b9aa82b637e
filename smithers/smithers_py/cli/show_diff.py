"""A plan diff for people: what a changed script does to each node (T-6, C-6)."""

import json
from typing import Any

from smithers_py.cli.terminal import note
from smithers_py.engine.plan_change import NodeChange, PlanDiff

_GLYPHS = {"new": "+", "gone": "-", "changed": "~", "moved": ">", "kept": "="}
_LONGEST = 60


def diff_lines(diff: PlanDiff) -> list[str]:
    """One line a node, one more for each prop that changed; then how many are kept."""
    lines: list[str] = []
    for node in diff.nodes:
        lines.append(f"{_GLYPHS[node.what]} {node.path}  {node.status}: {node.then}")
        lines += [f"    {name}: {_short(old)} -> {_short(new)}" for name, (old, new) in node.props.items()]
        if node.code:
            lines.append("    its code changed")
    lines.append(f"= {diff.kept} kept" if diff.nodes else f"= the plan is the same ({diff.kept} kept)")
    return lines


def print_diff(diff: PlanDiff, title: str) -> None:
    """On stderr, under a title."""
    note(title)
    for line in diff_lines(diff):
        note(f"  {line}")


def changes_of(diff: PlanDiff, what: str) -> list[NodeChange]:
    """The nodes of one kind of change."""
    return [node for node in diff.nodes if node.what == what]


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = " ".join(text.split())
    return repr(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…") if isinstance(value, str) else text[:_LONGEST]
