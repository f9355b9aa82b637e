"""Which requests came, when, and how each ended."""

import threading
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

from smithers_py.loopback.conversation import Request

Outcome = Literal["open", "answered", "failed", "broken", "client left"]


@dataclass(slots=True)
class Entry:
    """One request. Times are seconds on the server's monotonic clock, comparable among its entries."""

    number: int
    """From 1, in the order of arrival."""
    request: Request
    started: float
    in_flight: int
    """Requests being answered when this one came, itself included; those refused by the limit do not count."""
    ended: float | None = None
    status: int = 0
    """HTTP status, 0 for none."""
    outcome: Outcome = "open"
    retry_after: float | None = None
    """Seconds it was told to wait."""

    def json(self) -> dict[str, Any]:
        """The entry as JSON data, with the request's body."""
        data = {name: value for name, value in asdict(self).items() if name != "request"}
        return {**data, "protocol": self.request.protocol, "model": self.request.model, "body": self.request.raw}


class Log:
    """The entries of one server, kept by its threads."""

    def __init__(self, limit: int | None) -> None:
        self._limit = limit
        self._lock = threading.Condition()
        self._answering = 0
        self.entries: list[Entry] = []
        self.max_in_flight = 0

    def begin(self, request: Request) -> tuple[Entry, bool]:
        """A new entry, and whether the limit leaves room for it."""
        with self._lock:
            room = self._limit is None or self._answering < self._limit
            self._answering += room
            self.max_in_flight = max(self.max_in_flight, self._answering)
            entry = Entry(len(self.entries) + 1, request, time.monotonic(), self._answering)
            self.entries.append(entry)
            self._lock.notify_all()
        return entry, room

    def end(self, entry: Entry, outcome: Outcome, *, had_room: bool) -> None:
        """The last byte was sent, or none will be."""
        with self._lock:
            entry.ended, entry.outcome = time.monotonic(), outcome
            self._answering -= had_room
            self._lock.notify_all()

    def wait(self, number: int, seconds: float, *, ended: bool) -> bool:
        """Whether that many requests have come (or ended) within the time."""

        def enough() -> bool:
            return sum(entry.ended is not None or not ended for entry in self.entries) >= number

        with self._lock:
            return self._lock.wait_for(enough, seconds)
