"""Plans over time: reversible deltas, keyframes as a cache, and the tree they are applied to (DESIGN §5 Frames).

A delta is a JSON list of patches, applied in order; the reverse is applied from the last to the first:

    ["+", id, parent, after, type, name, props]              mount after that sibling (null: first)
    ["-", id, parent, after, type, name, props]              unmount, a leaf by then, with what the reverse needs
    ["~", id, {props new}, {props old}]                      null stands for absent
    [">", id, parent_new, after_new, parent_old, after_old]  move

Siblings are linked, so a patch costs the same in a list of two as in one of 100,000.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Any

import orjson
import zstandard

from smithers_persistence.errors import DeltaError, UnknownExecution
from smithers_persistence.sql import Q

FlatNode = list[Any]
"""[id, parent id or None, type, name or None, props]"""


class PlanNode:
    """One node of a PlanTree, linked to its neighbours."""

    __slots__ = ("first", "last", "name", "next", "node_id", "node_type", "parent", "previous", "props")

    def __init__(self, node_id: str | None, node_type: str, name: str | None, props: dict[str, Any]) -> None:
        self.node_id = node_id
        self.node_type = node_type
        self.name = name
        self.props = props
        self.parent: PlanNode | None = None
        self.previous: PlanNode | None = None
        self.next: PlanNode | None = None
        self.first: PlanNode | None = None
        self.last: PlanNode | None = None

    def children(self) -> Iterator[PlanNode]:
        child = self.first
        while child is not None:
            yield child
            child = child.next


class PlanTree:
    """A plan that steps forward and backward through deltas. Raises DeltaError where a patch does not fit."""

    def __init__(self) -> None:
        # Above the top-level nodes, so that they are siblings like any others.
        self.root = PlanNode(None, "", None, {})
        self.nodes: dict[str, PlanNode] = {}

    @classmethod
    def from_flat(cls, rows: list[FlatNode]) -> PlanTree:
        """The tree of `flat()` rows: plan order, parents before children."""
        tree = cls()
        for node_id, parent_id, node_type, name, props in rows:
            parent = tree._parent(parent_id)
            after = None if parent.last is None else parent.last.node_id
            tree._insert(node_id, parent_id, after, PlanNode(node_id, node_type, name, dict(props)))
        return tree

    def flat(self) -> list[FlatNode]:
        """Rows [id, parent, type, name, props] in plan order (depth first)."""
        rows: list[FlatNode] = []
        node = self.root.first
        while node is not None:
            parent = node.parent
            rows.append([node.node_id, parent.node_id if parent else None, node.node_type, node.name, node.props])
            below = node.first
            while below is None and node is not None:
                below = node.next
                node = node.parent if below is None else node
                if node is self.root:
                    return rows
            node = below
        return rows

    def apply(self, delta: bytes | None) -> None:
        """Step forward over one frame's delta."""
        for patch in orjson.loads(delta) if delta else ():
            self._patch(patch, forward=True)

    def revert(self, delta: bytes | None) -> None:
        """Step back over one frame's delta."""
        for patch in reversed(orjson.loads(delta) if delta else ()):
            self._patch(patch, forward=False)

    def _patch(self, patch: list[Any], *, forward: bool) -> None:
        kind = patch[0]
        if kind in {"+", "-"}:
            _, node_id, parent, after, node_type, name, props = patch
            if (kind == "+") == forward:
                self._insert(node_id, parent, after, PlanNode(node_id, node_type, name, dict(props or {})))
            else:
                self._remove(node_id)
        elif kind == "~":
            _, node_id, new, old = patch
            self._update(node_id, new if forward else old)
        elif kind == ">":
            _, node_id, parent_new, after_new, parent_old, after_old = patch
            parent, after = (parent_new, after_new) if forward else (parent_old, after_old)
            self._move(node_id, parent, after)
        else:
            raise DeltaError(f"unknown patch {kind!r} in a plan delta")

    def _node(self, node_id: str) -> PlanNode:
        try:
            return self.nodes[node_id]
        except KeyError:
            raise DeltaError(f"a plan delta names node {node_id!r}, which is not in the plan") from None

    def _parent(self, parent_id: str | None) -> PlanNode:
        return self.root if parent_id is None else self._node(parent_id)

    def _insert(self, node_id: str, parent_id: str | None, after_id: str | None, node: PlanNode) -> None:
        if node_id in self.nodes:
            raise DeltaError(f"a plan delta mounts node {node_id!r}, which is already in the plan")
        self._link(node, self._parent(parent_id), after_id)
        self.nodes[node_id] = node

    def _remove(self, node_id: str) -> None:
        node = self._node(node_id)
        if node.first is not None:
            raise DeltaError(f"a plan delta unmounts node {node_id!r} before its children")
        self._unlink(node)
        del self.nodes[node_id]

    def _update(self, node_id: str, changes: dict[str, Any]) -> None:
        props = self._node(node_id).props
        for name, value in changes.items():
            if value is None:
                props.pop(name, None)
            else:
                props[name] = value

    def _move(self, node_id: str, parent_id: str | None, after_id: str | None) -> None:
        node = self._node(node_id)
        parent = self._parent(parent_id)
        self._unlink(node)
        self._link(node, parent, after_id)

    def _link(self, node: PlanNode, parent: PlanNode, after_id: str | None) -> None:
        after = None if after_id is None else self._node(after_id)
        if after is not None and after.parent is not parent:
            raise DeltaError(f"a plan delta puts node {node.node_id!r} after {after_id!r}, which has another parent")
        following = parent.first if after is None else after.next
        node.parent, node.previous, node.next = parent, after, following
        if after is None:
            parent.first = node
        else:
            after.next = node
        if following is None:
            parent.last = node
        else:
            following.previous = node

    @staticmethod
    def _unlink(node: PlanNode) -> None:
        parent, before, following = node.parent, node.previous, node.next
        if parent is None:
            raise DeltaError(f"node {node.node_id!r} is not linked")
        if before is None:
            parent.first = following
        else:
            before.next = following
        if following is None:
            parent.last = before
        else:
            following.previous = before


