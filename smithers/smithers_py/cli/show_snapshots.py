"""`smithers snapshots` and `smithers rollback`: what steps have kept of the workspace, and the way back (V-1)."""

import sys
from pathlib import Path

from smithers_py.cli.inputs import database_path
from smithers_py.cli.reading import read_execution
from smithers_py.cli.terminal import clean, human_time, is_terminal, note, say, table, write_json
from smithers_py.errors import UsageError
from smithers_py.harness.reader import Reader
from smithers_py.harness.snapshots import (
    Rollback,
    SnapshotView,
    When,
    list_snapshots,
    prepare_rollback,
    roll_back,
)

_SHOWN = 20
_SHORT = 10


def show_snapshots(database: Path | None, execution: str, *, as_json: bool) -> None:
    """Print what is kept, oldest first."""

    async def work(reader: Reader, execution_id: str) -> tuple[str, list[SnapshotView]]:
        return execution_id, await list_snapshots(reader, execution_id)

    execution_id, found = read_execution(database, execution, work)
    if as_json:
        write_json(found)
        return
    if not found:
        note(f"{execution_id} has no snapshots; Step(..., snapshot_before=True) makes one")
        return
    rows = (
        (clean(one.node), one.when, human_time(one.created_at), one.commit[:_SHORT], one.node_id, one.workspace or "")
        for one in found
    )
    table(("node", "when", "at", "commit", "id", "workspace"), rows)
    note(f"go back: smithers rollback {execution_id} NODE [--before|--after]; compare: git diff COMMIT COMMIT")


def rollback_command(
    database: Path | None, execution: str, node: str, when: When | None, *, yes: bool, as_json: bool
) -> int:
    """Restore the workspace to a snapshot; asks first. Exit code 1 when the answer was no."""
    path = database_path(database)

    async def work(reader: Reader, execution_id: str) -> Rollback:
        return await prepare_rollback(reader, execution_id, node, when, path)

    planned = read_execution(database, execution, work)
    if not (as_json and yes):
        _show(planned)
    if not yes:
        if not (is_terminal(sys.stderr) and sys.stdin.isatty()):
            raise UsageError("nobody is there to ask whether to change these files", hint="Say so with --yes.")
        if input("restore it? [y/N] ").strip().lower() not in {"y", "yes"}:
            note("nothing was changed")
            return 1
    done = roll_back(planned)
    if as_json:
        write_json(done)
        return 0
    say(f"restored {done.workspace}: {len(planned.changes)} file{'' if len(planned.changes) == 1 else 's'} changed")
    again = f"smithers rollback {done.execution_id} {done.node_id} --undo"
    note(f"what was there is kept as {done.undo}; to go back to it: {again}")
    return 0


def _show(planned: Rollback) -> None:
    target, changes = planned.target, planned.changes
    when = "before a rollback of" if target.when == "undo" else target.when
    note(f"{planned.repo.workspace} as it was {when} {clean(target.node)} ({human_time(target.created_at)}):")
    for line in changes[:_SHOWN]:
        note(f"  {clean(line)}")
    if len(changes) > _SHOWN:
        note(f"  … {len(changes) - _SHOWN:,} more")
    if not changes:
        note("  nothing differs")
