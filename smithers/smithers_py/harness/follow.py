"""The log of an execution in order of time: its events, and what its commands and agents printed (O-1)."""

import asyncio
import sqlite3
import time
from collections import deque
from collections.abc import AsyncGenerator

from smithers_persistence import reads
from smithers_persistence.tail import POLL_SECONDS, data_version
from smithers_py.harness import convert
from smithers_py.harness.models import LogLine
from smithers_py.harness.reader import Reader

_PAGE = 1_000
_LIVENESS_SECONDS = 1.0
"""How often to ask whether the engine still lives when it writes nothing: a dead one does not say so."""


async def follow_log(reader: Reader, execution_id: str, *, until_end: bool) -> AsyncGenerator[list[LogLine], None]:
    """The lines written so far, in pages; with `until_end` also the coming ones, until nobody works on it any more.

    While waiting it looks every 50 ms whether anything was committed, which costs one pragma.
    """
    merge = _Merge(execution_id)
    seen: int | None = None
    looked = 0.0
    while True:
        version = await reader.db.read(data_version)
        if version == seen and time.monotonic() - looked < _LIVENESS_SECONDS:
            await asyncio.sleep(POLL_SECONDS)
            continue
        seen, looked = version, time.monotonic()
        # The state is read before the lines: what an ended execution wrote is then all there.
        over = not until_end or await reader.is_over(execution_id)
        while lines := await reader.db.read(merge.next_page):
            yield lines
        if over:
            return


class _Merge:
    """Two tables, each in order of its ids, merged by time. Remembers where it is in both."""

    def __init__(self, execution_id: str) -> None:
        self._id = execution_id
        self._event = 0
        self._output = 0
        self._events: deque[LogLine] = deque()
        self._outputs: deque[LogLine] = deque()

    def next_page(self, conn: sqlite3.Connection) -> list[LogLine]:
        """The next lines, empty when there are none at the moment."""
        lines: list[LogLine] = []
        more_events = more_outputs = True
        while len(lines) < _PAGE:
            # A side that ran empty is filled before the other goes on, so no later line overtakes an earlier one.
            if not self._events and more_events:
                more_events = self._fill_events(conn)
            if not self._outputs and more_outputs:
                more_outputs = self._fill_outputs(conn)
            if not self._events and not self._outputs:
                break
            events_first = not self._outputs or (
                bool(self._events) and self._events[0].timestamp <= self._outputs[0].timestamp
            )
            lines.append((self._events if events_first else self._outputs).popleft())
        return lines

    def _fill_events(self, conn: sqlite3.Connection) -> bool:
        rows = reads.events(conn, self._id, after=self._event, limit=_PAGE)
        self._events.extend(convert.event_line(row) for row in rows)
        self._event = rows[-1].seq if rows else self._event
        return bool(rows)

    def _fill_outputs(self, conn: sqlite3.Connection) -> bool:
        rows = reads.stream_events(conn, self._id, after_id=self._output, limit=_PAGE)
        self._outputs.extend(convert.output_line(row) for row in rows)
        self._output = rows[-1].id if rows else self._output
        return bool(rows)