def pack_keyframe(flat_nodes: list[FlatNode]) -> bytes:
    """The stored form of a full plan."""
    return zstandard.ZstdCompressor(level=3).compress(orjson.dumps(flat_nodes))


def unpack_keyframe(packed: bytes) -> PlanTree:
    return PlanTree.from_flat(orjson.loads(zstandard.ZstdDecompressor().decompress(packed)))


def nearest_keyframe(conn: sqlite3.Connection, execution_id: str, frame_index: int) -> tuple[int, bytes] | None:
    """(frame, packed plan) of the last keyframe at or before a frame."""
    return conn.execute(Q["nearest_keyframe"], (execution_id, frame_index)).fetchone()


def deltas(conn: sqlite3.Connection, execution_id: str, after: int, upto: int) -> Iterator[tuple[int, bytes]]:
    """(frame, delta) of the frames after `after` up to `upto` that changed the plan."""
    yield from conn.execute(Q["frame_deltas"], (execution_id, after, upto))


def plan_at(conn: sqlite3.Connection, execution_id: str, frame_index: int) -> PlanTree:
    """The plan after frame `frame_index`: nearest keyframe, then deltas.

    Raises UnknownExecution when there is no such frame, DeltaError when the stored deltas do not fit.
    """
    if conn.execute(Q["frame_exists"], (execution_id, frame_index)).fetchone() is None:
        raise UnknownExecution(f"{execution_id}, frame {frame_index}")
    key = nearest_keyframe(conn, execution_id, frame_index)
    tree = PlanTree() if key is None else unpack_keyframe(key[1])
    for _, delta in deltas(conn, execution_id, -1 if key is None else key[0], frame_index):
        tree.apply(delta)
    return tree
