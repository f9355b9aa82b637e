"""Whether the database's file is still the one that was opened: SQLite does not look, and goes on in silence."""

from __future__ import annotations

import os
from pathlib import Path

from smithers_persistence.errors import DatabaseGone, DatabasePathError

_HEADER = 100


class FileGuard:
    """Remembers a file at its opening. `check` costs one `stat`, so it is asked at every durable commit."""

    def __init__(self, path: Path) -> None:
        self.path = path
        found = os.stat(path)  # noqa: PTH116  ten times cheaper than Path.stat
        self._identity = found.st_dev, found.st_ino
        self._size = found.st_size

    def check(self) -> None:
        """Raises DatabaseGone when the file was deleted, replaced or cut short: what is written from then on, nobody
        can ever read.
        """
        try:
            found = os.stat(self.path)  # noqa: PTH116
        except OSError as error:
            what = "it was deleted" if isinstance(error, FileNotFoundError) else (error.strerror or str(error)).lower()
            raise DatabaseGone(self.path, f"{what} while it was in use") from error
        if (found.st_dev, found.st_ino) != self._identity:
            raise DatabaseGone(self.path, "another file was put in its place while it was in use")
        if found.st_size < self._size and found.st_size < self._stated():
            raise DatabaseGone(self.path, f"it was cut to {found.st_size:,} bytes while it was in use")
        self._size = found.st_size

    def _stated(self) -> int:
        """The size that its header tells, in bytes. Only a VACUUM makes a file smaller, and that states it."""
        with self.path.open("rb") as file:
            header = file.read(_HEADER)
        if len(header) < _HEADER:
            return _HEADER
        page = int.from_bytes(header[16:18], "big")
        return (65_536 if page == 1 else page) * int.from_bytes(header[28:32], "big")


def refuse_left_over_log(path: Path) -> None:
    """Raises DatabasePathError when a database is to be made beside the write-ahead log of one that is gone.

    SQLite would play that log into the new file, or share it with an engine that still writes the deleted one.
    """
    log = path.with_name(f"{path.name}-wal")
    if not path.exists() and log.exists() and log.stat().st_size:
        raise DatabasePathError(path, f"it is gone, but its log {log.name} is not: put it back, or delete {log} too")
