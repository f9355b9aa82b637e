"""What the store refused, as people read it: what happened, and what to do about it (E-4)."""

from smithers_persistence import DatabaseBusy, DatabaseTooNew, LostLease, PersistenceError, StoreFailed
from smithers_py.errors import EngineError, LostLeaseError, StoreError


def store_error(error: PersistenceError) -> EngineError:
    """The error of a database that could not be opened, read or written, with the next thing to do."""
    raised: EngineError
    if isinstance(error, LostLease):
        raised = LostLeaseError(str(error), hint="The other engine goes on: smithers inspect shows how far it is.")
    else:
        raised = StoreError(str(error), hint=_hint(error))
    raised.__cause__ = error
    return raised


def _hint(error: PersistenceError) -> str:
    if isinstance(error, StoreFailed):
        return "What was written before is whole and can be read; make room or mend the disk, then run again."
    if isinstance(error, DatabaseTooNew):
        return "Nothing was changed in it."
    if isinstance(error, DatabaseBusy):
        return "Try again in a moment."
    return "Name another database with --db or SMITHERS_DB, or move this one away; nothing was changed in it."
