"""One cell of N changes: our render and reconcile beside ReactPy's core, which is React's loop in Python.

    uv sync --group bench && python benchmarks/engine/reactpy_core.py [--nodes 1000 10000] [--changes 60]

Both have N/10 components of 10 nodes, each showing a state of its own. ReactPy keeps its state in hooks and makes a
JSON model for a browser, in memory; ours reads durable keys and makes patches, and the figure leaves out what it then
writes to disk (`frames.py` shows that too). The two take turns, change by change, in one process; wall ms, median.
ReactPy's layout answers a change with an update message: its time is that of `await layout.render()`.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from driving import Driven
from frames import LEAVES, scoped


def reactpy_app(cells: int, setters: dict[int, Any]) -> Any:
    """A component for each cell; `setters` receives what changes its state."""
    from reactpy import component, hooks, html

    @component
    def Cell(n: int) -> Any:
        value, setters[n] = hooks.use_state(0)
        return html.div([html.span(f"{value if leaf == 0 else leaf} of {n}") for leaf in range(LEAVES)])

    @component
    def App() -> Any:
        return html.div([Cell(n, key=str(n)) for n in range(cells)])

    return App()


async def measure(nodes: int, changes: int) -> tuple[float, float, float, float]:
    """(our ms, ReactPy's ms, our mount in s, ReactPy's)."""
    from reactpy.core.layout import Layout

    cells = nodes // 10
    setters: dict[int, Any] = {}
    ours: list[float] = []
    theirs: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        begin = time.perf_counter()
        async with Driven(scoped(cells), Path(folder)) as run, Layout(reactpy_app(cells, setters)) as layout:
            mounted = time.perf_counter()
            await layout.render()
            mounts = (mounted - begin, time.perf_counter() - mounted)
            for turn in range(changes):
                cell = turn * 7919 % cells
                phases = await run.change(f"cell/{cell}", turn + 1)
                ours.append(phases["render"] + phases["reconcile"])
                setters[cell](turn + 1)
                begin = time.perf_counter()
                update = await layout.render()
                theirs.append((time.perf_counter() - begin) * 1000)
                assert f"{turn + 1} of {cell}" in str(update)
    return statistics.median(ours), statistics.median(theirs), *mounts


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--changes", type=int, default=60)
    args = parser.parse_args()
    print(f"{'nodes':>8} {'ours ms':>9} {'reactpy ms':>11} {'ratio':>7} {'mount s':>9} {'reactpy s':>10}")
    for nodes in args.nodes:
        ours, theirs, mount, mount_theirs = asyncio.run(measure(nodes, args.changes))
        print(f"{nodes:>8} {ours:>9.3f} {theirs:>11.3f} {theirs / ours:>7.1f} {mount:>9.2f} {mount_theirs:>10.2f}")


if __name__ == "__main__":
    main()
