"""A watched plan: a real process, real saves, and what it did as the database tells."""

import contextlib
import fcntl
import json
import os
import pty
import queue
import sqlite3
import struct
import subprocess
import sys
import termios
import threading
from pathlib import Path

import pytest

HEAD = """
import time
from pathlib import Path
from smithers_py import *

HERE = Path(__file__).parent


def work(name):
    def run():
        with HERE.joinpath("log").open("a") as file:
            file.write(name + "\\n")
        return name

    return run


def gate(name):
    def run():
        with HERE.joinpath("log").open("a") as file:
            file.write(name + "\\n")
        while not HERE.joinpath("open").exists():
            time.sleep(0.01)
        return name

    return run

"""


class Watched:
    """`smithers run plan --watch`. `wait_for` returns what was printed since the last one, up to that text."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder = folder
        self.script = folder / name
        self.process: subprocess.Popen[str] | None = None
        self.lines: queue.Queue[str | None] = queue.Queue()

    def save(self, text: str, name: str | None = None) -> None:
        """As most editors do: another file takes the place of the old one."""
        file = self.folder / (name or self.script.name)
        made = file.with_name(f".{file.name}.new")
        made.write_text(text, encoding="utf-8")
        made.replace(file)

    def start(self, *options: str) -> None:
        arguments = ["run", self.script.name, "--watch", "--model", "test", "--idle-timeout", "0.1", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smithers_py", *arguments],
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def start_on_terminal(self, *options: str) -> None:
        """The same on a terminal, wide enough for every line; what is typed goes to `self.typed`."""
        self.typed, inner = pty.openpty()
        fcntl.ioctl(inner, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
        arguments = ["run", self.script.name, "--watch", "--model", "test", "--idle-timeout", "0.1", *options]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "smithers_py", *arguments],
            cwd=self.folder,
            stdin=inner,
            stdout=inner,
            stderr=inner,
            env=os.environ | {"TERM": "xterm-256color"},
            start_new_session=True,
        )
        os.close(inner)
        self.reader = threading.Thread(target=self._read_screen)
        self.reader.start()

    def _read_screen(self) -> None:
        rest = ""
        # A terminal whose program is gone is an error to read (EIO), not an end.
        with contextlib.suppress(OSError):
            while data := os.read(self.typed, 65_536):
                *lines, rest = (rest + data.decode(errors="replace")).split("\n")
                for line in lines:
                    self.lines.put(line)
        self.lines.put(None)
        os.close(self.typed)

    def _read(self) -> None:
        assert self.process is not None
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            for line in lines:
                self.lines.put(line)
        self.lines.put(None)

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait(60)
            self.reader.join(60)

    def wait_for(self, text: str) -> str:
        seen: list[str] = []
        while not seen or text not in seen[-1]:
            line = self.lines.get(timeout=30)
            assert line is not None, f"the program ended before it wrote {text!r}:\n{''.join(seen)}"
            seen.append(line)
        return "".join(seen)

    def stop(self, signal: int) -> tuple[int, str]:
        """The exit code, and what was printed last."""
        assert self.process is not None
        self.process.send_signal(signal)
        seen: list[str] = []
        while (line := self.lines.get(timeout=30)) is not None:
            seen.append(line)
        return self.process.wait(60), "".join(seen)

    def open(self) -> None:
        """Let gates end."""
        (self.folder / "open").touch()

    def ran(self) -> list[str]:
        """What the plan's functions have written, in order."""
        log = self.folder / "log"
        return log.read_text().split() if log.exists() else []

    def smithers(self, *arguments: str) -> str:
        """What another command prints meanwhile."""
        command = [sys.executable, "-m", "smithers_py", *arguments]
        return subprocess.run(command, cwd=self.folder, capture_output=True, encoding="utf-8", check=True).stdout

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        db = sqlite3.connect(self.folder / ".smithers" / "db.sqlite")
        try:
            return db.execute(sql).fetchall()
        finally:
            db.close()

    def tasks(self) -> dict[str, list[str]]:
        """By node id, the statuses of its incarnations."""
        found: dict[str, list[str]] = {}
        for node_id, status in self.rows("SELECT node_id, status FROM tasks ORDER BY mounted_frame"):
            found.setdefault(str(node_id), []).append(str(status))
        return found

    def changes(self) -> list[dict[str, tuple[str, str]]]:
        """The diffs as recorded: {node id: (what, then)}."""
        payloads = self.rows("SELECT payload_json FROM events WHERE type = 'script.changed' ORDER BY seq")
        return [
            {node["node_id"]: (node["what"], node["then"]) for node in json.loads(str(payload))["nodes"]}
            for (payload,) in payloads
        ]


@pytest.fixture
def watched(tmp_path):
    """Make a watched plan of that name; its process is killed at the end."""
    made: list[Watched] = []

    def make(text: str, name: str = "plan.py") -> Watched:
        one = Watched(tmp_path, name)
        one.save(HEAD + text)
        made.append(one)
        return one

    yield make
    for one in made:
        one.close()
