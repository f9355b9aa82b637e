"""A changed script: what it means for each node, as data for people, and how it is carried out (T-6, C-6, Z-3)."""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from smithers_persistence.rows import EventRow
from smithers_py.engine.compare import Change, Comparison, compare
from smithers_py.engine.instance import CONTEXT_KINDS, ITEM_KINDS, Instance, Outcome
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.reopen import rearm_stops, reopen_above, rerun
from smithers_py.engine.run import Run
from smithers_py.engine.task_state import state_of
from smithers_py.nodes import NodeKind
from smithers_py.nodes.props import plan_value

_GOES_ON = "goes on as it started"
_STAYS = "stays: what it is part of has ended"
_ABSENT = "does not appear: what it would be part of has ended"
What = Literal["new", "gone", "changed", "moved", "kept"]


@dataclass(frozen=True, slots=True)
class NodeChange:
    """One node of a plan diff. `props`: {name: [old, new]}, `code`: its function or schema changed.

    `then` says what happens to it: "starts when its turn comes", "is cancelled", "runs again", "goes on as it started",
    "changes", "stays".
    """

    node_id: str
    path: str
    type: str
    what: What
    status: str
    then: str
    props: dict[str, list[Any]] = field(default_factory=dict)
    code: bool = False
    spent: dict[str, float] = field(default_factory=dict)
    """What its last finished attempt took: `ms`, and of an agent `tokens` and `cost` (USD), where known."""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """What a changed script does to a plan: `nodes` without those that are kept, which `kept` counts."""

    nodes: list[NodeChange]
    kept: int
    kept_spent: dict[str, float] = field(default_factory=dict)
    """What the kept ones took together."""

    @property
    def is_empty(self) -> bool:
        """The plan is the same."""
        return not self.nodes

    @property
    def is_idle(self) -> bool:
        """Nothing happens because of it, to an execution that has ended."""
        return all(node.then in (_STAYS, _ABSENT) for node in self.nodes)

    def to_json(self) -> dict[str, Any]:
        """{"nodes": [...], "kept": n}"""
        return asdict(self)


def describe(found: Comparison) -> PlanDiff:
    """The diff that people see."""
    opened = _opened(found)

    def stays(inst: Instance) -> bool:
        return inst.frozen and inst.context not in opened and inst.kind is not NodeKind.STOP

    nodes = [_entry(inst, "gone", _STAYS if stays(inst) else _when_gone(inst)) for inst in found.gone]
    nodes += [
        _entry(one.inst, "changed", _STAYS if stays(one.inst) else _when_changed(one), one) for one in found.changed
    ]
    nodes += [_entry(inst, "moved", "stays, in another place") for inst in found.moved]
    nodes += [_entry(inst, "new", _when_new(inst, opened)) for inst in found.new]
    if found.later is not None:
        nodes += [_entry(inst, "gone", "would have come later; will not") for inst in found.later.gone]
        nodes += [_entry(one.inst, "changed", "comes later, changed", one) for one in found.later.changed]
        nodes += [_entry(inst, "new", "comes later") for inst in found.later.new]
    return PlanDiff(nodes, len(found.kept), _sum(map(_spent, found.kept)))


def apply_change(run: Run, found: Comparison) -> None:
    """Have what ended and is described otherwise now run again; the next frame renders the new script.

    What depends on such a node follows once it has ended anew: see `follow`.
    """
    opened = _opened(found)
    for inst in found.new:
        above = _mounted_above(inst)
        if _works(inst) and not above.is_root:
            reopen_above(run, above, itself=above.kind in CONTEXT_KINDS)
    rearm_stops(run, opened)
    for change in found.changed:
        if change.reruns:
            run.cascade.add(change.inst.node_id)
            rerun(run, change.inst)
    told: list[tuple[str, str, str | None]] = [
        (inst.node_id, inst.status, f"outdated: {_GOES_ON}") for inst in _outdated(found)
    ]
    if told:
        run.observer.frame(FrameReport(run.next_frame - 1, [], told))


