"""What `run` says at the end: how it went, what failed and why, what to type next."""

import json
import shlex
import sys
from collections.abc import Callable
from pathlib import Path

from smithers_py.cli.inputs import DEFAULT_DATABASE
from smithers_py.cli.terminal import clean, glyph, human_duration, paint, shorten
from smithers_py.engine.results import RunResult
from smithers_py.harness.plan_view import PlanView

_MOST_FAILURES = 20


def print_summary(result: RunResult, view: PlanView, db_path: Path, write: Callable[[str], None]) -> None:
    """Write the summary line by line with `write` (to stdout, or to stderr when stdout carries JSON)."""
    status = result.status
    head = paint(f"{glyph(status, sys.stdout)} {status}", status, sys.stdout)
    frames = f"{result.frames:,} frame{'' if result.frames == 1 else 's'}"
    write(f"{head}  {clean(view.name)} {result.execution_id}  {frames} in {human_duration(result.duration_ms)}")
    if result.stop_reason:
        write(f"  reason: {clean(result.stop_reason)}")
    if result.summary is not None:
        shown = result.summary if isinstance(result.summary, str) else json.dumps(result.summary, ensure_ascii=False)
        write(f"  summary: {shorten(clean(shown), 2000)}")
    failures = list(view.failures.values())
    for path, detail in failures[:_MOST_FAILURES]:
        write(f"  {paint('failed', 'failed', sys.stdout)} {path}" + (f": {clean(detail)}" if detail else ""))
    if len(failures) > _MOST_FAILURES:
        write(f"  and {len(failures) - _MOST_FAILURES:,} more failed nodes")
    write(f"next: {next_commands(result.execution_id, db_path)}")


def next_commands(execution_id: str, db_path: Path) -> str:
    """The commands that tell more about an execution, as one can paste them."""
    flag = database_flag(db_path)
    return " | ".join(f"smithers {verb} {execution_id}{flag}" for verb in ("inspect", "logs", "db state"))


def database_flag(db_path: Path) -> str:
    """` --db PATH` when the database is not the one that is found without it (SMITHERS_DB included)."""
    from smithers_py.cli.inputs import database_path

    return "" if db_path in {DEFAULT_DATABASE, database_path(None)} else f" --db {shlex.quote(str(db_path))}"
