"""One changed key costs the same in a plan of 1,000, 10,000 and 100,000 nodes: counts, taken outside of the engine.

    python benchmarks/proofs/incremental.py [--components 100 1000 10000]

The plan has components of 10 nodes, each reading its own key. Counted while one key changes, which is two frames (the
operator's write, and the render of what reads the key):

    runs         how often components ran: the plan's own counter
    nodes        how many nodes the plan constructed
    patches      what the frame changed in the plan
    calls        Python functions of the engine, the nodes and the graph that were called (`sys.setprofile`)
    statements   SQL statements, from SQLite's trace; `bytes` are the values in them
    row          bytes of the rendering frame's row
"""

import argparse
import asyncio
import sqlite3
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))

from driving import Driven, value_bytes

from smithers_py import Each, Fragment, Text, component

LEAVES = 8
"""A component, its Fragment and 8 texts: 10 nodes."""
PACKAGES = ("smithers_py", "smithers_reactive")


@dataclass(frozen=True, slots=True)
class Counts:
    """What one changed key cost."""

    runs: int
    nodes: int
    patches: int
    calls: int
    statements: int
    bytes: int
    row: int


class Plan:
    """`components` components, each reading its own key."""

    def __init__(self, components: int) -> None:
        self.runs: list[int] = []
        """The number of each component that ran, in order."""
        self.nodes = 0

        @component
        def Cell(ctx: Any, n: int) -> Any:
            self.runs.append(n)
            self.nodes += 1 + LEAVES
            value = ctx.state.get(f"cell/{n}", 0)
            return Fragment(children=[Text(f"{value if leaf == 0 else leaf} of {n}") for leaf in range(LEAVES)])

        @component
        def App() -> Any:
            return Each(range(components), children=lambda n: Cell(n=n, key=n))

        self.app = App()


async def measure(components: int, folder: Path) -> Counts:
    """Mount the plan, warm up with one change, then count another."""
    plan = Plan(components)
    async with Driven(plan.app, folder) as run:
        assert run.engine is not None
        mounted = len(run.engine.tree.by_id)
        assert mounted == components * 10 + 1, mounted
        await run.change("cell/0", 1)
        plan.runs.clear()
        plan.nodes = 0
        calls = 0

        def called(frame: FrameType, event: str, arg: Any) -> None:
            nonlocal calls
            calls += event == "call" and any(name in frame.f_code.co_filename for name in PACKAGES)

        run.statements = []
        sys.setprofile(called)
        await run.change(f"cell/{components // 2}", 1)
        sys.setprofile(None)
        statements, run.statements = run.statements, None
        assert plan.runs == [components // 2]
        index, execution = run.engine.next_frame - 1, run.engine.execution_id
    with sqlite3.connect(folder / "db.sqlite") as conn:
        row = conn.execute(
            "SELECT bytes, mounted + unmounted + updated FROM frames WHERE execution_id = ? AND frame_index = ?",
            (execution, index),
        ).fetchone()
    conn.close()
    size = sum(value_bytes(statement) for statement in statements)
    return Counts(len(plan.runs), plan.nodes, row[1], calls, len(statements), size, row[0])


def main() -> None:
    """Print the counts for each size; they must be the same in each line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--components", type=int, nargs="*", default=[100, 1_000, 10_000])
    for components in parser.parse_args().components:
        with tempfile.TemporaryDirectory() as folder:
            counts = asyncio.run(measure(components, Path(folder)))
        print(f"{components * 10:7} nodes: " + "  ".join(f"{name} {value}" for name, value in asdict(counts).items()))


if __name__ == "__main__":
    main()
