"""Real `smithers` processes in a folder of a test's own."""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

from smithers_py.testing import crash_at

SECONDS = 120


class Folder:
    """A workspace with one script, `plan.py`, whose bodies note that they ran in `ran.txt`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._children: list[subprocess.Popen[str]] = []

    def write(self, text: str) -> None:
        (self.path / "plan.py").write_text(NOTES + text, encoding="utf-8")

    def start(self, *words: str, crash: tuple[str, int] | None = None, **variables: str) -> "subprocess.Popen[str]":
        environment = os.environ | variables | (crash_at(*crash) if crash else {})
        child = subprocess.Popen(
            [sys.executable, "-m", "smithers_py", *words],
            cwd=self.path,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._children.append(child)
        return child

    def close(self) -> None:
        """Nothing that a test has started outlives it."""
        for child in self._children:
            if child.poll() is None:
                child.kill()
            with child:
                pass

    def smithers(
        self, *words: str, crash: tuple[str, int] | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        child = self.start(*words, crash=crash, **variables)
        out, err = child.communicate(timeout=SECONDS)
        return subprocess.CompletedProcess(words, child.returncode, out, err)

    def state(self) -> dict[str, Any]:
        """What `smithers db state --json` says."""
        done = self.smithers("db", "state", "--json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def ran(self) -> Counter[str]:
        """How often each body began."""
        path = self.path / "ran.txt"
        return Counter(path.read_text().split()) if path.exists() else Counter()

    def wait_for(self, name: str, child: "subprocess.Popen[str]") -> None:
        """Wait until the plan has made a file."""
        deadline = time.monotonic() + SECONDS
        while not (self.path / name).exists():
            assert child.poll() is None, child.communicate()
            assert time.monotonic() < deadline, f"{name} was never made"


NOTES = """
from pathlib import Path
HERE = Path(__file__).parent
def note(word):
    with (HERE / "ran.txt").open("a") as file:
        file.write(word + "\\n")
"""
