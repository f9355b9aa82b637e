"""Runs the command line in real processes, kills them, lets others go on, and compares what came of it.

Each `smithers …` is a process of its own, forked from one that has imported everything: to start Python anew 2,000
times would take an hour. Use it from a program with one thread only (`benchmarks/proofs/crash_points.py` does).
"""

import os
import random
import shutil
import signal
import sqlite3
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from smithers_persistence import commands, crash, reads
from smithers_persistence.head import read_head
from smithers_py.engine.restore import status_word

PLAN = Path(__file__).with_name("plan_under_test.py")
LONGEST_SECONDS = 60.0
RESUMES = 8
POLL_SECONDS = 0.01
QUESTION = "ship"


def preload() -> None:
    """Import all that a run may need, so that a forked process begins at once."""

    import smithers_py.agents.run
    import smithers_py.cli.app
    import smithers_py.cli.approvals
    import smithers_py.cli.resume
    import smithers_py.cli.run
    import smithers_py.cli.show_doctor
    import smithers_py.engine.child
    import smithers_py.engine.resume  # noqa: F401


@dataclass(slots=True)
class World:
    """One folder with a plan and a database. `killed` counts the processes that were killed in it."""

    folder: Path
    script: Path = PLAN
    killed: int = 0
    output: list[str] = field(default_factory=list[str])

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.script, self.folder / "plan.py")

    @property
    def db(self) -> Path:
        return self.folder / "state" / "db.sqlite"

    def start(self, *arguments: str, crash_at: str = "", log: Path | None = None) -> int:
        """Begin `smithers arguments`; the process's id."""
        pid = os.fork()
        if pid:
            return pid
        code = 1
        try:
            os.setsid()
            os.chdir(self.folder)
            told = os.open(self.folder / "told.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(told, f"\n$ smithers {' '.join(arguments)}  # {crash_at}\n".encode())
            os.dup2(told, 1)
            os.dup2(told, 2)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            sys.stdout = os.fdopen(1, "w")
            sys.stderr = os.fdopen(2, "w", buffering=1)
            crash.set_crash_hook(crash.hook_from({crash.AT: crash_at, crash.LOG: str(log or "")}))
            random.seed()
            from smithers_py.cli.main import main

            main([*arguments, "--db", str(self.db)])
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else 1
        finally:
            sys.stdout.flush()
            os._exit(code)

    def wait(self, pid: int, *, kill_after: float | None = None, answers: bool = True) -> int:
        """Wait for the end of a process and answer what the run asks meanwhile; minus the signal if one ended it."""
        begin = time.monotonic()
        while True:
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                code = os.waitstatus_to_exitcode(status)
                self.killed += code == -signal.SIGKILL
                return code
            spent = time.monotonic() - begin
            if kill_after is not None and spent >= kill_after:
                os.kill(pid, signal.SIGKILL)
            elif spent > LONGEST_SECONDS:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
                raise AssertionError(f"it did not end:\n{self.told()}")
            if answers and self.asks():
                self.smithers("approve", QUESTION)
            time.sleep(POLL_SECONDS)

    def smithers(self, *arguments: str, crash_at: str = "", log: Path | None = None) -> int:
        """Run a command to its end; its exit code."""
        return self.wait(self.start(*arguments, crash_at=crash_at, log=log), answers=False)

    def asks(self) -> bool:
        """Whether a question is open."""
        if not self.db.exists():
            return False
        try:
            conn = self.connect()
            found = conn.execute("SELECT count(*) FROM approvals WHERE status = 'pending'").fetchone()[0]
            conn.close()
        except sqlite3.Error:
            return False
        return bool(found)

    def commands(self) -> int:
        """How many commands are stored."""
        conn = self.connect()
        found = conn.execute("SELECT count(*) FROM commands").fetchone()[0]
        conn.close()
        return found

    def connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self.db.as_uri()}?mode=ro", uri=True, timeout=5)

    def told(self) -> str:
        """The end of all that was printed."""
        path = self.folder / "told.txt"
        return path.read_text(errors="replace")[-4000:] if path.exists() else ""

    def root(self) -> str | None:
        """The execution's id, None when it was never created."""
        if not self.db.exists():
            return None
        conn = self.connect()
        try:
            row = conn.execute("SELECT execution_id FROM executions WHERE parent_id IS NULL").fetchone()
        except sqlite3.OperationalError:  # killed before there was a table
            return None
        finally:
            conn.close()
        return row[0] if row else None

    def run(self, *more: str, crash_at: str = "", log: Path | None = None) -> int:
        return self.start("run", "plan.py", "--entry", "App", *more, crash_at=crash_at, log=log)

    def go_on(self, crash_at: str = "", log: Path | None = None) -> int:
        """Begin to resume, or to run where nothing was created; the process's id."""
        root = self.root()
        if root is None:
            return self.run(crash_at=crash_at, log=log)
        return self.start("resume", root, crash_at=crash_at, log=log)

    def to_the_end(self) -> None:
        """Resume, answering what is asked, until it has completed."""
        for _ in range(RESUMES):
            code = self.wait(self.go_on())
            if code == 0:
                return
            if code != 3:
                raise AssertionError(f"exit {code}:\n{self.told()}")
        raise AssertionError(f"it never completed:\n{self.told()}")


