"""Killing a plan on purpose: real processes, real SIGKILL, at named points (T-5). Users find it in testing.py."""

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from smithers_persistence import crash, people, reads
from smithers_persistence.state_fold import current_state
from smithers_py.errors import UsageError

_POLL_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Survived:
    """What came of an execution that was killed and resumed."""

    killed: bool
    """False: the run ended without having passed the point so often."""
    result: dict[str, Any]
    """The last line that `smithers run --json`, or the last `resume --json`, printed."""
    state: dict[str, Any] = field(default_factory=dict)
    """The state in the end, as JSON values."""

    @property
    def status(self) -> str:
        """How the execution ended: completed, failed, …"""
        return str(self.result["status"])


def crash_at(point: str, nth: int = 1) -> dict[str, str]:
    """The environment in which `smithers` kills itself with SIGKILL at the nth passing (from 1) of a named point.

    `subprocess.run(["smithers", "run", "plan.py"], env=os.environ | crash_at("handler.after", 2))`
    """
    return {crash.AT: f"{point}:{nth}"}


def crash_points(
    script: str | Path, *, entry: str | None = None, model: str = "test", arguments: Sequence[str] = ()
) -> list[tuple[str, int]]:
    """Run a script once, in a folder that is thrown away, and list what `kill_and_resume` can be given for it: every
    point that it passed, with the count of each passing.

    The script runs in its own folder, as by `smithers run SCRIPT --model MODEL ARGUMENTS`; questions are approved.
    Raises UsageError when it does not complete.
    """
    with tempfile.TemporaryDirectory(prefix="smithers-") as home:
        log = Path(home) / "points"
        plan = _Plan(script, Path(home) / "db.sqlite", entry, model, arguments)
        ended = plan.run({crash.LOG: str(log)})
        if ended.code != 0:
            raise UsageError(f"{script} ended with exit code {ended.code} without a kill", hint=ended.told)
        counts = Counter(log.read_text(encoding="utf-8").split())
    return [(name, nth + 1) for name, count in counts.items() for nth in range(count)]


def kill_and_resume(
    script: str | Path,
    point: tuple[str, int],
    *,
    db_path: str | Path,
    entry: str | None = None,
    model: str = "test",
    arguments: Sequence[str] = (),
) -> Survived:
    """Run a script in a process of its own, have it killed at a point `(name, nth)`, and resume it to its end.

    `db_path` must be a new database. The script runs in its own folder, as by `smithers run SCRIPT --model MODEL
    ARGUMENTS`; questions to people are approved.
    Raises UsageError when it can be neither started nor resumed: says what was printed.
    """
    plan = _Plan(script, Path(db_path), entry, model, arguments)
    ended = plan.run(crash_at(*point))
    killed = ended.code == -signal.SIGKILL
    if killed:
        ended = plan.go_on()
    execution_id = plan.execution()
    if execution_id is None or not ended.line:
        raise UsageError(f"{script} cannot be run to its end: exit code {ended.code}", hint=ended.told)
    return Survived(killed, orjson.loads(ended.line), plan.state(execution_id))


class _Ended(NamedTuple):
    """A command that ended: its exit code (minus the signal), its last line of output, the end of what it told."""

    code: int
    line: str
    told: str


class _Plan:
    """One script on one database."""

    def __init__(
        self, script: str | Path, db_path: Path, entry: str | None, model: str, arguments: Sequence[str]
    ) -> None:
        self._script = Path(script).resolve()
        if not self._script.is_file():
            raise UsageError(f"there is no script {str(script)!r}")
        self._db = db_path.resolve()
        self._more = [*([] if entry is None else ["--entry", entry]), "--model", model, *arguments]

    def run(self, more: dict[str, str]) -> _Ended:
        """`smithers run`, with these variables."""
        return self._smithers(["run", self._script.name, *self._more, "--json"], more)

    def go_on(self) -> _Ended:
        """`smithers resume`, or `run` where the kill came before anything was created."""
        execution_id = self.execution()
        if execution_id is None:
            return self.run({})
        return self._smithers(["resume", execution_id, "--json"], {})

    def execution(self) -> str | None:
        """The id of the execution."""
        if not self._db.exists():
            return None
        with closing(self._connect()) as conn:
            try:
                rows = reads.list_executions(conn)
            except sqlite3.OperationalError:  # killed before there was a table
                return None
        return next((row.execution_id for row in rows if row.parent_id is None), None)

    def state(self, execution_id: str) -> dict[str, Any]:
        """The user's keys."""
        with closing(self._connect()) as conn:
            texts = current_state(conn, execution_id)
        return {key: orjson.loads(text) for key, text in sorted(texts.items()) if not key.startswith("$")}

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._db.as_uri()}?mode=ro", uri=True)

    def _smithers(self, words: list[str], more: dict[str, str]) -> _Ended:
        command = [sys.executable, "-m", "smithers_py", *words, "--db", str(self._db)]
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen(  # noqa: S603 - our own command line
                command,
                cwd=self._script.parent,
                env=os.environ | more,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            answered: set[int] = set()
            while child.poll() is None:
                if words[0] != "approve":
                    self._answer(answered)
                time.sleep(_POLL_SECONDS)
            out.seek(0)
            err.seek(0)
            printed = out.read().decode(errors="replace").strip()
            return _Ended(child.returncode, printed.rpartition("\n")[2], err.read().decode(errors="replace")[-500:])

    def _answer(self, answered: set[int]) -> None:
        """Say yes to what is asked, as a person does with `smithers approve`."""
        for asked in self._questions():
            if asked not in answered:
                answered.add(asked)
                self._smithers(["approve", str(asked)], {})

    def _questions(self) -> list[int]:
        if not self._db.exists():
            return []
        with closing(self._connect()) as conn:
            try:
                return [row.id for row in people.pending_approvals(conn)]
            except sqlite3.OperationalError:
                return []
