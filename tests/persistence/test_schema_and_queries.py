"""The SQL files: schema.sql is what the migrations give, every query has one function and uses an index."""

from __future__ import annotations

import ast
import re
import sqlite3
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

import smithers_persistence
from smithers_persistence import migrate
from smithers_persistence.sql import Q

PACKAGE = Path(smithers_persistence.__file__).parent
# Reads the whole table on purpose: the doctor looks for rows that no frame counts.
WHOLE_TABLE = {"count_transitions"}
# SQLite's own tables, a few rows each.
SMALL = re.compile(r"sqlite_master|schema_migrations")


@pytest.fixture
def fresh() -> Iterator[sqlite3.Connection]:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    migrate.migrate(conn, Path("memory"))
    yield conn
    conn.close()


def test_schema_sql_is_what_the_migrations_give(fresh: sqlite3.Connection) -> None:
    text = files(smithers_persistence).joinpath("schema.sql").read_text(encoding="utf-8")
    header, _, schema = text.partition("\n\n")
    assert header.startswith("-- Generated")
    assert schema == migrate.dump_schema(fresh)


def test_schema_sql_makes_the_same_database(fresh: sqlite3.Connection) -> None:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    text = files(smithers_persistence).joinpath("schema.sql").read_text(encoding="utf-8")
    # Views name tables that the file may define later; SQLite resolves them when they are used.
    conn.executescript(text)
    assert migrate.dump_schema(conn) == migrate.dump_schema(fresh)
    conn.close()


def test_versions_are_numbered_from_one_without_a_gap() -> None:
    assert [m.version for m in migrate.MIGRATIONS] == list(range(1, len(migrate.MIGRATIONS) + 1))


def test_a_migration_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    now = migrate.SUPPORTED
    broken = migrate.Migration(now + 1, "broken", "CREATE TABLE half (x);\nCREATE TABLE half (y);\n")
    conn = sqlite3.connect(":memory:", isolation_level=None)
    migrate.migrate(conn, Path("memory"))
    before = migrate.dump_schema(conn)
    monkeypatch.setattr(migrate, "MIGRATIONS", (*migrate.MIGRATIONS, broken))
    monkeypatch.setattr(migrate, "SUPPORTED", now + 1)
    with pytest.raises(sqlite3.OperationalError, match="half already exists"):
        migrate.migrate(conn, Path("memory"))
    assert not conn.in_transaction
    assert migrate.dump_schema(conn) == before
    assert migrate.schema_version(conn, Path("memory")) == now
    conn.close()


def test_a_database_of_an_older_release_keeps_its_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    conn = sqlite3.connect(":memory:", isolation_level=None)
    with monkeypatch.context() as older:
        older.setattr(migrate, "MIGRATIONS", migrate.MIGRATIONS[:2])
        older.setattr(migrate, "SUPPORTED", 2)
        migrate.migrate(conn, Path("memory"))
    for seq in (1, 2, 3):
        for execution in ("b", "a"):
            conn.execute(
                "INSERT INTO events (execution_id, seq, timestamp, type, payload_json) VALUES (?, ?, 7, 'told', ?)",
                (execution, seq, f"{execution}{seq}"),
            )
            insert = "INSERT INTO transitions (execution_id, frame_index, key, new_value_json, timestamp)"
            conn.execute(f"{insert} VALUES (?, ?, 'k', ?, 7)", (execution, seq, str(seq)))
    for crashes in (0, 2):
        task = "INSERT INTO tasks (execution_id, node_id, mounted_frame, attempt, kind, status, lease_epoch, hb_seq"
        values = "VALUES ('a', ?, 0, 3, 'Task', 'scheduled', 0, 0, 7, ?)"
        conn.execute(f"{task}, scheduled_at, crashes) {values}", (f"t{crashes}", crashes))
    conn.execute("DELETE FROM transitions WHERE id = 2")
    read = "SELECT id, execution_id, frame_index, key, new_value_json, timestamp FROM transitions ORDER BY id"
    transitions = conn.execute(read).fetchall()
    migrate.migrate(conn, Path("memory"))
    assert migrate.schema_version(conn, Path("memory")) == migrate.SUPPORTED
    assert conn.execute(read).fetchall() == transitions
    told = conn.execute(
        "SELECT execution_id, seq, type, payload_json FROM events ORDER BY execution_id, seq"
    ).fetchall()
    assert told == [(one, seq, "told", f"{one}{seq}") for one in "ab" for seq in (1, 2, 3)]
    assert conn.execute("SELECT node_id, uncounted FROM tasks ORDER BY node_id").fetchall() == [("t0", 0), ("t2", 2)]
    conn.close()


@pytest.mark.parametrize("nth", range(1, 4))
def test_a_file_that_gets_its_tables_meanwhile_is_not_another_programs(nth: int, tmp_path: Path) -> None:
    """Two runs in one new folder: one makes the tables before the n-th statement with which the other looks."""
    path = tmp_path / "db.sqlite"
    maker = sqlite3.connect(path, isolation_level=None)
    maker.execute("PRAGMA journal_mode=WAL")
    looking = sqlite3.connect(path, isolation_level=None)
    seen: list[str] = []

    def before(statement: str) -> None:
        seen.append(statement)
        if len(seen) == nth:
            migrate.migrate(maker, path)

    looking.set_trace_callback(before)
    found = migrate.schema_version(looking, path)
    if len(seen) < nth:  # it asks less often
        before("never asked")
    assert found in (0, migrate.SUPPORTED)
    assert migrate.schema_version(looking, path) == migrate.SUPPORTED
    maker.close()
    looking.close()


def used_queries(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == "Q":
            assert isinstance(node.slice, (ast.Constant, ast.Name)), f"{path.name}:{node.lineno}"
            if isinstance(node.slice, ast.Constant):
                yield str(node.slice.value)


def test_every_query_is_used_in_one_place() -> None:
    used = Counter(name for path in PACKAGE.glob("*.py") for name in used_queries(path))
    used.update(["plan_hash_before", "state_hash_before"])  # reads._one takes their names
    assert used.keys() == Q.keys()
    # Two are used twice: an effect row and an attempt have no other home than their caller.
    assert {name for name, count in used.items() if count > 1} <= {"schema_version"}


@pytest.mark.parametrize("name", sorted(Q))
def test_every_query_uses_an_index(name: str, fresh: sqlite3.Connection) -> None:
    text = Q[name]
    if "PRAGMA" in text or "CREATE TABLE" in text:
        return
    numbered = [int(number) for number in re.findall(r"\?(\d)", text)]
    count = max(numbered, default=0) or text.count("?")
    plan = [row[3] for row in fresh.execute(f"EXPLAIN QUERY PLAN {text}", (None,) * count)]
    scans = [step for step in plan if step.startswith("SCAN") and not SMALL.search(step)]
    # The rows of a UNION ALL's or a subquery's own result, not of a table.
    scans = [step for step in scans if step.split()[1] not in {"task_attempts", "(subquery"}]
    assert not scans or name in WHOLE_TABLE, plan


def test_the_written_tables_have_no_index_that_a_key_covers_already(fresh: sqlite3.Connection) -> None:
    indexes = {
        row[0] for row in fresh.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    }
    assert indexes == {
        "executions_by_time",
        "agent_stream_events_by_node",
        "commands_by_execution",
    }
