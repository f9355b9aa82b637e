"""Until when a provider's model is not asked, as all processes on this database know it (E-2). Times: wall clock ms."""

from __future__ import annotations

import sqlite3

from smithers_persistence.sql import Q


def read_window(conn: sqlite3.Connection, key: str) -> int | None:
    """Until when the window of `key` ("provider:model") is or was closed, None if it never was."""
    row = conn.execute(Q["read_window"], (key,)).fetchone()
    return None if row is None else int(row[0])


def close_window(conn: sqlite3.Connection, key: str, until_ms: int, reason: str, now_ms: int) -> int:
    """Close it at least until then; returns until when it is closed now, for another process may have heard worse."""
    conn.execute(Q["close_window"], (key, until_ms, reason, now_ms))
    return read_window(conn, key) or until_ms
