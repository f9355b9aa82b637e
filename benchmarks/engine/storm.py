"""A storm: 10,000 writes from 200 tasks at once, watched by components; and what else comes in bursts.

    python benchmarks/engine/storm.py [--tasks 200] [--writes 50] [--rows 10000]

Printed: frames made, the distinct moments at which a task's end reached the engine (a frame can see no more than these,
plus its own flushes), CPU, and whether any write was lost, by the sum of a counter and by the fold of the transitions.

    storm     each task writes a counter of its own and the common one; 10 components read them
    fan-out   one key that all rows read
    memo      a parent runs again whose row components all have equal props
    mount     all rows leave, then all come back
    changes   1,000 changes of one key, one after the other, each seen by a component
"""

import argparse
import asyncio
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import Any

from driving import Driven

from smithers_persistence import reads
from smithers_persistence.state_fold import current_state, state_at
from smithers_py import Fragment, Task, component
from smithers_py.engine.run import Limits
from smithers_py.testing import run_plan


@component
def watcher(ctx: Any, name: str) -> Any:
    """Shows one counter."""
    return Fragment(children=[str(ctx.state.get(name, 0))])


def storm_plan(tasks: int, writes: int) -> Any:
    """`tasks` async tasks that each write `writes` times."""

    def work(number: int) -> Any:
        async def body(ctx: Any) -> None:
            for turn in range(writes // 2):
                ctx.state.increment("total", 1)
                ctx.state.increment(f"own/{number}", 1)
                if turn % 5 == 0:
                    await asyncio.sleep(0)

        return body

    @component
    def storm(ctx: Any) -> Any:
        shown = ["total", *(f"own/{number}" for number in range(0, tasks, max(1, tasks // 9)))]
        return [Task(work(number), id=f"t{number}") for number in range(tasks)] + [
            watcher(name=name, key=name) for name in shown
        ]

    return storm


def measure_storm(tasks: int, writes: int) -> None:
    """Run it and look for lost writes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        began, cpu = time.perf_counter(), time.process_time()
        limits = Limits(idle_timeout_ms=0, max_tasks=tasks)
        result = asyncio.run(run_plan(storm_plan(tasks, writes), db_path=path, limits=limits))
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
        with sqlite3.connect(path) as conn:
            now = {key: int(text) for key, text in current_state(conn, result.execution_id).items() if key[0] != "$"}
            folded = state_at(conn, result.execution_id, reads.LAST_FRAME)
            frames = reads.frames(conn, result.execution_id)
            ended = {row.handled_frame for row in reads.tasks(conn, result.execution_id)}
        conn.close()
    total, own = now.pop("total"), sum(now.values())
    lost = tasks * (writes // 2) * 2 - total - own
    same = all(int(folded[key]) == value for key, value in now.items())
    seeing = sum("task" in {trigger.partition(":")[0] for trigger in frame.triggers} for frame in frames)
    print(
        f"storm    {tasks} tasks, {tasks * (writes // 2) * 2:,} writes: {result.frames} frames, of which {seeing} for"
    )
    print(f"         ends of tasks (which came at {len(ended)} moments); lost {lost}; fold is the state: {same}")
    print(f"         {wall * 1000:.0f} ms, {cpu * 1000:.0f} ms CPU")


def rows_plan() -> Any:
    """Rows below a parent that reads `label`; each row reads `shared`."""

    @component
    def row(ctx: Any, number: int) -> Any:
        return Fragment(children=[f"{ctx.state.get('shared', 0)} {number}"])

    @component
    def rows(ctx: Any) -> Any:
        count = ctx.state.get("count", 0)
        return [Fragment(key="label", children=[str(ctx.state.get("label"))])] + [
            row(number=number, key=number) for number in range(count)
        ]

    return rows


async def measure_rows(count: int) -> None:
    """One frame of each kind, on the same live run."""
    with tempfile.TemporaryDirectory() as folder:
        async with Driven(rows_plan(), Path(folder)) as run:
            for name, key, value in (
                ("mount", "count", count),
                ("fan-out", "shared", 1),
                ("memo", "label", "x"),
                ("unmount", "count", 0),
            ):
                ms = await run.change(key, value)
                shown = "  ".join(f"{phase} {took:.2f}" for phase, took in ms.items() if took >= 0.01)
                print(f"{name:<8} {count:,} rows: {sum(ms.values()):.1f} ms ({shown})")


async def measure_changes(changes: int) -> None:
    """One key, changed over and over."""
    with tempfile.TemporaryDirectory() as folder:
        async with Driven(rows_plan(), Path(folder)) as run:
            began, cpu = time.perf_counter(), time.process_time()
            for number in range(changes):
                await run.change("label", number)
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    print(f"changes  {changes:,}: {wall / changes * 1000:.2f} ms each, {cpu / changes * 1000:.2f} ms CPU")


def main() -> None:
    """Print all of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=200)
    parser.add_argument("--writes", type=int, default=50, help="of each task")
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--changes", type=int, default=1_000)
    asked = parser.parse_args()
    measure_storm(asked.tasks, asked.writes)
    asyncio.run(measure_rows(asked.rows))
    asyncio.run(measure_changes(asked.changes))


if __name__ == "__main__":
    main()
