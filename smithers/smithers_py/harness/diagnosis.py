"""What `smithers doctor ID` finds: whether an execution is what its engine wrote, and what to do now (O-2, T-5)."""

import sqlite3
from pathlib import Path

from smithers_persistence import DatabaseCorrupt, reads
from smithers_persistence.migrate import schema_version
from smithers_persistence.owner import owner_of
from smithers_persistence.verify import Violation, verify
from smithers_py.errors import StoreError
from smithers_py.harness.models import ReadModel, RunState
from smithers_py.harness.reader import Reader
from smithers_py.harness.run_state import ENDED
from smithers_py.harness.store import open_database

_WAL_RACE = "two processes that empty its log in the same moment can, very rarely, lose a commit (mended in 3.51.3)"
_MENDED = ((3, 44, 6), (3, 50, 7))

_FILE = {"integrity", "damaged", "delta"}
_HISTORY = {"gap", "epoch", "chain", "transitions", "head", "flush", "state", "nodes", "scopes", "keyframe"}


class Finding(ReadModel):
    """Something that is not as the engine wrote it. `execution_id` None: the file as a whole."""

    kind: str
    execution_id: str | None
    detail: str


class Diagnosis(ReadModel):
    """The state of health of one execution. `counts`: its rows by what they are; `next`: what to do, for people."""

    execution_id: str
    database: str
    healthy: bool
    run_state: RunState | None
    owner: str | None
    sqlite_version: str
    schema_version: int | None
    counts: dict[str, int]
    findings: list[Finding]
    notes: list[str]
    next: str


async def diagnose(path: Path, asked: str) -> Diagnosis:
    """Verify everything that is stored of an execution: an id, a unique beginning of one, or "latest". Writes nothing.

    Raises UsageError when there is no database, ExecutionNotFoundError, StoreError when it cannot be opened for another
    reason than damage.
    """
    try:
        async with open_database(path) as db:
            reader = Reader(db)
            execution_id = await reader.resolve(asked)
            state = await reader.run_state(execution_id)
            return await db.read(lambda conn: _diagnosis(conn, path, execution_id, state))
    except StoreError as error:
        if not isinstance(error.__cause__, DatabaseCorrupt):
            raise
        found = Finding(kind="integrity", execution_id=None, detail=error.__cause__.reason)
        return _told(path, asked, None, [found])


def _diagnosis(conn: sqlite3.Connection, path: Path, execution_id: str, state: RunState) -> Diagnosis:
    findings = [_finding(one) for one in verify(conn, execution_id)]
    row = reads.get_execution(conn, execution_id)
    told = _told(path, execution_id, state, findings)
    counts: dict[str, int] = {"frames": row.frames}
    if not any(one.kind in _FILE for one in findings):
        counts["transitions"] = len(reads.transitions(conn, execution_id))
        counts["events"] = len(reads.events(conn, execution_id))
        counts["tasks"] = len(reads.tasks(conn, execution_id))
    owner = None if row.owner is None else str(owner_of(row.owner_ident))
    return told.model_copy(update={"counts": counts, "owner": owner, "schema_version": schema_version(conn, path)})


def _finding(violation: Violation) -> Finding:
    return Finding(kind=violation.kind, execution_id=violation.execution_id, detail=violation.detail)


def _told(path: Path, execution_id: str, state: RunState | None, findings: list[Finding]) -> Diagnosis:
    return Diagnosis(
        execution_id=execution_id,
        database=str(path),
        healthy=not findings,
        run_state=state,
        owner=None,
        sqlite_version=sqlite3.sqlite_version,
        schema_version=None,
        counts={},
        findings=findings,
        notes=_notes(),
        next=_next(path, execution_id, state, {one.kind for one in findings}),
    )


def _notes() -> list[str]:
    version = sqlite3.sqlite_version_info
    mended = version >= (3, 51, 3) or any(version[:2] == fixed[:2] and version >= fixed for fixed in _MENDED)
    return [] if mended else [f"SQLite {sqlite3.sqlite_version}: {_WAL_RACE}"]


def _next(path: Path, execution_id: str, state: RunState | None, kinds: set[str]) -> str:
    if kinds & _FILE:
        return (
            f"The file is damaged. Copy {path} and its -wal away before anything else, then put a backup in its place, "
            "or run the plan again with another --db. What can still be read shows `smithers inspect`."
        )
    if kinds & _HISTORY:
        return (
            "What is stored is not what the engine wrote: the disk lost something, or another program changed it. Do "
            "not resume it; put a backup in place, or run the plan again."
        )
    if kinds:
        return f"Its work cannot be trusted to go on; keep a copy of {path}, report this, and run the plan again."
    if state is None or state.state in ENDED - {"failed", "stopped"}:
        return "Nothing."
    if state.state in {"failed", "stopped", "stalled", "orphaned", "paused"} or state.state.startswith("waiting"):
        return f"smithers resume {execution_id}"
    return f"It is being worked on: smithers logs -f {execution_id}"
