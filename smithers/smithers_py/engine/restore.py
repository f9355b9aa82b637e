"""The mounted tree of an execution whose engine is gone, rebuilt from its rows (T-5, Z-18, Z-19).

Every node of the head frame's plan becomes an instance again, with its status, incarnation and work, but without a
description: that only the script can give. The first render *adopts* each of them, matched by identity (see
render.py); what lies in a completed container is never asked and stays as it is, frozen.

Statuses, iterations and latches come from the `$` keys alone, so the tree is exactly what the head frame saw, or what
its flush made of it, whichever state is given.
"""

import re
from collections.abc import Mapping
from typing import Any

import orjson

from smithers_persistence.head import HeadRows
from smithers_persistence.records import TaskRecord
from smithers_py import nodes
from smithers_py.engine.effect_state import EffectState
from smithers_py.engine.instance import CONTEXT_KINDS, Instance, LoopState, Outcome
from smithers_py.engine.owed import Owed
from smithers_py.engine.progress import LANES, may_reopen, starts_at_once
from smithers_py.engine.results import TaskResult
from smithers_py.engine.stored_error import stored_error
from smithers_py.engine.task_state import TaskState
from smithers_py.engine.tree import Tree
from smithers_py.ids import node_digest, node_id
from smithers_py.nodes import BaseNode, NodeKind
from smithers_py.state.codec import decode

_TYPES: dict[str, type[BaseNode]] = {
    kind.__name__: kind
    for kind in vars(nodes).values()
    if isinstance(kind, type) and issubclass(kind, BaseNode) and kind is not BaseNode
}
_HASHED = re.compile(r"[0-9a-f]{16}")
_TRIED_PLACES = 64
"""How many positions are tried to recognise a child without id or key as one of an iteration."""
_SETTLED = ("succeeded", "skipped", "cancelled")


class StoredNode:
    """Stands for the description of a node until the script has given one again. Has what the engine reads of any."""

    __slots__ = ("max_concurrency", "props", "source", "type_name")

    id = key = None
    handlers: Mapping[str, Any] = {}
    children: tuple[Any, ...] = ()

    def __init__(self, type_name: str, props: dict[str, Any], source: tuple[str, int] | None) -> None:
        self.type_name = type_name
        self.props = props
        self.source = source
        self.max_concurrency: int | None = props.get("max_concurrency")

    @property
    def value(self) -> str:
        """Of a text: the text."""
        return str(self.props.get("value", ""))

    def plan_props(self) -> dict[str, Any]:
        """As stored."""
        return self.props


def rebuild(tree: Tree, rows: HeadRows, state: Mapping[str, str]) -> Owed:
    """Fill a tree that holds nothing but its root. `state`: texts by key, `$` keys included."""
    incarnations = {row.node_id: row for row in rows.nodes if row.unmounted_frame is None}
    own = {key: text for key, text in state.items() if key.partition("/")[2] not in rows.former}
    tree.root.mounted_frame = 0
    for identity, parent_id, type_name, name, props in rows.plan:
        row = incarnations[identity]
        parent = tree.root if parent_id is None else tree.by_id[parent_id]
        _add(tree, parent, _stub(identity, type_name, name, props, row.mounted_frame, row.source))
    tasks = {(task.node_id, task.mounted_frame): task for task in rows.tasks}
    owed = Owed()
    for inst in tree.root.walk():
        if not inst.is_root:
            _place_work(inst, tasks, rows, own, owed)
    _count(tree.root)
    _freeze_ended(tree)
    tree.past = _past(tree, rows)
    return owed


def status_word(text: str | None) -> tuple[str, dict[str, Any]]:
    """The status in a `$node` key, and what stands beside it."""
    if text is None:
        return "idle", {}
    value = orjson.loads(text)
    return (value, {}) if isinstance(value, str) else (value["status"], value)


def outcome_of(status: str, more: Mapping[str, Any]) -> Outcome:
    """Where a node of this status stands for its context (Z-7: a failure that an `on_error` took is settled)."""
    if status in _SETTLED:
        return Outcome.SETTLED
    if status == "failed":
        return Outcome.SETTLED if more.get("handled") else Outcome.FAILED
    return Outcome.OPEN


def task_state(task: TaskRecord, crashes: int) -> TaskState:
    """What the engine knew of a task's work."""
    state = TaskState(task.scheduled_at)
    state.attempt = task.attempt
    state.crashes = crashes
    state.uncounted = task.uncounted
    state.signature = task.signature
    state.started_ms = task.started_at or 0
    if task.result_json is not None:
        state.result = stored_result(task)
    if task.last_error_json is not None and task.status in ("failed", "cancelled"):
        state.error = stored_error(task.last_error_json)
    return state


def stored_result(task: TaskRecord) -> TaskResult:
    """The result as `on_finished` gets it."""
    fields: dict[str, Any] = decode(task.result_json or "{}", "result")
    if "stdout" in fields:
        fields.setdefault("output", fields["stdout"])
    took = (task.ended_at or 0) - (task.started_at or task.ended_at or 0)
    return TaskResult(task.node_id, duration_ms=took, attempt=task.attempt, **fields)


# -- parts ----------------------------------------------------------------------------------------------------------


def _stub(
    identity: str, type_name: str, name: str | None, props: dict[str, Any], mounted: int, source: str | None
) -> Instance:
    kind = _TYPES[type_name].kind if type_name in _TYPES else NodeKind.TRANSPARENT
    file, _, line = (source or "").rpartition(":")
    inst = Instance(identity, "", type_name, kind, StoredNode(type_name, props, (file, int(line)) if file else None))
    inst.adopted = False
    inst.name = name
    inst.props = props
    own = identity.rpartition("/")[2]
    shown = props.get("name") or (own if not _HASHED.fullmatch(own) else None) or name
    inst.path_name = f"{type_name} {shown!r}" if shown else type_name
    inst.mounted_frame = mounted
    return inst


