"""The program as a process of its own, on a terminal or on pipes."""

import fcntl
import os
import pty
import select
import struct
import subprocess
import sys
import termios

import pytest

PROGRAM = [sys.executable, "-m", "smithers_py"]


class Terminal:
    """A program on a pseudo-terminal of that size; `wait_for` reads its screen until a text appears."""

    def __init__(self, arguments, cwd, rows, columns):
        self.output = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.environ["TERM"] = "xterm-256color"
            os.execv(sys.executable, [*PROGRAM, *arguments])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def wait_for(self, text):
        while text not in self.output:
            assert self._read(), f"the program ended before it wrote {text!r}:\n{self.output}"

    def type(self, keys):
        os.write(self.fd, keys)

    def wait(self):
        """Read to the end; returns the exit code."""
        while self._read():
            pass
        _, status = os.waitpid(self.pid, 0)
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)

    def _read(self):
        ready, _, _ = select.select([self.fd], [], [], 60)
        assert ready, f"nothing was written for 60 s:\n{self.output}"
        try:
            data = os.read(self.fd, 65_536)
        except OSError:
            return False
        self.output += data.decode(errors="replace")
        return bool(data)


@pytest.fixture
def on_terminal(workspace):
    """Start the program on a terminal."""
    return lambda *arguments, rows=24, columns=100: Terminal(arguments, workspace, rows, columns)


@pytest.fixture
def start(workspace):
    """Start the program on pipes; whatever still runs at the end of the test is killed."""
    started = []

    def begin(*arguments):
        process = subprocess.Popen(
            [*PROGRAM, *arguments], cwd=workspace, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def script(workspace):
    """Write a plan script into the workspace."""

    def write(text, name="plan.py"):
        (workspace / name).write_text(text, encoding="utf-8")
        return name

    return write


@pytest.fixture
def smithers(workspace, capfd):
    """Run the command line in this process: (exit code, stdout, stderr)."""
    from smithers_py.cli.main import main

    def run(*arguments):
        with pytest.raises(SystemExit) as left:
            main([*arguments])
        captured = capfd.readouterr()
        return left.value.code or 0, captured.out, captured.err

    return run
