"""Real `smithers` processes with short leases, and the plans they run."""

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

PROGRAM = [sys.executable, "-m", "smithers_py"]

STEPS = """from smithers_py import Command, Phase, component


@component
def App(ctx):
    def step(n):
        script = f"echo start {n} >> steps.txt; echo > ready{n}; read x < gate{n}; echo end {n} >> steps.txt; echo {n}"
        return Command(script, id=f"step{n}", on_finished=lambda r: ctx.state.append("done", r.stdout.strip()))

    return Phase("p", children=[step(1), step(2)])
"""


class Engines:
    """Starts engines in a folder; none outlives the test. Leases are of `lease` seconds."""

    def __init__(self, folder: Path, lease: float = 1.0) -> None:
        self.folder = folder
        self.environment = os.environ | {
            "SMITHERS_LIMITS_LEASE_SECONDS": str(lease),
            "SMITHERS_LIMITS_HEARTBEAT_SECONDS": str(lease / 4),
        }
        self.started: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `smithers ARGUMENTS`."""
        process = subprocess.Popen(
            [*PROGRAM, *arguments],
            cwd=self.folder,
            env=self.environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self.started.append(process)
        return process

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Run it to its end: exit code, stdout, stderr."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=60)
        return process.returncode, out, err

    def end_all(self) -> None:
        """Kill what still runs, stopped or not."""
        for process in self.started:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.communicate(timeout=60)


def begun(n: int) -> None:
    """Wait until step `n` has begun; it waits for its gate now."""
    # Not a plain read: that would wait for ever for a step that never begins.
    pipe = os.open(f"ready{n}", os.O_RDONLY | os.O_NONBLOCK)
    try:
        waiting = select.poll()
        waiting.register(pipe, select.POLLIN)
        assert waiting.poll(60_000), f"step {n} did not begin"
        while waiting.poll(60_000) and os.read(pipe, 100):
            pass
    finally:
        os.close(pipe)


def let_end(n: int) -> None:
    """Let step `n`, which has begun, end."""
    Path(f"gate{n}").write_text("go\n")


def steps(folder: Path) -> list[str]:
    """What the commands of STEPS have noted."""
    path = folder / "steps.txt"
    return path.read_text().splitlines() if path.exists() else []
