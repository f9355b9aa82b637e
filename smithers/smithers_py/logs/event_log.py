"""The NDJSON event log of one execution: `.smithers/executions/<id>/logs/events.ndjson` (O-1).

One event is one line, and lines go out whole, as many as there are in one `write(2)` on an O_APPEND descriptor: a
kill -9 loses no line that was written, and two processes (an engine and the one that took over from it) never mix
halves of lines. When the file would grow
over its limit it becomes `events.1.ndjson`, the older ones move up, and the oldest is dropped.
"""

import os
from pathlib import Path
from typing import Any

import orjson

DEFAULT_LIMIT_BYTES = 10_000_000
DEFAULT_KEEP = 3
_OPTIONS = orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS


def events_path(root: Path, execution_id: str) -> Path:
    """The log file of an execution; `root` is the `.smithers` folder."""
    return root / "executions" / execution_id / "logs" / "events.ndjson"


class EventLog:
    """Appends events to the log file of one execution.

    `limit_bytes` is the size at which the file is rotated, `keep` how many rotated files stay. The folder is made
    with mode 0700, the file with 0600 (X-1).

    A log that cannot be written (disk full, folder gone) must not end the run, since the database holds the same
    events: the first OSError is kept in `error`, the file is closed and later writes do nothing. The engine
    reports `error` once.
    """

    def __init__(self, path: Path, *, limit_bytes: int = DEFAULT_LIMIT_BYTES, keep: int = DEFAULT_KEEP) -> None:
        self.path = path
        self.error: OSError | None = None
        self._limit = limit_bytes
        self._keep = keep
        self._fd = -1
        self._size = 0
        self._closed = False
        self._pending: list[dict[str, Any]] = []

    def write(self, event: dict[str, Any]) -> None:
        """Take one event (JSON values; anything else is written as its `str`) for the next `flush`."""
        self._pending.append(event)

    def flush(self) -> None:
        """Append what was taken since the last flush. Raises nothing, see the class."""
        if not self._pending:
            return
        taken, self._pending = self._pending, []
        if self._closed:
            return
        lines = [orjson.dumps(event, default=str, option=_OPTIONS) for event in taken]
        try:
            if self._fd < 0:
                self._open()
            fits = self._size + sum(map(len, lines)) <= self._limit
            for part in [b"".join(lines)] if fits else lines:
                self._append(part)
        except OSError as error:
            self.error = error
            self._shut()

    def close(self) -> None:
        """Write what is left and close the file; later events are dropped. May be called twice."""
        self.flush()
        self._shut()

    def _shut(self) -> None:
        self._closed = True
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _append(self, data: bytes) -> None:
        size = len(data)
        if self._size and self._size + size > self._limit:
            self._rotate()
        written = os.write(self._fd, data)
        if written < size:
            # A short write is a full disk; the next write says so with its error number.
            os.write(self._fd, data[written:])
        self._size += size

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._size = os.fstat(self._fd).st_size

    def _rotate(self) -> None:
        os.close(self._fd)
        self._fd = -1
        for number in range(self._keep, 0, -1):
            newer = self._numbered(number - 1)
            if newer.exists():
                newer.replace(self._numbered(number))
        if self._keep == 0:
            self.path.unlink()
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path if number == 0 else self.path.with_name(f"{self.path.stem}.{number}{self.path.suffix}")
