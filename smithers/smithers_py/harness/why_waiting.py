"""Why a node has not run: what it waits for, or what kept it from running for good (O-3, Z-5 to Z-8)."""

import json
from datetime import UTC, datetime

from smithers_persistence.records import NodeRecord, ScopeRun
from smithers_py.engine.asking import OF_PEOPLE
from smithers_py.harness.why_changes import change, name_of, read_text
from smithers_py.harness.why_history import SETTLED, History, Plan
from smithers_py.harness.why_models import Change, Link

_CONDITIONAL = frozenset({"If", "Switch", "Each"})


def not_yet(history: History, row: NodeRecord) -> list[Link]:
    """Why a node that is in the plan has not run; empty when it has, or does."""
    head = history.execution.head_frame
    if row.unmounted_frame is not None:
        return []
    if row.status is None:
        return _shows_nothing(history, row, head)
    status = _status(history, row)
    if status == "skipped":
        return _skipped(history, row)
    if status not in ("idle", "scheduled", "blocked"):
        return []
    links = _blocked(history, row) or _slot(history, row) or waits(history, history.plan(head), row.node_id)
    return [*links, *ended_link(history)]


def ended_link(history: History) -> list[Link]:
    """That the execution is over, if it is."""
    one = history.execution
    if not history.over:
        return []
    reason = f": {one.stop_reason or one.status_reason}" if one.stop_reason or one.status_reason else ""
    text = f"the execution is over ({one.status}{reason}), so it will not run unless it is resumed"
    return [Link(kind="ended", frame=one.head_frame, text=text)]


def _status(history: History, row: NodeRecord) -> str:
    task = history.tasks.get((row.node_id, row.mounted_frame))
    if task is not None and task.status == "scheduled" and task.next_retry_at is not None:
        return "blocked"
    return task.status if task is not None and row.status in ("idle", "scheduled") else row.status or "idle"


def _blocked(history: History, row: NodeRecord) -> list[Link]:
    task = history.tasks.get((row.node_id, row.mounted_frame))
    if task is not None and task.blocked_json is not None and task.ended_at is None:
        return [Link(kind="waits", node_id=row.node_id, text=_waits_for(task.blocked_json))]
    if task is None or task.next_retry_at is None or task.status != "scheduled":
        return []
    at = _time(task.next_retry_at)
    failed = history.errors.get((row.node_id, row.mounted_frame, task.attempt - 1), "")
    told = f", for attempt {task.attempt - 1} failed: {failed}" if failed else ""
    text = f"it waits until {at} for attempt {task.attempt}{told}"
    return [Link(kind="waits", node_id=row.node_id, text=text)]


