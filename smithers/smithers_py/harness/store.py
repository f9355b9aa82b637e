"""Opening the database for reading, with its failures told as errors of Smithers (E-4)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from smithers_persistence import Database, PersistenceError
from smithers_py.engine.store_errors import store_error
from smithers_py.errors import UsageError


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
        raise store_error(error) from error


def is_missing(path: Path) -> bool:
    """Whether nothing is at `path`; a file in place of its folder is something, and an error of its own."""
    return not path.exists() and not path.parent.is_file()
