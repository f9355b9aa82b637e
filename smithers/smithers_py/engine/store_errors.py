"""What the store refused, as people read it: what happened, and what to do about it (E-4)."""

from smithers_persistence import (
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseGone,
    DatabaseTooNew,
    DeltaError,
    HeldByAnother,
    LostLease,
    PersistenceError,
    StoreFailed,
)
from smithers_py.errors import ExecutionHeldError, LostLeaseError, SmithersError, StoreError


def store_error(error: PersistenceError) -> SmithersError:
    """The error of a database that could not be opened, read or written, with the next thing to do."""
    raised: SmithersError
    if isinstance(error, HeldByAnother):
        raised = _held(error)
    elif isinstance(error, LostLease):
        by = f"{error.by} has taken it over" if error.by else "it was given up"
        raised = LostLeaseError(
            f"this engine no longer holds execution {error.execution_id}: {by}; nothing was written since",
            hint=f"Look how far it is: smithers inspect {error.execution_id}",
        )
    else:
        raised = StoreError(str(error), hint=_hint(error))
    raised.__cause__ = error
    return raised


def _held(error: HeldByAnother) -> ExecutionHeldError:
    """Who holds it, since when, and what to type."""
    told = f"{error.holder} runs it" if error.owner else "its engine has just ended"
    where = f"kill {error.holder.pid} there" if error.holder.pid else "stop it there"
    hint = f"Watch it: smithers logs -f {error.execution_id}. To go on here: {where}, then type this again."
    return ExecutionHeldError(
        f"execution {error.execution_id} is not free: {told}", hint=hint if error.owner else "Type this again."
    )


def _hint(error: PersistenceError) -> str:
    if isinstance(error, DatabaseGone):
        return "What was written since then is lost; put the file back, or run again with a new one."
    if isinstance(error, StoreFailed):
        return "What was written before is whole; make room or mend the disk, then go on with: smithers resume"
    if isinstance(error, DatabaseTooNew):
        return "Nothing was changed in it."
    if isinstance(error, DatabaseBusy):
        return "Try again in a moment."
    if isinstance(error, DatabaseCorrupt | DeltaError):
        return "smithers doctor latest says what is damaged and what to do; --db or SMITHERS_DB names another database."
    return "Name another database with --db or SMITHERS_DB, or move this one away; nothing was changed in it."
