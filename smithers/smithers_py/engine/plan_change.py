"""A changed script: what it means for each node, as data for people, and how it is carried out (T-6, C-6, Z-3)."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from smithers_persistence.rows import EventRow
from smithers_py.engine.compare import Change, Comparison, compare
from smithers_py.engine.instance import ITEM_KINDS, Instance
from smithers_py.engine.observer import FrameReport
from smithers_py.engine.reopen import rerun
from smithers_py.engine.run import Run
from smithers_py.engine.tasks import state_of
from smithers_py.nodes import NodeKind
from smithers_py.nodes.props import plan_value

_GOES_ON = "goes on as it started"
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
    props: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    code: bool = False
    spent: dict[str, float] = field(default_factory=dict[str, float])
    """What its last finished attempt took: `ms`, and of an agent `tokens` and `cost` (USD), where known."""


@dataclass(frozen=True, slots=True)
class PlanDiff:
    """What a changed script does to a plan: `nodes` without those that are kept, which `kept` counts."""

    nodes: list[NodeChange]
    kept: int
    kept_spent: dict[str, float] = field(default_factory=dict[str, float])
    """What the kept ones took together."""

    @property
    def is_empty(self) -> bool:
        """The plan is the same."""
        return not self.nodes

    def to_json(self) -> dict[str, Any]:
        """{"nodes": [...], "kept": n}"""
        return asdict(self)


def describe(found: Comparison) -> PlanDiff:
    """The diff that people see."""
    nodes = [_entry(inst, "gone", _when_gone(inst)) for inst in found.gone]
    nodes += [_entry(one.inst, "changed", _when_changed(one), one) for one in found.changed]
    nodes += [_entry(inst, "moved", "stays, in another place") for inst in found.moved]
    nodes += [_entry(inst, "new", "starts when its turn comes" if _works(inst) else "appears") for inst in found.new]
    return PlanDiff(nodes, len(found.kept), _sum(map(_spent, found.kept)))


def apply_change(run: Run, found: Comparison) -> None:
    """Have what ended and is described otherwise now run again; the next frame renders the new script.

    What depends on such a node follows once it has ended anew: see `follow`.
    """
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


def _works(inst: Instance) -> bool:
    return inst.kind in ITEM_KINDS


def _when_gone(inst: Instance) -> str:
    if inst.kind is NodeKind.RUNNABLE and inst.status in ("running", "scheduled", "blocked"):
        return "is cancelled"
    did = inst.reached and inst.status != "skipped"
    return "leaves the plan; what it did stays recorded" if did else "leaves the plan"


def _when_changed(change: Change) -> str:
    if change.reruns:
        return "runs again"
    if change.inst.kind is NodeKind.RUNNABLE and change.inst.status in ("running", "blocked"):
        return _GOES_ON
    return "changes"
