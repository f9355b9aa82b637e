"""How long a command waits while its engine is busy, and what a run that waits for a person costs.

    python benchmarks/proofs/control.py [--commands 100] [--idle 10]

The engine is a real process: a loop of tasks whose handlers compute without a pause (30 ms each, the event loop stands
still meanwhile). Commands are `pause`, `unpause` and `set` in turn, one at a time, from this process.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from smithers_persistence import Database, commands
from smithers_py.harness.commands import send_command
from smithers_py.harness.reader import Reader

BUSY = """
import time
from smithers_py import *

def compute(r, ctx):
    until = time.perf_counter() + 0.03
    while time.perf_counter() < until:
        sum(range(1000))
    ctx.state.increment("n", 1)

@plan
def App(ctx):
    with Parallel():
        for lane in range(4):
            with Ralph(f"lane{lane}", max_iterations=1_000_000):
                Task(lambda: None, id=f"work{lane}").on_finished(compute)
"""
WAITING = """
from smithers_py import *

@plan
def App(ctx):
    Human("ship", "Ship it?")
"""


def start(folder: Path, plan: str) -> subprocess.Popen[str]:
    """The engine, once it has begun."""
    (folder / "plan.py").write_text(plan, encoding="utf-8")
    command = [sys.executable, "-m", "smithers_py", "run", "plan.py", "--db", str(folder / "db.sqlite")]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
    for line in process.stderr or ():
        if "running" in line or "blocked" in line:
            break
    return process


def cpu_seconds(pid: int) -> float:
    """User and system time of a process."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def latencies(folder: Path, count: int) -> tuple[list[int], list[int]]:
    """Milliseconds from asking to the acknowledgement, and to the answer, by the rows' own times."""
    db = await Database.open(folder / "db.sqlite")
    verbs = [("pause", None), ("unpause", None), ("set", {"key": "k", "value": 1})]
    for number in range(count):
        verb, args = verbs[number % 3]
        await send_command(db, "latest", verb, args=args, wait_seconds=30)
    execution_id = await Reader(db).resolve("latest")
    rows = await db.read(lambda conn: commands.commands(conn, execution_id))
    await db.close()
    seen = [(row.seen_at or 0) - row.asked_at for row in rows]
    return seen, [(row.answered_at or 0) - row.asked_at for row in rows]


def told(name: str, values: list[int]) -> None:
    """One line: median, 99th percentile and worst, in ms."""
    ordered = sorted(values)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    print(f"{name:<28} p50 {statistics.median(ordered):>5.0f} ms   p99 {p99:>4} ms   worst {ordered[-1]:>4} ms")


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--commands", type=int, default=100)
    parser.add_argument("--idle", type=float, default=10.0, help="seconds to watch a waiting run")
    arguments = parser.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        engine = start(folder, BUSY)
        try:
            seen, answered = asyncio.run(latencies(folder, arguments.commands))
        finally:
            engine.kill()
            engine.communicate()
        told(f"{len(seen)} commands, acknowledged", seen)
        told(f"{len(answered)} commands, answered", answered)
    with tempfile.TemporaryDirectory() as name:
        engine = start(Path(name), WAITING)
        time.sleep(1)
        before = cpu_seconds(engine.pid)
        time.sleep(arguments.idle)
        used = cpu_seconds(engine.pid) - before
        engine.kill()
        engine.communicate()
        print(f"waiting for a person         {100 * used / arguments.idle:.2f}% of one core over {arguments.idle:g} s")


if __name__ == "__main__":
    main()
