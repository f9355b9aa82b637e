"""SQLite rows, frames and transitions of Smithers executions. Speaks rows and JSON text, never nodes."""

from smithers_persistence.database import Database
from smithers_persistence.errors import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseGone,
    DatabasePathError,
    DatabaseTooNew,
    DeltaError,
    FrameOrderError,
    HeldByAnother,
    LostLease,
    PersistenceError,
    StoreFailed,
    UnknownExecution,
)
from smithers_persistence.execution_store import ExecutionStore

__all__ = [
    "Database",
    "DatabaseBusy",
    "DatabaseCorrupt",
    "DatabaseGone",
    "DatabasePathError",
    "DatabaseTooNew",
    "DeltaError",
    "ExecutionStore",
    "FrameOrderError",
    "HeldByAnother",
    "LostLease",
    "PersistenceError",
    "StoreFailed",
    "UnknownExecution",
]