def outcome(world: World) -> dict[str, Any]:
    """All that must be equal however often it was killed: by execution (a child by its place), the user's state, and
    the nodes with how they ended.
    """
    found: dict[str, Any] = {}
    conn = world.connect()
    for row in reads.list_executions(conn):
        head = read_head(conn, row.execution_id)
        nodes = {key: status_word(text)[0] for key, text in head.state.items() if key.startswith("$node/")}
        found["child" if row.parent_id else "root"] = {
            "status": (row.status, row.exit_code, row.summary_json),
            "state": {key: orjson.loads(text) for key, text in sorted(head.state.items()) if not key.startswith("$")},
            "nodes": nodes,
            "tasks": sorted((task.node_id, task.status) for task in head.tasks),
            "commands": [(one.verb, one.status) for one in commands.commands(conn, row.execution_id)],
            "changes": Counter(one.key for one in reads.transitions(conn, row.execution_id) if one.key[0] != "$"),
        }
    conn.close()
    return found


def bodies(world: World) -> Counter[str]:
    """How often each task body began."""
    path = world.folder / "ran.txt"
    return Counter(path.read_text().split()) if path.exists() else Counter()


def finished(world: World) -> set[str]:
    """The last part of the ids of tasks whose end is on disk: those that must never run again."""
    if world.root() is None:
        return set()
    conn = world.connect()
    query = "SELECT execution_id, node_id, attempt FROM tasks WHERE ended_at IS NOT NULL AND status <> 'cancelled'"
    rows = conn.execute(query).fetchall()
    conn.close()
    return {f"{row[0]}/{row[1]}/{row[2]}" for row in rows}


def differences(expected: dict[str, Any], found: dict[str, Any], path: str = "") -> list[str]:
    """Where two outcomes differ, in words."""
    if isinstance(expected, dict) and isinstance(found, dict):
        return [
            line
            for key in sorted(expected.keys() | found.keys())
            for line in differences(expected.get(key), found.get(key), f"{path}/{key}")
        ]
    return [] if expected == found else [f"{path}: {found!r} instead of {expected!r}"]


def verdict(world: World, expected: dict[str, Any], unkilled: Counter[str]) -> list[str]:
    """What is not as it must be after the end: state, nodes, how often bodies ran, what `doctor` finds."""
    wrong = differences(expected, outcome(world))
    count = bodies(world)
    for name in sorted(count.keys() | unkilled.keys()):
        extra = count[name] - unkilled[name]
        if not 0 <= extra <= world.killed:
            wrong.append(f"the body of {name} began {count[name]} times, {unkilled[name]} without a kill")
    if sum((count - unkilled).values()) > 8 * world.killed:
        wrong.append(f"too many bodies began again: {count - unkilled}")
    if world.smithers("doctor", world.root() or "") != 0:
        wrong.append(f"doctor: {world.told()[-600:]}")
    return wrong
