"""What the store refused, as people read it: what happened, and what to do about it (E-4)."""

from smithers_persistence import DatabaseBusy, DatabaseGone, DatabaseTooNew, LostLease, PersistenceError, StoreFailed
from smithers_py.errors import EngineError, LostLeaseError, StoreError


def store_error(error: PersistenceError) -> EngineError:
    """The error of a database that could not be opened, read or written, with the next thing to do."""
    raised: EngineError
    if isinstance(error, LostLease):
        by = f"{error.by} has taken it over" if error.by else "it was given up"
        raised = LostLeaseError(
            f"this engine no longer holds execution {error.execution_id}: {by}; nothing was written since",
            hint=f"Look how far it is: smithers inspect {error.execution_id}",
        )
    else:
        raised = StoreError(str(error), hint=_hint(error))
    raised.__cause__ = error
    return raised


def _hint(error: PersistenceError) -> str:
    if isinstance(error, DatabaseGone):
        return "What was written since then is lost; put the file back, or run again with a new one."
    if isinstance(error, StoreFailed):
        return "What was written before is whole and can be read; make room or mend the disk, then run again."
    if isinstance(error, DatabaseTooNew):
        return "Nothing was changed in it."
    if isinstance(error, DatabaseBusy):
        return "Try again in a moment."
    return "Name another database with --db or SMITHERS_DB, or move this one away; nothing was changed in it."
