"""Schema versions: `migrations/NNNN_name.sql`, each applied and recorded in one transaction (DESIGN §5)."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from smithers_persistence.crash import crash_point
from smithers_persistence.errors import DatabasePathError, DatabaseTooNew
from smithers_persistence.sql import Q

APPLICATION_ID = 0x536D7079  # "Smpy", so that `file` and we can tell our databases from others


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    name: str
    text: str


def _load() -> tuple[Migration, ...]:
    found: list[Migration] = []
    for resource in files("smithers_persistence").joinpath("migrations").iterdir():
        stem, dot, ending = resource.name.rpartition(".")
        if dot and ending == "sql":
            number, _, name = stem.partition("_")
            found.append(Migration(int(number), name, resource.read_text(encoding="utf-8")))
    return tuple(sorted(found, key=lambda migration: migration.version))


MIGRATIONS = _load()
SUPPORTED = MIGRATIONS[-1].version


def statements(text: str) -> Iterator[str]:
    """The single statements of an SQL text. (`executescript` would commit first: not for migrations.)"""
    pending = ""
    for line in text.splitlines(keepends=True):
        pending += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(pending):
            yield pending
            pending = ""


def schema_version(conn: sqlite3.Connection, path: Path) -> int:
    """The version of an open database, 0 when it is empty.

    Raises DatabasePathError for another program's database, DatabaseTooNew for one of a newer release.
    """
    # Both counts in one statement: between two, another process may have made the tables.
    tables, ours = conn.execute(Q["whose_tables"]).fetchone()
    if not ours:
        if tables:
            raise DatabasePathError(path, "it is a database of another program")
        return 0
    found = int(conn.execute(Q["schema_version"]).fetchone()[0] or 0)
    if found > SUPPORTED:
        raise DatabaseTooNew(path, found, SUPPORTED)
    return found


def migrate(conn: sqlite3.Connection, path: Path) -> None:
    """Bring the database to this release's schema; two processes may do so at once."""
    if schema_version(conn, path) == SUPPORTED:
        return
    for migration in MIGRATIONS:
        crash_point("migrate.before")
        conn.execute("BEGIN IMMEDIATE")
        try:
            # Read again under the lock: another process may have migrated meanwhile.
            if schema_version(conn, path) < migration.version:
                conn.execute(Q["create_migrations_table"])
                conn.execute(f"PRAGMA application_id={APPLICATION_ID}")
                for statement in statements(migration.text):
                    conn.execute(statement)
                conn.execute(Q["record_migration"], (migration.version, migration.name, time.time_ns() // 1_000_000))
            crash_point("migrate.inside")
            conn.execute("COMMIT")
        except BaseException:
            if conn.in_transaction:
                conn.execute("ROLLBACK")
            raise
        crash_point("migrate.after")


def dump_schema(conn: sqlite3.Connection) -> str:
    """The schema as one text, the content of `schema.sql` (a test holds the two equal)."""
    return "\n\n".join(f"{row[0]};" for row in conn.execute(Q["schema_objects"])) + "\n"
