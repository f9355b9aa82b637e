"""A real git repository in a folder of the test's own, and the program in it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

PROGRAM = [sys.executable, "-m", "smithers_py"]


class Project:
    """A repository with one commit on the branch main: `a.txt`, and a `.gitignore` of `*.log`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        self.write("a.txt", "one\n")
        self.write(".gitignore", "*.log\n")
        self.git("add", "-A")
        self.git("commit", "-qm", "first")

    def git(self, *words: str) -> str:
        done = subprocess.run(["git", *words], cwd=self.root, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def read(self, name: str) -> str:
        return (self.root / name).read_text()

    def files(self) -> list[str]:
        """All files but git's and ours."""
        found = (path.relative_to(self.root) for path in self.root.rglob("*") if path.is_file())
        return sorted(str(path) for path in found if path.parts[0] not in (".git", ".smithers"))

    def untouched(self) -> tuple[str, ...]:
        """What snapshots may not change: HEAD, branches, the index, the stash."""
        heads = self.git("for-each-ref", "refs/heads", "refs/stash")
        return self.git("rev-parse", "HEAD"), heads, self.git("ls-files", "-s"), self.git("diff", "--cached")

    def smithers(self, *words: str, code: int = 0) -> str:
        """What the program printed on both streams."""
        done = subprocess.run(
            [*PROGRAM, *words], cwd=self.root, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def events(self, prefix: str) -> list[dict[str, Any]]:
        """The payloads of the latest execution's events of these types, with the type."""
        lines = [json.loads(line) for line in self.smithers("logs", "--json").splitlines()]
        return [{**(line["payload"] or {}), "type": line["type"]} for line in lines if line["type"].startswith(prefix)]


def isolate(monkeypatch: Any, home: Path) -> None:
    """No setting of the developer's git reaches a test."""
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith("GIT_") and name != "GIT_CONFIG_NOSYSTEM"]:
        monkeypatch.delenv(name)
