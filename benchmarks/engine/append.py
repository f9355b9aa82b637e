"""A loop of 1,000 iterations, each appending 1 kB of random text to one list in state: bytes on disk, and time.

    python benchmarks/engine/append.py [--iterations 1000] [--tables]

Three ways to write the same plan: a task whose handler appends, a task that appends itself, and no task at all
(`on_iteration` appends). The text is random letters and digits, 6 bits of chance in each byte, so packing gains little.
Size is the closed database file: frames, transitions, events, tasks, all of it. Time is that of the iterations (wall
clock and CPU), the last tenth beside the first. Target (DESIGN §8): 3 MB for 1,000, the last 100 at most 1.5 times the
first 100.
"""

import argparse
import asyncio
import random
import string
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from driving import file_bytes, table_bytes

from smithers_py import Task, While, component
from smithers_py.engine.run import Limits
from smithers_py.testing import run_plan

LETTERS = string.ascii_letters + string.digits + " -"


class Marks:
    """When each iteration ended: (wall, CPU) in seconds."""

    def __init__(self) -> None:
        self.chance = random.Random(7)
        self.times: list[tuple[float, float]] = []

    def item(self) -> str:
        """1,000 characters of chance; called once an iteration."""
        self.times.append((time.perf_counter(), time.process_time()))
        return "".join(self.chance.choices(LETTERS, k=1000))


def work() -> int:
    """What a task does."""
    return 1


def handler_appends(marks: Marks, iterations: int) -> Any:
    """A task, and its handler appends."""

    @component
    def App(ctx: Any) -> Any:
        def append(result: Any) -> None:
            ctx.state.append("log", marks.item())

        task = lambda n: Task(work, id="work", on_finished=append)
        return While("loop", lambda: True, children=task, max_iterations=iterations)

    return App()


def task_appends(marks: Marks, iterations: int) -> Any:
    """A task appends."""

    @component
    def App(ctx: Any) -> Any:
        task = lambda n: Task(lambda: ctx.state.append("log", marks.item()), id="work")
        return While("loop", lambda: True, children=task, max_iterations=iterations)

    return App()


def iteration_appends(marks: Marks, iterations: int) -> Any:
    """Nothing runs; the loop's own handler appends."""

    @component
    def App(ctx: Any) -> Any:
        append = lambda n: ctx.state.append("log", marks.item())
        return While("loop", lambda: True, max_iterations=iterations, on_iteration=append)

    return App()


def measure(plan: Callable[[Marks, int], Any], iterations: int, tables: bool) -> None:
    """Run one variant and print its line."""
    marks = Marks()
    limits = Limits(idle_timeout_ms=0, storm_frames=10 * iterations)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        result = asyncio.run(run_plan(plan(marks, iterations), db_path=path, limits=limits))
        assert result.status == "completed", result.errors
        assert len(marks.times) == iterations
        size = file_bytes(path)
        shares = table_bytes(path) if tables else {}
    tenth = iterations // 10
    first, last = (
        [(end - begin) / tenth * 1000 for begin, end in zip(marks.times[at], marks.times[at + tenth], strict=True)]
        for at in (0, iterations - tenth - 1)
    )
    growth = f"{last[0] / first[0]:.2f} times (CPU {last[1] / first[1]:.2f})"
    print(
        f"{plan.__name__:18}{size / 1e6:8.2f} MB{result.frames:8} frames   "
        f"first {first[0]:.2f} ms (CPU {first[1]:.2f}), last {last[0]:.2f} ms (CPU {last[1]:.2f}): {growth}"
    )
    for name, share in shares.items():
        if share > 8192:
            print(f"{share / 1e3:12.0f} kB  {name}")


def main() -> None:
    """Measure the three variants."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--iterations", type=int, default=1000)
    parser.add_argument("--tables", action="store_true", help="print the bytes of each table")
    args = parser.parse_args()
    for plan in (handler_appends, task_appends, iteration_appends):
        measure(plan, args.iterations, args.tables)


if __name__ == "__main__":
    main()
