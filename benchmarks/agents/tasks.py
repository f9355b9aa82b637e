"""1,000 offline agent tasks in one plan, beside a bare PydanticAI loop that keeps nothing.

    python benchmarks/agents/tasks.py [--count 1000] [--rounds 3] [--tools]

Each runner works in a process of its own, so that its peak memory is its own; runners take turns. The bare loops ask
the same model (PydanticAI's TestModel) the same prompts, ten at a time as our default, each with an Agent of its own
as each node has; "streamed" reads the answer as it comes, which is what ours does. With `--tools` every agent calls
one function before it answers.
"""

import argparse
import asyncio
import importlib
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

AT_ONCE = 10
RUNNERS = ("bare", "bare, streamed", "smithers")


def lookup(name: str) -> str:
    """Look a name up."""
    return f"{name} is known"


async def bare(count: int, *, streamed: bool, tools: bool) -> dict[str, Any]:
    """PydanticAI alone."""
    import pydantic_ai
    from pydantic_ai.models.test import TestModel

    setattr(pydantic_ai, "BANNER_ENABLED", False)
    model, gate = TestModel(), asyncio.Semaphore(AT_ONCE)

    async def read(_ctx: Any, events: Any) -> None:
        async for _ in events:
            pass

    async def one(number: int) -> str:
        async with gate:
            agent = pydantic_ai.Agent(model, tools=[lookup] if tools else [])
            handler = read if streamed else None
            return (await agent.run(f"item {number}", event_stream_handler=handler, infer_name=False)).output

    await one(-1)
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(one(number) for number in range(count)))
    return {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}


async def ours(count: int, *, tools: bool, profile: str | None) -> dict[str, Any]:
    """The same as one plan; everything is in the database when it ends."""
    from smithers_py import Agent, Each, Parallel, component
    from smithers_py.agents.models import resolve_model
    from smithers_py.testing import run_plan

    # Imports are not what is measured.
    resolve_model("test")
    for name in ("calls", "recording", "streaming", "tools.build"):
        importlib.import_module(f"smithers_py.agents.{name}")
    from pydantic_ai.models.test import TestModel

    # The one that is named "test" calls no tool.
    model = TestModel()

    def agent(number: int, _index: int) -> Any:
        return Agent(key=number, model="test", prompt=f"item {number}", tools=[lookup] if tools else None)

    @component
    def app(ctx: Any) -> Any:
        return Parallel(children=[Each(range(count), children=agent)])

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite"
        began, cpu = time.perf_counter(), time.process_time()
        if profile is None:
            result = await run_plan(app, db_path=path, model=model)
        else:
            import cProfile

            with cProfile.Profile() as profiler:
                result = await run_plan(app, db_path=path, model=model)
            profiler.dump_stats(profile)
        took = {"seconds": time.perf_counter() - began, "cpu": time.process_time() - cpu}
        assert result.status == "completed", result
        return {**took, "bytes": path.stat().st_size, "frames": result.frames, "tables": tables(path)}


def tables(path: Path) -> dict[str, int]:
    """Bytes of each table and index, largest first."""
    import sqlite3

    conn = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return dict(conn.execute("SELECT name, sum(pgsize) FROM dbstat GROUP BY name ORDER BY 2 DESC").fetchall())
    finally:
        conn.close()


def child(options: argparse.Namespace) -> None:
    """Measure one runner in this process."""
    if options.runner == "smithers":
        found = asyncio.run(ours(options.count, tools=options.tools, profile=options.profile))
    else:
        streamed = options.runner.endswith("streamed")
        found = asyncio.run(bare(options.count, streamed=streamed, tools=options.tools))
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps(found))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--tools", action="store_true")
    parser.add_argument("--runner", choices=RUNNERS)
    parser.add_argument("--profile", help="with --runner smithers: where cProfile's figures go")
    options = parser.parse_args()
    if options.runner:
        child(options)
        return
    found: dict[str, list[dict[str, Any]]] = {runner: [] for runner in RUNNERS}
    for _ in range(options.rounds):
        for runner in RUNNERS:
            words = [sys.executable, __file__, "--runner", runner, "--count", str(options.count)]
            words += ["--tools"] if options.tools else []
            found[runner].append(json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout))
    print("| runner | tasks/s, best | median | CPU ms per task | peak MB | database bytes per task |")
    print("|---|---|---|---|---|---|")
    for runner, rounds in found.items():
        rates = [options.count / one["seconds"] for one in rounds]
        cpu = min(one["cpu"] for one in rounds) / options.count * 1000
        memory = max(one["memory"] for one in rounds)
        size = f"{rounds[0]['bytes'] / options.count:,.0f}" if "bytes" in rounds[0] else ""
        print(f"| {runner} | {max(rates):.0f} | {statistics.median(rates):.0f} | {cpu:.2f} | {memory:.0f} | {size} |")
    largest = list(found["smithers"][0]["tables"].items())[:8]
    print("\nbytes per task by table: " + ", ".join(f"{name} {size / options.count:,.0f}" for name, size in largest))


if __name__ == "__main__":
    main()
