"""Runs the plan under test in this process and finds what passes no crash point: a witness of its own for each kind.

    python traced.py FOLDER [blinded module]

Commits are seen by SQLite's trace, child processes by the interpreter's audit events, calls of the plan's code by a
profile hook. Prints what is wrong, line by line, and exits 1; the last line has the counts. With a module named, the
points in it are switched off first: then there must be something to find.
"""

import importlib
import os
import re
import shutil
import sqlite3
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

from killing import PLAN, QUESTION

from smithers_persistence import crash

CONNECT = sqlite3.connect
SPAWNS = ("subprocess.Popen", "os.posix_spawn", "os.fork", "os.forkpty")
WRITES = re.compile(r"\s*(INSERT|UPDATE|DELETE|REPLACE|CREATE|DROP|ALTER)\b", re.IGNORECASE)
NOT_CALLED_BY_THEMSELVES = ("App", "Child", "one_more")
"""Components are rendered; the function of an update is part of a flush."""
KINDS = ("handler", "effect", "cleanup")
BODIES = ("body", "flaky", "broken", "writes", "tally")


class Witness:
    """Sees what happens, and which point was passed last by each thread."""

    def __init__(self, plan: Path) -> None:
        self.plan = str(plan)
        self.wrong: list[str] = []
        self.points: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.last: dict[int, str] = {}
        self.open: dict[int, str] = {}
        """The transaction that a thread is in: its last statement, or its point when that came after."""
        self.lock = threading.RLock()

    def passed(self, name: str) -> None:
        with self.lock:
            self.points[name] += 1
            self.last[threading.get_ident()] = name

    def statement(self, sql: str) -> None:
        thread = threading.get_ident()
        with self.lock:
            word = sql.strip().split(" ")[0].upper()
            if word == "BEGIN":
                self.open[thread] = self.last[thread] = ""
            elif word == "COMMIT":
                self.seen["commits"] += 1
                if not self.last.get(thread, "").endswith(".inside"):
                    self.wrong.append("a COMMIT without a point that says what it carries")
                del self.open[thread]
            elif word == "ROLLBACK" and "TO" not in sql.upper():
                self.open.pop(thread, None)
            elif WRITES.match(sql):
                if thread in self.open:
                    self.last[thread] = ""  # a point passed before the last statement does not count
                else:
                    self.seen["commits"] += 1
                    if not self.last.get(thread, "").endswith(".before"):
                        self.wrong.append(f"written without a transaction and without a point: {sql[:80]}")

    def audit(self, event: str, _: tuple[Any, ...]) -> None:
        if event in SPAWNS:
            with self.lock:
                self.seen["spawned"] += 1

    def connect(self, *given: Any, **more: Any) -> sqlite3.Connection:
        conn = CONNECT(*given, **more)
        conn.set_trace_callback(self.statement)
        return conn

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        if event != "call" or frame.f_code.co_filename != self.plan:
            return
        back, name = frame.f_back, frame.f_code.co_name
        if (
            name in NOT_CALLED_BY_THEMSELVES
            or name.startswith("<module")
            or (back and back.f_code.co_filename == self.plan)
        ):
            return
        with self.lock:
            if name in BODIES:
                self.seen["bodies"] += 1
                if self.points["task.start"] <= self.points["task.end"]:
                    self.wrong.append(f"the work of {name} began without task.start")
            else:
                self.seen["handlers"] += 1
                if not any(self.points[f"{kind}.before"] > self.points[f"{kind}.after"] for kind in KINDS):
                    self.wrong.append(f"{name} of line {frame.f_lineno} was called without a point")


def smithers(*words: str) -> int:
    from smithers_py.cli.main import main

    try:
        main(list(words))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def main() -> int:
    folder = Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    plan = folder / "plan.py"
    shutil.copy(PLAN, plan)
    (folder / "smithers.toml").write_text("[limits]\nheartbeat_seconds = 0.1\n")
    os.chdir(folder)
    if len(sys.argv) > 2:
        blinded = vars(importlib.import_module(sys.argv[2]))
        blinded.update(crash_point=lambda name: None, crash_points=lambda names, when: None)
    witness = Witness(plan)
    crash.set_crash_hook(witness.passed)
    sqlite3.connect = witness.connect
    sys.addaudithook(witness.audit)
    threading.setprofile(witness.profile)
    sys.setprofile(witness.profile)
    database = ("--db", str(folder / "db.sqlite"))
    codes = [
        smithers("run", "plan.py", "--entry", "App", "--no-wait", *database),
        smithers("approve", QUESTION, *database),
        smithers("resume", *database),
    ]
    sys.setprofile(None)
    wrong = list(dict.fromkeys(witness.wrong))
    points, seen = witness.points, witness.seen
    if codes != [3, 0, 0]:
        wrong.append(f"exit codes {codes}")
    if points["task.start"] != points["task.end"] or points["task.start"] < seen["bodies"]:
        wrong.append(f"{points['task.start']} starts and {points['task.end']} ends of {seen['bodies']} bodies and more")
    if not points["child.spawned"] == points["child.ended"] == seen["spawned"] > points["child.released"] > 0:
        # The search of `grep` is a process of our own program, which waits for nothing.
        wrong.append(f"{seen['spawned']} processes, but {points['child.spawned']} child.spawned")
    if not points["heartbeat.inside"]:
        wrong.append("no heartbeat")
    if points["write.inside"]:
        wrong.append(f"{points['write.inside']} transactions are only called 'write'")
    print("\n".join(f"WRONG {line}" for line in wrong))
    told = ", ".join(f"{count} {what}" for what, count in sorted(seen.items()))
    print(f"{told}; {points.total()} points of {len(points)} names passed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