def _add(tree: Tree, parent: Instance, inst: Instance) -> None:
    inst.parent = parent
    inst.depth = parent.depth + 1
    inst.context = parent if parent.kind in CONTEXT_KINDS or parent.is_root else parent.context
    inst.id_scope = parent.id_scope
    inst.after = parent.children[-1].node_id if parent.children else None
    parent.children.append(inst)
    tree.by_id[inst.node_id] = inst
    above = None if parent.is_root else parent.node_id
    inst.digest = node_digest(inst.node_id, above, inst.after, inst.type_name, inst.props)
    tree.plan_hash = (tree.plan_hash + inst.digest) & ((1 << 128) - 1)


def _place_work(
    inst: Instance,
    tasks: Mapping[tuple[str, int], TaskRecord],
    rows: HeadRows,
    state: Mapping[str, str],
    owed: Owed,
) -> None:
    status, more = status_word(state.get(f"$node/{inst.node_id}"))
    if inst.kind is NodeKind.RUNNABLE:
        task = tasks.get(inst.key)
        if task is not None:
            inst.extra = task_state(task, rows.crashes.get(inst.key, 0))
            inst.reached = True
            status = "scheduled" if status == "idle" else status
        elif status != "skipped":
            # What a retry that was never written down had brought back.
            status, more = "idle", {}
    elif inst.kind is NodeKind.LOOP:
        _loop(inst, state, owed)
    elif inst.kind is NodeKind.EFFECT:
        _effect(inst, rows, owed)
    elif inst.kind is NodeKind.STOP and not inst.is_item:
        owed.stops.append(inst)
    inst.status = status
    if inst.is_item:
        inst.outcome = outcome_of(status, more)
        if inst.kind in CONTEXT_KINDS and status == "idle" and (inst.children or starts_at_once(inst)):
            # Its children are in the plan, but the flush that says that it began was never written.
            owed.entered.append(inst)
            inst.reached = True
        inst.reached = inst.reached or status != "idle"


def _loop(inst: Instance, state: Mapping[str, str], owed: Owed) -> None:
    loop = inst.extra = LoopState()
    text = state.get(f"$loop/{inst.node_id}")
    if text is not None:
        loop.iteration, word = orjson.loads(text)
        loop.between = word == "between"
        loop.done = None if word in ("between", "running") else word
    # It has done something, for all that is known: an iteration that only changes state must not count as idle.
    loop.user_writes = -1
    if any(_in_iteration(child, inst, loop.iteration + 1) for child in inst.children):
        # The head frame began it, and the flush that says so is not in this state.
        loop.iteration += 1
        loop.between, loop.done = False, None
        owed.turned.append(inst)


def _in_iteration(child: Instance, loop: Instance, iteration: int) -> bool:
    """Whether a mounted child's id, explicit or hashed, is one of that iteration (Z-2)."""
    base = f"{loop.node_id}/{iteration}"
    if child.node_id.startswith(f"{loop.node_id}/"):
        return child.node_id.startswith(f"{base}/")
    segments = [f"i:{index}" for index in range(_TRIED_PLACES)]
    segments += [f"k:{name}" for name in (child.name, child.props.get("key")) if name is not None]
    return any(node_id(base, segment, child.type_name) == child.node_id for segment in segments)


def _effect(inst: Instance, rows: HeadRows, owed: Owed) -> None:
    row = next((row for row in rows.effects if row.effect_id == inst.node_id), None)
    inst.extra = EffectState()
    # Its deps may have changed in the head frame, whose flush may be missing: they are compared once more.
    owed.effects.append(inst)
    if row is None:
        return
    inst.extra.deps = row.deps_json
    # What it set up died with the process: it runs once more, and its writes, which are there, are dropped (Z-0).
    inst.extra.again = row.has_cleanup


def _count(root: Instance) -> None:
    """The progress counters, children first, and the root's lanes."""
    for inst in reversed(list(root.walk())):
        for child in inst.children:
            total, unreached, settled, failed = child.weight()
            inst.total += total
            inst.unreached += unreached
            inst.settled += settled
            inst.failed += failed
        if inst.kind in LANES and inst.reached and inst.context.is_root:
            lane = root.extra.lanes[inst.kind]
            lane[0] += inst.outcome is Outcome.OPEN
            lane[1] += inst.outcome is Outcome.FAILED


def _freeze_ended(tree: Tree) -> None:
    for inst in tree.root.walk():
        above = inst.parent
        ended = inst.kind in CONTEXT_KINDS and inst.outcome is not Outcome.OPEN and not may_reopen(inst)
        inst.frozen = ended or (above is not None and above.frozen)


def _past(tree: Tree, rows: HeadRows) -> dict[str, dict[str, Any]]:
    """For `ctx.node(id).previous`: the tasks of each loop's last iteration."""
    past: dict[str, dict[str, Any]] = {}
    loops = [inst for inst in tree.by_id.values() if inst.kind is NodeKind.LOOP]
    for loop in loops:
        prefix = f"{loop.node_id}/{loop.extra.iteration - 1}/"
        found = {task.node_id: task_state(task, 0) for task in rows.tasks if task.node_id.startswith(prefix)}
        if found:
            past[loop.node_id] = found
    return past
