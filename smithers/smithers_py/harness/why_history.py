"""One execution's past, indexed for the questions of `smithers why`: who was mounted when, what changed which key."""

import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property

import orjson

from smithers_persistence import frame_store, reads, state_fold
from smithers_persistence.frame_store import FlatNode
from smithers_persistence.records import EventRecord, FrameRecord, NodeRecord, ScopeRun, TaskRecord, TransitionRecord

CONTAINERS = frozenset({"Phase", "Step", "Parallel", "While", "Ralph", "Worktree"})
LOOPS = frozenset({"While", "Ralph"})
ORDERED = frozenset({"Phase", "While", "Ralph", "Worktree"})
LANES = frozenset({"Phase", "Step"})
SETTLED = frozenset({"succeeded", "failed", "skipped", "cancelled"})


class Plan:
    """The plan after one frame: who is below whom, and in which order work comes (Z-5)."""

    def __init__(self, rows: list[FlatNode], items: set[str]) -> None:
        self.rows = {row[0]: row for row in rows}
        self.parents: dict[str, str | None] = {row[0]: row[1] for row in rows}
        self._items: dict[str | None, list[str]] = defaultdict(list)
        for row in rows:
            if row[0] in items:
                self._items[self.context(row[0])].append(row[0])

    def above(self, node_id: str) -> Iterator[str]:
        """The ancestors, nearest first."""
        at = self.parents.get(node_id)
        while at is not None:
            yield at
            at = self.parents.get(at)

    def context(self, node_id: str) -> str | None:
        """The container that decides when a node may start; None: the top of the plan."""
        return next((above for above in self.above(node_id) if self.type(above) in CONTAINERS), None)

    def type(self, node_id: str) -> str:
        """The node's type name."""
        return self.rows[node_id][2]

    def items(self, context: str | None) -> list[str]:
        """The work of a container (or of the top), in plan order."""
        return self._items[context]

    def before(self, node_id: str) -> list[str]:
        """What must end before the turn of a node comes, nearest first; empty where things start together."""
        context = self.context(node_id)
        together = self.items(context)
        if context is None:
            # At the top only Phases wait for Phases, and Steps for Steps.
            kind = self.type(node_id)
            together = [item for item in together if kind in LANES and self.type(item) == kind]
        elif self.type(context) not in ORDERED:
            return []
        return together[: together.index(node_id)][::-1] if node_id in together else []


