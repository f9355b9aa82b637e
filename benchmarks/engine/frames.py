"""One key changes in a plan of N nodes: time of each frame phase, beside a twin that re-renders everything.

    python benchmarks/engine/frames.py [--nodes 100 1000 10000 100000] [--changes 60]

Both plans have N/10 groups of 10 nodes, each group showing one key of state, and run on the same engine. Ours makes a
component of each group, so that a change runs one. The twin is one component that builds all groups in plain loops:
what an engine without scopes does, with this engine's diff and store (nothing it writes to disk is larger).

The two take turns, change by change, in one process. Times are those that the engine keeps with each frame (wall
clock), of the frame that renders the change, as median; a busy machine shows in both. Beside them stand the numbers of
the prototype (DESIGN §3: render and reconcile of one changed key, CPU).
"""

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from driving import Driven

from smithers_py import Each, Fragment, Text, component

PHASES = ("snapshot", "render", "reconcile", "commit", "execute", "effects", "flush")
DESIGN_US = {1_000: (9.7, 2.2), 10_000: (12.9, 31), 100_000: (15.4, 768)}
"""Nodes: µs of one changed key, ms when everything is rendered and compared."""
LEAVES = 8
TWIN_CHANGES = {100: 60, 1_000: 30, 10_000: 8, 100_000: 3}


def group(value: Any, n: int) -> list[Text]:
    """The texts of one group; the first shows the key's value."""
    return [Text(f"{value if leaf == 0 else leaf} of {n}") for leaf in range(LEAVES)]


def scoped(groups: int) -> Any:
    """A component for each group."""

    @component
    def Cell(ctx: Any, n: int) -> Any:
        return Fragment(children=group(ctx.state.get(f"cell/{n}", 0), n))

    @component
    def App() -> Any:
        return Each(range(groups), children=lambda n: Cell(n=n, key=n))

    return App()


def twin(groups: int) -> Any:
    """All groups in one component; Fragments stand where the components stood."""

    @component
    def App(ctx: Any) -> Any:
        return [
            Fragment(key=n, children=[Fragment(children=group(ctx.state.get(f"cell/{n}", 0), n))])
            for n in range(groups)
        ]

    return App()


async def measure(nodes: int, changes: int) -> tuple[dict[str, float], dict[str, float], float, float]:
    """Median ms of each phase for ours and the twin, and the seconds each took to mount."""
    groups = nodes // 10
    found: tuple[list[dict[str, float]], list[dict[str, float]]] = ([], [])
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        begin = time.perf_counter()
        async with Driven(scoped(groups), Path(one)) as ours:
            mounted = time.perf_counter()
            async with Driven(twin(groups), Path(other)) as theirs:
                mounts = (mounted - begin, time.perf_counter() - mounted)
                gc.collect()
                for turn in range(changes):
                    key = f"cell/{turn * 7919 % groups}"
                    found[0].append(await ours.change(key, turn + 1))
                    if turn < TWIN_CHANGES.get(nodes, 3):
                        found[1].append(await theirs.change(key, turn + 1))
    medians = [{phase: statistics.median(one.get(phase, 0) for one in times) for phase in PHASES} for times in found]
    return medians[0], medians[1], *mounts


def main() -> None:
    """Print a table: a line for each size and plan."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--nodes", type=int, nargs="*", default=[100, 1_000, 10_000, 100_000])
    parser.add_argument("--changes", type=int, default=60)
    args = parser.parse_args()
    print(f"{'nodes':>7} {'ms':10}" + "".join(f"{phase:>10}" for phase in PHASES) + f"{'frame':>10}{'mount s':>9}")
    for nodes in args.nodes:
        ours, theirs, mount, twin_mount = asyncio.run(measure(nodes, args.changes))
        for name, times, seconds in (("ours", ours, mount), ("all again", theirs, twin_mount)):
            values = "".join(f"{times[phase]:10.3f}" for phase in PHASES)
            print(f"{nodes:7} {name:10}{values}{sum(times.values()):10.3f}{seconds:9.2f}")
        render = ours["render"] + ours["reconcile"]
        ratio = (theirs["render"] + theirs["reconcile"]) / render
        design = DESIGN_US.get(nodes)
        beside = f"; DESIGN's prototype {design[0]} µs against {design[1]} ms" if design else ""
        print(f"{'':8}render and reconcile: {render * 1000:.0f} µs, all again {ratio:.0f} times that{beside}")


if __name__ == "__main__":
    main()
