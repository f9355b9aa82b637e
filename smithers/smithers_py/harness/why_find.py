"""Which node a person means: an explicit id, a unique beginning of a node id, or a unique name (Z-22)."""

import difflib
from collections.abc import Iterable

from smithers_persistence.records import NodeRecord
from smithers_py.errors import UsageError
from smithers_py.harness.why_changes import called
from smithers_py.harness.why_history import History

_SHOWN = 5


def find_node(history: History, asked: str) -> str | None:
    """The id of the node that is meant; None when no frame had such a node.

    An explicit id or a name that occurs in several iterations of a loop means the latest of them.

    Raises:
        UsageError: several nodes that were in the plan at the same time are called so.
    """
    if asked in history.nodes:
        return asked
    if asked and asked == history.root_name and all(rows[-1].node_type != asked for rows in history.nodes.values()):
        return ""
    ways = (
        [rows for node, rows in history.nodes.items() if node.endswith(f"/{asked}")],
        [rows for rows in history.nodes.values() if rows[-1].name == asked],
        [rows for rows in history.nodes.values() if rows[-1].node_type == asked],
        [rows for node, rows in history.nodes.items() if node.startswith(asked)],
    )
    for candidates in ways:
        if candidates:
            return _one(asked, candidates)
    return None


def kin(history: History, node_id: str) -> list[NodeRecord]:
    """All that is the same node to a person: its incarnations, and those of the same place in other iterations."""
    row = history.nodes[node_id][-1]
    same = [life for lives in history.nodes.values() for life in lives if life.node_id == node_id or _alike(life, row)]
    return sorted(same, key=lambda life: (life.mounted_frame, life.node_id))


def near(history: History, asked: str) -> list[str]:
    """What was perhaps meant."""
    known = {name for rows in history.nodes.values() for name in (rows[-1].node_id, rows[-1].name) if name}
    return difflib.get_close_matches(asked, sorted(known), n=3, cutoff=0.5)


def _alike(one: NodeRecord, other: NodeRecord) -> bool:
    """The same explicit id in another iteration, or the same call of the same type there."""
    if one.parent_id is None or one.node_type != other.node_type or one.name != other.name:
        return False
    if "/" in other.node_id:
        return one.node_id != other.node_id and _outside(one.node_id) == _outside(other.node_id)
    return one.parent_id == other.parent_id and one.source == other.source and not _together(one, other)


def _outside(node_id: str) -> list[str]:
    """The id without its iteration numbers."""
    return ["#" if part.isdigit() else part for part in node_id.split("/")]


def _together(one: NodeRecord, other: NodeRecord) -> bool:
    """Whether two lives overlap."""
    begins, ends = max(one.mounted_frame, other.mounted_frame), min(_end(one), _end(other))
    return begins < ends


def _end(row: NodeRecord) -> float:
    return float("inf") if row.unmounted_frame is None else row.unmounted_frame


def _one(asked: str, candidates: Iterable[list[NodeRecord]]) -> str:
    lasts = sorted((rows[-1] for rows in candidates), key=lambda row: (row.mounted_frame, row.node_id))
    together = [row for row in lasts if row is lasts[-1] or _together(row, lasts[-1])]
    if len(together) > 1:
        listed = ", ".join(f"{row.node_id} ({called(row)})" for row in together[:_SHOWN])
        raise UsageError(f"{asked!r} means {len(together)} nodes", hint=f"Type one of these ids: {listed}.")
    return lasts[-1].node_id