def change_events(run: Run, found: Comparison) -> list[EventRow]:
    """What the log says of a change that is carried out, for the transaction that records the new script (Z-19)."""
    changed = run.event("script.changed", payload=diff_text(describe(found)))
    return [changed, *(run.event("node.outdated", inst.node_id, level="warning") for inst in _outdated(found))]


def _outdated(found: Comparison) -> list[Instance]:
    """Running nodes that the script describes otherwise now: they go on as they started."""
    return [one.inst for one in found.changed if _when_changed(one) == _GOES_ON]


def follow(run: Run, last_changes: Mapping[str, int]) -> list[Instance]:
    """Of what has ended, rerun what is described otherwise because a rerun node has written something else.

    Returns the nodes that run again. Called between two frames, once the flush of such a node is done.
    """
    keys, run.cascade_keys = run.cascade_keys, set()
    found = compare(run, last_changes, because=keys)
    again = [change.inst for change in found.changed if change.reruns]
    for inst in again:
        run.cascade.add(inst.node_id)
        rerun(run, inst)
    return again


def diff_text(diff: PlanDiff) -> str:
    """The diff as JSON for an event's payload."""
    return orjson.dumps(diff.to_json(), default=str).decode()


def _entry(inst: Instance, what: What, then: str, change: Change | None = None) -> NodeChange:
    props = {name: [plan_value(old), plan_value(new)] for name, (old, new) in change.props.items()} if change else {}
    status = inst.status if inst.reached or inst.kind is not NodeKind.RUNNABLE else "idle"
    code = change is not None and change.code
    return NodeChange(inst.node_id, inst.path(), inst.type_name, what, status, then, props, code, _spent(inst))


def _spent(inst: Instance) -> dict[str, float]:
    state = state_of(inst)
    result = state.result if state is not None else None
    if result is None:
        return {}
    usage = result.usage or {}
    spent = {
        "ms": result.duration_ms,
        "tokens": usage.get("input_tokens", 0) + usage.get("output_tokens", 0),
        "cost": result.cost or 0,
    }
    return {name: value for name, value in spent.items() if value}


def _sum(all_spent: Iterable[dict[str, float]]) -> dict[str, float]:
    total: dict[str, float] = {}
    for spent in all_spent:
        for name, value in spent.items():
            total[name] = total.get(name, 0) + value
    return total


def _opened(found: Comparison) -> set[Instance]:
    """What has work to do, again or still: the containers around what is new or runs again, and the root."""
    inner = [change.inst for change in found.changed if change.reruns]
    above = [_mounted_above(inst) for inst in found.new if _works(inst)]
    return {at for inst in inner for at in inst.ancestors()} | {at for top in above for at in (top, *top.ancestors())}


def _mounted_above(new: Instance) -> Instance:
    """Where in the plan that is mounted a new node would come."""
    above = new.parent or new
    while above.parent is not None and above.mounted_frame < 0:
        above = above.parent
    return above


def _works(inst: Instance) -> bool:
    return inst.kind in ITEM_KINDS or inst.kind is NodeKind.STOP


def _when_new(inst: Instance, opened: AbstractSet[Instance]) -> str:
    if _works(inst):
        return "starts when its turn comes"
    above = _mounted_above(inst)
    context = above if above.kind in CONTEXT_KINDS else above.context
    return (
        "does not appear: what it would be part of has ended" if above.frozen and context not in opened else "appears"
    )


def _when_gone(inst: Instance) -> str:
    if inst.kind is NodeKind.RUNNABLE and inst.status in ("running", "scheduled", "blocked"):
        return "is cancelled"
    did = inst.reached and inst.status != "skipped"
    return "leaves the plan; what it did stays recorded" if did else "leaves the plan"


def _when_changed(change: Change) -> str:
    if change.reruns:
        return "runs again"
    if change.inst.kind is NodeKind.STOP and change.inst.outcome is not Outcome.OPEN:
        return "ends the run anew"
    if change.inst.kind is NodeKind.RUNNABLE and change.inst.status in ("running", "blocked"):
        return _GOES_ON
    return "changes"
