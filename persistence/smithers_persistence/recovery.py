"""What a resume writes before its first frame: which attempts run again, and that the execution goes on (T-3, Z-7)."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field

from smithers_persistence import writes, writes_agents
from smithers_persistence.rows import EventRow, NodeKey, Restart
from smithers_persistence.sql import Q
from smithers_persistence.writes import Holder


@dataclass(frozen=True, slots=True)
class Recovery:
    """One resume. `failed` are attempts that died with their engine and are not tried again, with their error's JSON;
    `rehandled` are tasks whose handler raised: only that runs again (Z-7).
    """

    at: int
    """ms since the epoch"""
    restarts: Sequence[Restart] = ()
    failed: Sequence[tuple[NodeKey, str]] = ()
    rehandled: Sequence[NodeKey] = ()
    abandoned: Sequence[NodeKey] = ()
    """Running tasks whose nodes had left the plan: nobody waits for them."""
    events: Sequence[EventRow] = field(default_factory=list)


def write_recovery(conn: sqlite3.Connection, holder: Holder, recovery: Recovery) -> None:
    """The body of one fenced transaction."""
    execution_id, at = holder.execution_id, recovery.at
    writes.restart_tasks(conn, execution_id, at, recovery.restarts)
    for (node_id, mounted), error in recovery.failed:
        conn.execute(Q["fail_orphan"], (error, at, execution_id, node_id, mounted))
    writes.rehandle_tasks(conn, execution_id, recovery.rehandled)
    writes_agents.interrupt_agents(conn, execution_id, at)
    for node_id, mounted in recovery.abandoned:
        conn.execute(Q["abandon_orphan"], (at, execution_id, node_id, mounted))
    writes.set_status(conn, execution_id, "running", None)
    writes.insert_events(conn, execution_id, recovery.events)
