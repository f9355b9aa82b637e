"""Plans whose causes are known, and the oracle that holds an answer of `why` against the stored transitions."""

import asyncio
import json
from pathlib import Path
from typing import Any

from smithers_persistence import Database, reads
from smithers_persistence.state_fold import state_at
from smithers_py.harness.reader import Reader
from smithers_py.harness.why import why
from smithers_py.harness.why_models import Change, Link, Why
from smithers_py.testing import run_plan


def played(app: Any, path: Path, **more: Any) -> str:
    """Run a plan to its end in the database at `path`; its execution id."""
    return asyncio.run(run_plan(app, db_path=path, **more)).execution_id


def ask(path: Path, execution: str, node: str) -> Why:
    """The answer of `why`."""

    async def body() -> Why:
        db = await Database.open(path, create=False, read_only=True)
        try:
            return await why(Reader(db), execution, node)
        finally:
            await db.close()

    return asyncio.run(body())


def links_of(told: Why) -> list[Link]:
    """Everything that an answer says."""
    return [*told.in_plan, *told.not_yet, *told.left, *(link for run in told.ran for link in run.because)]


def check_against_transitions(conn: Any, told: Why) -> int:
    """Replay: each change named is a stored transition, takes the key from and to what the folds of the transitions
    before and after its frame say, and lies before what it explains. Returns how many changes were checked.
    """
    stored = {row.id: row for row in reads.transitions(conn, told.execution_id)}
    count = 0
    for link in links_of(told):
        for change in link.changes:
            assert change.text
            if change.transition is None:
                continue
            count += 1
            _check(conn, told.execution_id, change, stored[change.transition])
            assert link.frame is not None
            assert change.frame is not None
            assert change.frame <= link.frame
            if link.kind == "rendered":
                # The key was read by this scope, and changed in the flush just before.
                assert change.frame == link.frame - 1
                run = [
                    one
                    for one in reads.scope_runs(conn, told.execution_id, link.frame, link.frame)
                    if one.node_id == link.node_id
                ]
                changed = [name for one in run for name in one.changed]
                listed = [name[:-1] for name in changed if name.endswith("*")]
                assert change.key in changed or change.key.startswith(tuple(listed))
    return count


def _check(conn: Any, execution: str, change: Change, row: Any) -> None:
    assert (row.key, row.frame_index, row.trigger) == (change.key, change.frame, change.trigger)
    if not change.key.startswith("$"):
        assert (row.node_id, row.handler) == (change.node_id, change.handler)
    before = state_at(conn, execution, row.frame_index).get(change.key)
    after = state_at(conn, execution, row.frame_index + 1).get(change.key)
    assert (None if before is None else json.loads(before)) == change.old
    assert (None if after is None else json.loads(after)) == change.new
