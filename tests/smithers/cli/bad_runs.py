"""Runs the real command on bad input and reads what it left: one paragraph, an exit code, the state that was kept."""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PROGRAM = [sys.executable, "-m", "smithers_py"]
HEAD = "from smithers_py import *\n"
APP = "@component\ndef app(ctx):\n"


@dataclass(frozen=True)
class Left:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def paragraph(self):
        """The one line that tells the error."""
        assert "Traceback" not in self.err + self.out
        told = [line for line in self.err.splitlines() if re.match(r"(error|internal error)\b", line)]
        assert len(told) == 1, self.err
        assert not told[0].startswith("internal"), told[0]
        return told[0]

    @property
    def result(self):
        """The JSON of `run --json`: exactly one line, and nothing else on stdout."""
        (line,) = self.out.splitlines()
        return json.loads(line)


def command(*arguments, program=PROGRAM, **more):
    """Run the command line in a process of its own."""
    done = subprocess.run([*program, *arguments], capture_output=True, text=True, timeout=60, check=False, **more)
    return Left(done.returncode, done.stdout, done.stderr)


def run(text, *arguments, **more):
    """Run a plan script with a state key that must survive whatever happens."""
    Path("plan.py").write_text(text, encoding="utf-8")
    return command("run", "plan.py", "--json", "--idle-timeout", "0.01", "--state", "kept=1", *arguments, **more)


def marked_line(text):
    """The number of the line that ends in `# HERE`, from 1; None without one."""
    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.endswith("# HERE")]
    return lines[0] if lines else None


def check_failed(left, smithers, *, text, says, code=1, kept=None):
    """An execution was created and failed: told once, at the user's line, its state readable afterwards."""
    assert left.code == code, left.err
    for part in says:
        assert part in left.paragraph, (part, left.paragraph)
    line = marked_line(text)
    if line is not None:
        assert f"{Path('plan.py').resolve()}:{line}" in left.paragraph, left.paragraph
    result = left.result
    assert result["exit_code"] == code
    assert result["status"] == {1: "failed", 4: "stalled"}[code]
    assert result["execution_id"] in left.err
    (error,) = result["errors"]
    assert error["code"] in left.paragraph
    left_code, state, _ = smithers("db", "state", result["execution_id"], "--json")
    assert (left_code, json.loads(state)) == (0, {"kept": 1} if kept is None else kept)


def check_refused(left, smithers, *, says):
    """Nothing was begun: exit 2, one line on stderr, nothing on stdout, no execution."""
    assert left.code == 2, left.err
    assert left.out == ""
    assert left.err.count("\n") == 1, left.err
    for part in says:
        assert part in left.paragraph, (part, left.paragraph)
    if Path(".smithers/db.sqlite").is_file():
        assert smithers("list", "--json")[1] == "[]\n"
