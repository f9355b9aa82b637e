"""How long a resume takes, and what memory, after F frames of a plan with N nodes; and what a frame's commit costs.

    python benchmarks/engine/resume.py [--nodes 10000] [--frames 10000]

The plan has N idle nodes in components of ten, and a loop whose iterations are one task each, two frames an
iteration. It fails on purpose once it has F frames, and is resumed by a process of its own (`--resume`), which prints
how long it took from opening the database to the tree that the script has taken over, and its peak memory. Beside it
stands the cost of starting the same plan anew, which is what a resume must be compared with.

The commit of a frame: wall time of phase 4 or 7, whichever wrote, for frames that changed 0, 1 and 10 state keys.
"""

import argparse
import asyncio
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from smithers_persistence import Database, reads
from smithers_persistence.execution_store import ExecutionStore
from smithers_persistence.head import read_head
from smithers_persistence.writes import Holder
from smithers_py import Each, Fragment, Ralph, Task, Text, component
from smithers_py.dsl.component import Element
from smithers_py.engine.launch import RunOptions
from smithers_py.engine.observer import NullObserver
from smithers_py.engine.restart import restarted
from smithers_py.engine.resume import ResumeOptions, start_of
from smithers_py.engine.run import Limits
from smithers_py.state.context import signal_hook
from smithers_py.testing import run_plan
from smithers_reactive import Runtime

LIMITS = Limits(idle_timeout_ms=0, storm_frames=10**9)


@component
def Row(_ctx: Any, number: int) -> Any:
    """Ten nodes with the component."""
    return Fragment(children=[Text(f"{number}.{place}") for place in range(8)])


def plan(nodes: int, iterations: int) -> Element:
    """N nodes that do nothing, and a loop that fails after so many iterations."""

    @component
    def app(ctx: Any) -> Any:
        async def work() -> int:
            if ctx.state.get("n", 0) >= iterations:
                raise RuntimeError("far enough")
            return 1

        rows = Each(range(nodes // 10), children=lambda number: Row(number=number, key=number))
        task = Task(work, id="step").on_finished(lambda r: ctx.state.increment("n", r.output))
        return [rows, Ralph("loop", max_iterations=10**9, children=[task])]

    return app()


async def measure_resume(db_path: Path, execution_id: str, nodes: int, iterations: int) -> dict[str, float]:
    """Seconds from opening to a tree that may go on."""
    began = time.perf_counter()
    database = await Database.open(db_path)
    rows = await database.read(lambda conn: read_head(conn, execution_id))
    read = time.perf_counter()
    rt = Runtime(on_write=signal_hook)
    with rt.activate():
        base = RunOptions(script=None, db_path=db_path, limits=LIMITS)
        options = ResumeOptions(execution_id=execution_id, base=base, element=plan(nodes, iterations))
        start = start_of(rows, options, NullObserver(), rt)
        run = restarted(start, ExecutionStore(database, Holder(execution_id, "", 0)), rows, may_differ=False)
    ready = time.perf_counter()
    run.tasks.close()
    await database.close()
    return {
        "read_s": read - began,
        "rebuild_s": ready - read,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


async def start_anew(nodes: int) -> float:
    """Seconds of the same plan's whole first run, with one failing step: the mount is nearly all of it."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        await run_plan(plan(nodes, 0), db_path=Path(folder) / "db.sqlite", limits=LIMITS)
    return time.perf_counter() - began


async def commits(keys: int, rounds: int = 300) -> list[float]:
    """ms of what wrote each frame that handled a task whose handler sets so many keys."""

    @component
    def app(ctx: Any) -> Any:
        def handle(_r: Any) -> None:
            n = ctx.state.get("k0", 0) + 1
            for key in range(keys):
                ctx.state.set(f"k{key}", n)

        return Ralph("loop", max_iterations=rounds, children=[Task(_nothing, id="step").on_finished(handle)])

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        result = await run_plan(app, db_path=path, limits=LIMITS)
        database = await Database.open(path)
        frames = await database.read(lambda conn: reads.frames(conn, result.execution_id))
        await database.close()
    own = [frame for frame in frames if len([key for key in frame.keys_written if not key.startswith("$")]) == keys]
    return [frame.phase_ms["commit"] + frame.phase_ms["flush"] for frame in own if frame.phase_ms]


async def _nothing() -> int:
    return 1


async def main(nodes: int, frames: int) -> None:
    iterations = frames // 2
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        result = await run_plan(plan(nodes, iterations), db_path=path, limits=LIMITS)
        print(f"{nodes:,} nodes, {result.frames:,} frames, database {path.stat().st_size / 1e6:.1f} MB")
        arguments = ["--resume", str(path), result.execution_id, "--nodes", str(nodes), "--frames", str(frames)]
        told = await asyncio.to_thread(
            subprocess.run, [sys.executable, __file__, *arguments], capture_output=True, text=True, check=True
        )
        found = json.loads(told.stdout)
    anew = await start_anew(nodes)
    total = found["read_s"] + found["rebuild_s"]
    print(f"resume: read {found['read_s']:.2f} s, rebuild {found['rebuild_s']:.2f} s; peak {found['peak_mb']:.0f} MB")
    print(f"the same plan started anew: {anew:.2f} s; resume / anew = {total / anew:.2f}")
    for keys in (0, 1, 10):
        times = sorted(await commits(keys))
        p50, p99 = statistics.median(times), times[int(len(times) * 0.99)]
        print(f"commit of a frame that changes {keys} keys: p50 {p50:.2f} ms, p99 {p99:.2f} ms ({len(times)} frames)")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, default=10_000)
    parser.add_argument("--frames", type=int, default=10_000)
    parser.add_argument("--resume", nargs=2)
    given = parser.parse_args()
    if given.resume:
        path, execution_id = given.resume
        print(json.dumps(asyncio.run(measure_resume(Path(path), execution_id, given.nodes, given.frames // 2))))
    else:
        asyncio.run(main(given.nodes, given.frames))
