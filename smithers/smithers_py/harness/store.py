"""Opening the database for reading, with its failures told as errors of Smithers (E-4)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from smithers_persistence import Database, DatabaseBusy, DatabaseTooNew, PersistenceError
from smithers_py.errors import StoreError, UsageError


@asynccontextmanager
async def open_database(path: Path) -> AsyncGenerator[Database, None]:
    """The database at `path`, read only. Raises UsageError if there is none, StoreError if it cannot be read."""
    if is_missing(path):
        raise UsageError(
            f"there is no database at {path}",
            hint="`smithers run SCRIPT` makes one; --db or SMITHERS_DB names another.",
        )
    try:
        db = await Database.open(path, create=False, read_only=True)
        try:
            yield db
        finally:
            await db.close()
    except PersistenceError as error:
        raise StoreError(_sentence(error), hint=_hint(error)) from error


def is_missing(path: Path) -> bool:
    """Whether nothing is at `path`; a file in place of its folder is something, and an error of its own."""
    return not path.exists() and not path.parent.is_file()


def _sentence(error: PersistenceError) -> str:
    text = str(error)
    return text[0].upper() + text[1:] if text else type(error).__name__


def _hint(error: PersistenceError) -> str:
    if isinstance(error, DatabaseTooNew):
        return "Nothing was changed in it."
    if isinstance(error, DatabaseBusy):
        return "Try again in a moment."
    return "Name another database with --db or SMITHERS_DB, or move this one away; nothing was changed in it."
