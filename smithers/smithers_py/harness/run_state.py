"""What an execution is really doing, derived from its rows alone (O-2). Every surface uses this one function."""

import json
from collections import Counter
from collections.abc import Sequence

from smithers_persistence.owner import Owner, owner_of
from smithers_persistence.records import ExecutionRecord, TaskRecord
from smithers_py.harness.models import RunState

ENDED = frozenset({"completed", "failed", "stopped", "terminated"})
"""Execution statuses after which no engine works on it, unless somebody resumes it."""

_STALE_GRACE = 0.25
"""Leases after the end of its lease in which an owner of whom nothing is known is called late, and then dead: clocks
step and laptops sleep (DESIGN 5, Leases). Only what is shown depends on it: who may take over is decided otherwise.
"""


def run_state(
    execution: ExecutionRecord, tasks: Sequence[TaskRecord], now: int, *, owner_alive: bool | None = None
) -> RunState:
    """Derive the state of an execution. Pure.

    `tasks` are its tasks (none known: the counts are 0), `now` is the wall clock in ms since the epoch,
    `owner_alive` what is known about the process that owns it: False is proof that it is gone, None is no knowledge.
    """
    counts = Counter(task_word(task) for task in tasks)
    state, reason = _state_and_reason(execution, tasks, now, owner_alive)
    return RunState(
        state=state,
        reason=reason,
        running=counts["running"],
        scheduled=counts["scheduled"],
        blocked=counts["blocked"],
        failed=counts["failed"],
    )


def task_word(task: TaskRecord) -> str:
    """The status of a task's work: blocked while it waits for something."""
    return "blocked" if task.blocked_json is not None and task.ended_at is None else task.status


def has_engine(execution: ExecutionRecord, now: int, *, owner_alive: bool | None) -> bool:
    """Whether an engine works on the execution, as far as can be known: one that could answer."""
    return _owner_gone(execution, now, owner_alive) != "orphaned"


def is_over(state: RunState) -> bool:
    """Whether nobody works on the execution, so that nothing more will be written until somebody resumes it."""
    return state.state in ENDED or state.state in {"stalled", "orphaned"}


def _state_and_reason(
    execution: ExecutionRecord, tasks: Sequence[TaskRecord], now: int, owner_alive: bool | None
) -> tuple[str, str]:
    status = execution.status
    told = execution.status_reason or execution.stop_reason
    resume = f"go on with: smithers resume {execution.execution_id}"
    if status in ENDED:
        return status, _ended_reason(execution, told, tasks)
    if status == "stalled":
        return status, f"stalled ({told}); {resume}" if told else f"stalled; {resume}"
    gone = _owner_gone(execution, now, owner_alive)
    without = f"; no engine runs it: {resume}" if gone == "orphaned" else ""
    if status == "paused":
        return status, (told or "paused by an operator: nothing new starts") + without
    if status == "waiting":
        # Waiting needs no engine: the answer or the time is kept in the database (P-2).
        what = _waiting_for(tasks)
        word = f"waiting-{what}" if what else "waiting"
        return word, (told or f"nothing to do until {what or 'an answer'} comes") + without
    if gone is not None:
        return gone, _gone_reason(gone, owner_of(execution.owner_ident), resume, alive=owner_alive is True)
    taken_over = sum(1 for task in tasks if task.status == "running" and _of_former_engine(task, execution.epoch))
    if taken_over or status == "recovering":
        settled = f"; {taken_over} task{'' if taken_over == 1 else 's'} of the former one are being settled"
        return "recovering", "a new engine has taken over" + (settled if taken_over else ", and prepares to go on")
    return status, _running_reason(tasks, told)


def _ended_reason(execution: ExecutionRecord, told: str | None, tasks: Sequence[TaskRecord]) -> str:
    if told:
        return told
    if execution.status == "failed":
        failed = sum(1 for task in tasks if task.status == "failed")
        return f"{failed} task{'' if failed == 1 else 's'} failed" if failed else "failed"
    return "nothing left to do" if execution.status == "completed" else execution.status


def _owner_gone(execution: ExecutionRecord, now: int, owner_alive: bool | None) -> str | None:
    """orphaned: nobody works on it; stale: its engine is late with its heartbeat; None: it is owned and in time."""
    if execution.owner is None or owner_alive is False:
        return "orphaned"
    expires = execution.lease_expires_at
    if expires is None or now <= expires:
        return None
    late = now > expires + _STALE_GRACE * owner_of(execution.owner_ident).lease_ms
    return "orphaned" if late and not owner_alive else "stale"


def _gone_reason(gone: str, owner: Owner, resume: str, *, alive: bool) -> str:
    if gone == "orphaned":
        who = f" ({owner})" if owner.pid else ""
        return f"its engine{who} is gone; {resume}"
    if alive:
        return (
            f"{owner} lives but sends no heartbeat: busy, or stopped (Ctrl-Z); another engine may take over: {resume}"
        )
    return "its engine is late with its heartbeat: busy, suspended or gone"


def _of_former_engine(task: TaskRecord, epoch: int) -> bool:
    return task.lease_epoch < epoch


def _waiting_for(tasks: Sequence[TaskRecord]) -> str:
    """What the blocked tasks wait for, e.g. `human` or `human+timer`."""
    blocked = [task.blocked_json for task in tasks if task.blocked_json is not None and task.ended_at is None]
    return "+".join(sorted({json.loads(text)["reason"] for text in blocked}))


def _running_reason(tasks: Sequence[TaskRecord], told: str | None) -> str:
    running = sum(1 for task in tasks if task.status == "running")
    if running:
        return f"{running} task{'' if running == 1 else 's'} running"
    return told or "between tasks"