def _time(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds")


def _waits_for(blocked: str) -> str:
    """What a task that has begun waits for, as a sentence."""
    told = json.loads(blocked)
    reason, until = told["reason"], told.get("until")
    if reason in OF_PEOPLE:
        return "it waits for a person's answer: `smithers approvals` shows the question"
    if until is None:
        return f"it waits ({reason})"
    return f"it waits until {_time(until)} ({reason})"


def _slot(history: History, row: NodeRecord) -> list[Link]:
    task = history.tasks.get((row.node_id, row.mounted_frame))
    if task is None or task.status != "scheduled":
        return []
    agent = task.kind in ("Claude", "Agent")
    running = [
        other.node_id
        for other in history.tasks.values()
        if other.status == "running" and (other.kind in ("Claude", "Agent")) == agent
    ]
    limit = "max_agents" if agent else "max_tasks"
    text = f"its turn came in frame {task.scheduled_frame}, but no slot is free: {limit} allows no more than the "
    text += f"{len(running)} that run ({_listed(history, running)})" if running else "number that run"
    return [Link(kind="slot", frame=task.scheduled_frame, node_id=row.node_id, text=text)]


def waits(history: History, plan: Plan, node_id: str) -> list[Link]:
    """What stands before an item whose turn has not come, and before what holds it."""
    context = plan.context(node_id)
    links: list[Link] = []
    open_ = [item for item in plan.before(node_id) if not _ended(history, item)]
    if open_:
        text = f"it waits for its turn: before it come {_listed(history, open_)}"
        links.append(Link(kind="waits", node_id=open_[-1], text=text))
    elif context is not None and plan.type(context) == "Parallel" and _has_begun(history, context):
        others = [item for item in plan.items(context) if item != node_id and _runs(history, item)]
        most = plan.rows[context][4].get("max_concurrency")
        text = f"it waits for a place in {name_of(history, context)}: max_concurrency={most}"
        links.append(Link(kind="slot", node_id=context, text=f"{text}, and {_listed(history, others)} run"))
    if context is not None and not _has_begun(history, context):
        text = f"{name_of(history, context)}, which holds it, has not been reached"
        links += [Link(kind="waits", node_id=context, text=text), *waits(history, plan, context)]
    return links


def _skipped(history: History, row: NodeRecord) -> list[Link]:
    rows = [one for one in history.changes.get(f"$node/{row.node_id}", ()) if one.frame_index >= row.mounted_frame]
    frame = rows[-1].frame_index if rows else history.execution.head_frame
    asked = history.asked(row.node_id, frame)
    skipped = [change(history, rows[-1])] if rows else []
    if asked is not None or (row.node_type == "Phase" and "upstream" not in (rows[-1].new_value_json or "")):
        read = read_text(history, asked.read if asked else [], frame)
        text = f"its skip_if was true when its turn came in frame {frame}; it read {read}"
        return [
            Link(kind="condition", frame=frame, node_id=row.node_id, text=text, changes=skipped + _of(history, asked))
        ]
    plan = history.plan(frame)
    context = plan.context(row.node_id)
    failed = [
        ended
        for item in plan.items(context)
        if (ended := history.settled(item, 0, frame + 1)) is not None and "failed" in (ended.new_value_json or "")
    ]
    if not failed:
        return [Link(kind="upstream", frame=frame, text="something before it failed", changes=skipped)]
    first = change(history, failed[0])
    task = next((task for (node, _), task in history.tasks.items() if node == first.node_id), None)
    error = history.errors.get((task.node_id, task.mounted_frame, task.attempt)) if task is not None else None
    text = f"it was skipped in frame {frame}, because {first.text}" + (f": {error}" if error else "")
    return [Link(kind="upstream", frame=frame, node_id=first.node_id, text=text, changes=[first, *skipped])]


def _shows_nothing(history: History, row: NodeRecord, head: int) -> list[Link]:
    """An If, Switch or Each that holds nothing: what its condition read."""
    if row.node_type not in _CONDITIONAL or row.node_id in history.plan(head).parents.values():
        return []
    runs = [run for run in history.scope_runs.get(row.node_id, ()) if run.why != "asked"]
    if not runs:
        return [
            Link(kind="condition", node_id=row.node_id, text="it shows nothing: its condition is a value that says so")
        ]
    last = runs[-1]
    read = read_text(history, last.read, last.frame_index)
    text = f"it shows nothing: when it last ran, in frame {last.frame_index}, it read {read}"
    return [Link(kind="condition", frame=last.frame_index, node_id=row.node_id, text=text, changes=_of(history, last))]


def _of(history: History, run: ScopeRun | None) -> list[Change]:
    if run is None:
        return []
    rows = [history.last_change(key, run.frame_index) for key in run.read]
    return [change(history, row) for row in rows if row is not None]


def _word(history: History, node_id: str) -> str:
    return history.nodes[node_id][-1].status or "idle"


def _ended(history: History, node_id: str) -> bool:
    return _word(history, node_id) in SETTLED


def _runs(history: History, node_id: str) -> bool:
    return _word(history, node_id) not in SETTLED and _has_begun(history, node_id)


def _has_begun(history: History, node_id: str) -> bool:
    return _word(history, node_id) != "idle"


def _listed(history: History, ids: list[str]) -> str:
    shown = [f"{name_of(history, one)}, {_word(history, one)}" for one in ids[:3]]
    return "; ".join(shown) + (f"; and {len(ids) - 3} more" if len(ids) > 3 else "")
