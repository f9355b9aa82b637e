"""Runs a wrong program as `smithers run` does, in this process, and says what its author read about the mistake.

After a change of wording `python tests/smithers/wrong/wrong_programs.py` writes all the expected messages anew. Then
read the difference as a new user would.
"""

import contextlib
import io
import os
import re
import sys
import tempfile
from pathlib import Path

from smithers_py.cli.main import main

PROGRAMS = Path(__file__).parent / "programs"

_ID = re.compile(r"(execution|run \w+) [0-9a-z]{10}\b")


def programs() -> list[Path]:
    """Every wrong program, in order."""
    return sorted(PROGRAMS.glob("*.py"))


def expected(program: Path) -> Path:
    """Where the message of a program is written down."""
    return program.with_suffix(".txt")


def what_it_says(program: Path, folder: Path) -> str:
    """The exit code, then each paragraph about the mistake, with <script>, <folder>, <id> and <n> for what differs."""
    tools = folder / "bin"
    tools.mkdir()
    (tools / "linter").write_text("#!/bin/sh\n")
    (tools / "linter").chmod(0o755)
    printed = io.StringIO()
    # --json keeps stdout for the result: everything a person reads is on stderr.
    command = [
        "run",
        str(program),
        "--model",
        "test",
        "--idle-timeout",
        "0",
        "--json",
        "--db",
        str(folder / "db.sqlite"),
    ]
    path = os.environ.get("PATH", "")
    os.environ["PATH"] = str(tools)  # which programs there are must not depend on the machine
    try:
        with (
            contextlib.chdir(folder),
            contextlib.redirect_stderr(printed),
            contextlib.redirect_stdout(io.StringIO()),
        ):
            main(command)
            code: object = 0
    except SystemExit as end:
        code = end.code
    finally:
        os.environ["PATH"] = path
    text = printed.getvalue().replace(str(program), "<script>").replace(program.name, "<script>")
    text = _ID.sub(r"\1 <id>", text.replace(str(folder), "<folder>"))
    # Which frame it is, is a matter of how frames are cut: of no use to the reader, and free to change.
    text = re.sub(r"frame [1-9]\d*", "frame <n>", text)
    said = [line for line in text.splitlines() if re.match("error|warning|internal|Traceback", line)]
    return "\n".join([f"exit {code}", *said]) + "\n"


def write_all() -> None:
    """Write every expected message from what is said now."""
    for program in programs():
        with tempfile.TemporaryDirectory() as folder:
            expected(program).write_text(what_it_says(program, Path(folder)), encoding="utf-8")
        sys.stderr.write(f"{program.stem}\n")


if __name__ == "__main__":
    write_all()