class History:
    """Reads what is asked for, once. Everything comes from the one snapshot that `conn` is in."""

    def __init__(self, conn: sqlite3.Connection, execution_id: str) -> None:
        self.conn = conn
        self.execution = reads.get_execution(conn, execution_id)
        self.execution_id = execution_id
        self._plans: dict[int, Plan] = {}
        self._states: dict[int, dict[str, str]] = {}

    @cached_property
    def nodes(self) -> dict[str, list[NodeRecord]]:
        """The incarnations of each node, oldest first."""
        found: dict[str, list[NodeRecord]] = defaultdict(list)
        for row in reads.nodes(self.conn, self.execution_id):
            found[row.node_id].append(row)
        return dict(found)

    @cached_property
    def tasks(self) -> dict[tuple[str, int], TaskRecord]:
        """By node and incarnation."""
        return {(row.node_id, row.mounted_frame): row for row in reads.tasks(self.conn, self.execution_id)}

    @cached_property
    def changes(self) -> dict[str, list[TransitionRecord]]:
        """The transitions of each key, oldest first."""
        found: dict[str, list[TransitionRecord]] = defaultdict(list)
        for row in reads.transitions(self.conn, self.execution_id):
            found[row.key].append(row)
        return dict(found)

    @cached_property
    def scope_runs(self) -> dict[str, list[ScopeRun]]:
        """The runs of each scope, oldest first; conditions that were asked among them."""
        found: dict[str, list[ScopeRun]] = defaultdict(list)
        for row in reads.scope_runs(self.conn, self.execution_id):
            found[row.node_id].append(row)
        return dict(found)

    @cached_property
    def frames(self) -> list[FrameRecord]:
        """All frames."""
        return reads.frames(self.conn, self.execution_id)

    @cached_property
    def starts(self) -> dict[str, list[EventRecord]]:
        """The `task.started` events of each node, in order: one for each attempt."""
        found: dict[str, list[EventRecord]] = defaultdict(list)
        for row in reads.events(self.conn, self.execution_id):
            if row.type == "task.started" and row.node_id is not None:
                found[row.node_id].append(row)
        return dict(found)

    @cached_property
    def errors(self) -> dict[tuple[str, int, int], str]:
        """What attempts failed with, by node, incarnation and attempt."""
        rows = reads.attempts(self.conn, self.execution_id)
        return {
            (row.node_id, row.mounted_frame, row.attempt): orjson.loads(row.error_json).get("message", "")
            for row in rows
            if row.error_json
        }

    @property
    def root_name(self) -> str:
        """The entry component's name; it has no node of its own (Z-2)."""
        return (self.execution.root_component or "entry").rpartition(":")[2].rpartition(".")[2]

    @property
    def over(self) -> bool:
        """Nobody works on the execution any more."""
        return self.execution.ended_at is not None

    def plan(self, frame: int) -> Plan:
        """The plan as frame `frame` left it."""
        if frame not in self._plans:
            rows = frame_store.plan_at(self.conn, self.execution_id, frame).flat() if frame >= 0 else []
            items = {
                row.node_id
                for lives in self.nodes.values()
                for row in lives
                if row.status is not None
                and row.mounted_frame <= frame
                and (row.unmounted_frame is None or row.unmounted_frame > frame)
            }
            self._plans[frame] = Plan(rows, items)
        return self._plans[frame]

    def seen(self, frame: int) -> dict[str, str]:
        """The state that frame `frame` saw, as JSON texts."""
        if frame not in self._states:
            self._states[frame] = state_fold.state_at(self.conn, self.execution_id, frame)
        return self._states[frame]

    def life(self, node_id: str, frame: int) -> NodeRecord | None:
        """The incarnation of a node that was in the plan of `frame`, or else the last one before it."""
        lives = [row for row in self.nodes.get(node_id, ()) if row.mounted_frame <= frame]
        return lives[-1] if lives else None

    def was_mounted(self, node_id: str, frame: int) -> bool:
        """Whether frame `frame` itself mounted the node."""
        return any(row.mounted_frame == frame for row in self.nodes.get(node_id, ()))

    def scope_run(self, node_id: str, frame: int) -> ScopeRun | None:
        """How a scope ran in a frame, if it did."""
        runs = self.scope_runs.get(node_id, ())
        return next((run for run in runs if run.frame_index == frame and run.why != "asked"), None)

    def asked(self, node_id: str, frame: int) -> ScopeRun | None:
        """What a loop's condition or a phase's `skip_if` read in a frame, if it was read then."""
        runs = self.scope_runs.get(node_id, ())
        return next((run for run in runs if run.frame_index == frame and run.why == "asked"), None)

    def last_change(self, key: str, before: int) -> TransitionRecord | None:
        """The last change of a key that a frame `before` saw."""
        rows = [row for row in self.changes.get(key, ()) if row.frame_index < before]
        return rows[-1] if rows else None

    def change_in(self, key: str, frame: int) -> TransitionRecord | None:
        """The change of a key by the flush of `frame`."""
        return next((row for row in self.changes.get(key, ()) if row.frame_index == frame), None)

    def settled(self, node_id: str, since: int, before: int) -> TransitionRecord | None:
        """How an item ended, from frame `since` on and before frame `before`."""
        rows = self.changes.get(f"$node/{node_id}", ())
        ended = [row for row in rows if since <= row.frame_index < before and status_word(row) in SETTLED]
        return ended[-1] if ended else None


def status_word(row: TransitionRecord) -> str:
    """The status in a `$node/` transition."""
    value = orjson.loads(row.new_value_json) if row.new_value_json else None
    return str(value.get("status")) if isinstance(value, dict) else str(value)
