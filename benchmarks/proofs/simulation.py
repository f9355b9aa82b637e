"""Thousands of simulated lives of an execution: engines that crash, pause, lose messages and have lying clocks.

    python benchmarks/proofs/simulation.py [--seeds 10000] [--first 0] [--bug-seeds 1000]

The simulation is that of the tests (tests/persistence/simulation): the real store, lease and records on a real SQLite
file, stepped one transaction at a time. After each write an oracle asks whether the writer owned the execution, whether
nobody was robbed who lives, and whether anything was done twice. Then protocols with planted bugs are played, each of
which the oracle must find. It exits with 1 if a seed is not clean or a bug is not found.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "persistence" / "simulation"))

from sim_bugs import PLANTED
from sim_run import database, run_seed
from sim_world import HOUR_MS, Broken

PER_FILE = 250
"""Executions in one database file."""


def play(folder: Path, first: int, seeds: int) -> bool:
    """Play the real protocol; says whether all seeds were clean."""
    counts: Counter[str] = Counter()
    steps, virtual, began, clean = 0, 0.0, time.process_time(), True
    for start in range(first, first + seeds, PER_FILE):
        with database(folder / f"{start}.sqlite") as conn:
            for seed in range(start, min(start + PER_FILE, first + seeds)):
                try:
                    world = run_seed(conn, seed)
                except Broken as broken:
                    print(f"BROKEN {broken}")
                    clean = False
                    continue
                counts.update(world.counts)
                steps, virtual = steps + world.steps, virtual + world.now
        for path in folder.iterdir():
            path.unlink()
    took = time.process_time() - began
    print(
        f"{seeds:,} seeds {'clean' if clean else 'NOT CLEAN'}: {steps:,} steps, {virtual / HOUR_MS:,.0f} virtual hours,"
    )
    print(f"{took:.0f} s CPU, {seeds / took:.0f} seeds/s")
    print(", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())))
    return clean


def hunt(folder: Path, name: str, seeds: int) -> bool:
    """Play a broken protocol; says whether any seed shows it."""
    found, first = 0, ""
    with database(folder / "bug.sqlite") as conn:
        for seed in range(seeds):
            try:
                run_seed(conn, seed, PLANTED[name]())
            except Broken as broken:
                found += 1
                first = first or str(broken)
    for path in folder.iterdir():
        path.unlink()
    print(f"planted: {name}: found by {found} of {seeds:,} seeds; {first}")
    return found > 0


def main() -> int:
    """Print what was played; the exit code says whether all is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--bug-seeds", type=int, default=1_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="smithers-sim-") as name:
        folder = Path(name)
        clean = play(folder, asked.first, asked.seeds)
        found = [hunt(folder, bug, asked.bug_seeds) for bug in PLANTED] if asked.bug_seeds else []
    return 0 if clean and all(found) else 1


if __name__ == "__main__":
    sys.exit(main())
