"""200 durable steps in a chain, and 200 at once: ms per step, beside LangGraph with its SQLite checkpointer.

    python benchmarks/engine/steps.py [--steps 200] [--rounds 7] [--ours]

Every step is an async function that returns a number. Ours: a Phase (chain) or a Parallel of Tasks; each task's
claim, result and handling are three records, the first two committed with synchronous=FULL. LangGraph: a graph of as
many nodes, in a chain or by `Send`, `AsyncSqliteSaver` on a file (WAL, synchronous=FULL, SQLite's default), with each
of its durability modes: "sync" writes a checkpoint before the next step starts, "async" (its default) while it runs,
"exit" only at the end (no step is durable then; shown for the cost of the rest).

All variants take turns in one process: the ratios hold on a busy machine. Wall time is the best and the median round,
CPU is the process's (all threads) per step, median.
"""

import argparse
import asyncio
import operator
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypedDict

from smithers_py import Parallel, Phase, Task, component
from smithers_py.engine.observer import NullObserver
from smithers_py.engine.run import Limits
from smithers_py.testing import run_plan

Variant = Callable[[Path, int], Awaitable[None]]


async def one() -> int:
    """The work of a step."""
    return 1


def chain(steps: int) -> Any:
    """Our plan: one task after the other."""

    @component
    def Chain() -> Any:
        return Phase("chain", children=[Task(one, id=f"step-{n}") for n in range(steps)])

    return Chain()


def fan(steps: int) -> Any:
    """Our plan: all tasks together."""

    @component
    def Fan() -> Any:
        return Parallel(children=[Task(one, id=f"step-{n}") for n in range(steps)])

    return Fan()


class Started(NullObserver):
    """Begins to count when the execution exists, as `langgraph` does when its graph and its tables do."""

    def started(self, execution_id: str, name: str) -> None:
        """Called by the engine before the first frame."""
        clock.start()


def ours(plan: Callable[[int], Any]) -> Variant:
    """Run one of our plans to its end."""

    async def run(folder: Path, steps: int) -> None:
        limits = Limits(idle_timeout_ms=0, max_tasks=steps)
        result = await run_plan(plan(steps), db_path=folder / "db.sqlite", limits=limits, observer=Started())
        assert result.status == "completed"

    return run


class State(TypedDict):
    """What the LangGraph nodes add to."""

    done: Annotated[int, operator.add]


async def node(state: State) -> dict[str, int]:
    """The work of a LangGraph step."""
    return {"done": 1}


def langgraph_chain(steps: int) -> Any:
    """A graph of nodes in a chain."""
    from langgraph.graph import END, START, StateGraph

    graph = StateGraph(State)
    for n in range(steps):
        graph.add_node(f"step-{n}", node)
        graph.add_edge(f"step-{n - 1}" if n else START, f"step-{n}")
    graph.add_edge(f"step-{steps - 1}", END)
    return graph


def langgraph_fan(steps: int) -> Any:
    """One node, sent `steps` times at once."""
    from langgraph.graph import START, StateGraph
    from langgraph.types import Send

    graph = StateGraph(State)
    graph.add_node("step", node)
    graph.add_conditional_edges(START, lambda state: [Send("step", state) for _ in range(steps)], ["step"])
    return graph


def langgraph(build: Callable[[int], Any], durability: Any) -> Variant:
    """Run a LangGraph graph to its end. Building and compiling it, and making its tables, is not counted."""

    async def run(folder: Path, steps: int) -> None:
        from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

        async with AsyncSqliteSaver.from_conn_string(str(folder / "db.sqlite")) as saver:
            graph = build(steps).compile(checkpointer=saver)
            config = {"configurable": {"thread_id": "1"}, "recursion_limit": steps + 10}
            clock.start()
            state = await graph.ainvoke({"done": 0}, config, durability=durability)
            assert state["done"] == steps

    return run


class Clock:
    """Wall and CPU time of one variant in one round; a variant may restart it after its preparations."""

    def start(self) -> None:
        """Begin to count."""
        self.cpu = time.process_time()
        self.wall = time.perf_counter()

    def stop(self) -> tuple[float, float]:
        """(wall, CPU) in ms since the start."""
        return (time.perf_counter() - self.wall) * 1000, (time.process_time() - self.cpu) * 1000


clock = Clock()


def measured(variant: Variant, steps: int) -> tuple[float, float]:
    """(wall, CPU) in ms per step of one run on a new database, closing it included."""
    with tempfile.TemporaryDirectory() as folder:
        clock.start()
        asyncio.run(variant(Path(folder), steps))
        wall, cpu = clock.stop()
    return wall / steps, cpu / steps


def compare(title: str, variants: dict[str, Variant], steps: int, rounds: int) -> None:
    """Let the variants take turns; print a line for each."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in variants}
    for _ in range(rounds + 1):
        for name, variant in variants.items():
            times[name].append(measured(variant, steps))
    print(f"\n{steps} steps {title}\n{'':28}{'ms/step best':>13}{'median':>9}{'CPU':>9}{'best, ours = 1':>17}")
    base = 0.0
    for name, found in times.items():
        warm = found[1:]  # the first round imports
        best = min(wall for wall, _ in warm)
        base = base or best
        wall, cpu = (statistics.median(column) for column in zip(*warm, strict=True))
        print(f"{name:28}{best:13.2f}{wall:9.2f}{cpu:9.2f}{best / base:17.2f}")


def main() -> None:
    """Compare chain and fan."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--ours", action="store_true", help="do not run LangGraph")
    args = parser.parse_args()
    for title, plan, graph in (("in a chain", chain, langgraph_chain), ("at once", fan, langgraph_fan)):
        variants = {"smithers": ours(plan)}
        if not args.ours:
            modes = ("sync", "async", "exit")
            variants |= {f"langgraph, {mode}": langgraph(graph, mode) for mode in modes}
        compare(title, variants, args.steps, args.rounds)


if __name__ == "__main__":
    main()
