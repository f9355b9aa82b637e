"""What `run` says at the end: how it went, what failed and why, what to type next."""

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from smithers_py.cli.inputs import DEFAULT_DATABASE, database_path
from smithers_py.cli.terminal import caret_lines, clean, error_text, glyph, human_duration, note, paint, say, shorten
from smithers_py.engine.results import RunResult
from smithers_py.harness.plan_view import PlanView

_MOST_FAILURES = 20
_LOOK = ("inspect", "logs", "db state")
_NEXT = {"waiting": ("approvals", "resume")} | dict.fromkeys(
    ("failed", "stopped", "stalled"), ("inspect", "logs", "resume")
)


def print_summary(result: RunResult, view: PlanView, db_path: Path, *, to_stderr: bool, told: bool = False) -> None:
    """Print how the run ended: to stdout, or to stderr when stdout carries JSON.

    `told`: the errors stand on that stream already, in lines of their own.
    """
    write, stream = (note, sys.stderr) if to_stderr else (say, sys.stdout)
    status = result.status
    head = paint(f"{glyph(status, stream)} {status}", status, stream)
    frames = f"{result.frames:,} frame{'' if result.frames == 1 else 's'}"
    write(f"{head}  {clean(view.name)} {result.execution_id}  {frames} in {human_duration(result.duration_ms)}")
    if result.stop_reason and status not in {"completed", result.stop_reason}:
        write(f"  reason: {clean(result.stop_reason)}")
    if result.summary is not None:
        shown = result.summary if isinstance(result.summary, str) else json.dumps(result.summary, ensure_ascii=False)
        write(f"  summary: {shorten(clean(shown), 2000)}")
    failures = [] if told else _failures(result, view)
    for line in failures[:_MOST_FAILURES]:
        write(f"  {paint('failed', 'failed', stream)} {line}")
    if len(failures) > _MOST_FAILURES:
        write(f"  and {len(failures) - _MOST_FAILURES:,} more failures")
    write(f"next: {next_commands(result.execution_id, db_path, _NEXT.get(status, _LOOK))}")


def _failures(result: RunResult, view: PlanView) -> list[str]:
    """Each failed node with its error, then the errors of no node (a render that raised).

    A container that failed because of what is in it has no error of its own and is not told again.
    """
    errors = {str(error.get("message", "")): error for error in result.errors}
    lines: list[str] = []
    for path, detail in view.failures.values():
        if detail:
            error = errors.pop(detail, None)
            told = clean(detail if error is None else error_text(error))
            lines.append("\n".join([f"{path}: {told}", *caret_lines(error)]))
    lines = lines or [path for path, _ in view.failures.values()]
    return lines + ["\n".join([clean(_with_node(error)), *caret_lines(error)]) for error in errors.values()]


def _with_node(error: dict[str, Any]) -> str:
    node = (error.get("where") or {}).get("node")
    return f"{node}: {error_text(error)}" if node else error_text(error)


def next_commands(execution_id: str, db_path: Path, verbs: Sequence[str] = ("inspect", "logs", "db state")) -> str:
    """The commands that tell more about an execution, as one can paste them."""
    flag = database_flag(db_path)
    return " | ".join(f"smithers {verb} {execution_id}{flag}" for verb in verbs)


def database_flag(db_path: Path) -> str:
    """` --db PATH` when the database is not the one that is found without it (SMITHERS_DB included)."""
    return "" if db_path in {DEFAULT_DATABASE, database_path(None)} else f" --db {shlex.quote(str(db_path))}"
