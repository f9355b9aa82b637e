"""`smithers list`: the executions, the latest last."""

import sys
from pathlib import Path

from smithers_py.cli.inputs import database_path
from smithers_py.cli.reading import read
from smithers_py.cli.terminal import glyph, human_duration, human_time, note, table, write_json
from smithers_py.harness.models import ExecutionSummary
from smithers_py.harness.store import is_missing


def show_list(database: Path | None, *, limit: int, status: str | None, as_json: bool) -> None:
    """Print the latest `limit` executions, oldest of them first."""
    executions = _executions(database, limit, status)
    if as_json:
        write_json(executions)
        return
    if not executions:
        of = f" of status {status!r}" if status else ""
        note(f"no executions{of} in {database_path(database)} yet; start one: smithers run SCRIPT")
        return
    table(
        ("id", "status", "started", "took", "frames", "name"),
        (
            (
                one.execution_id,
                f"{glyph(one.state, sys.stdout)} {one.state}",
                human_time(one.started_at or one.created_at),
                human_duration(one.duration_ms),
                str(one.frames),
                (one.name or "") + "".join(f" #{tag}" for tag in one.tags),
            )
            for one in executions
        ),
        status_column=1,
    )


def _executions(database: Path | None, limit: int, status: str | None) -> list[ExecutionSummary]:
    # Before the first run there is no database, and that is an answer; a path that was given must be there.
    if database is None and is_missing(database_path(None)):
        return []
    return read(database, lambda reader: reader.executions(limit=limit, status=status))
