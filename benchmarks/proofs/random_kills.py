"""SIGKILL at random times, also of processes that resume: the end is the same as without a kill.

    python benchmarks/proofs/random_kills.py [--kills 200] [--seed S] [--workers 3]

The plan of crash_points.py. Each execution is killed once or twice (a third crash of one task would fail it, Z-7), at
times drawn over the length of an unkilled run; then it is resumed until it completes. Compared is what crash_points.py
compares, `smithers doctor ID` included.
"""

import argparse
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "smithers" / "recovery"))

from killing import World, bodies, finished, outcome, preload, verdict

MOST_KILLS = 2


def unkilled(folder: Path) -> tuple[dict[str, Any], Counter[str], float]:
    """What comes of a run that nobody kills, and how long it takes in seconds."""
    world = World(folder)
    begun = time.monotonic()
    if world.wait(world.run()) != 0:
        raise SystemExit(f"the run without a kill failed:\n{world.told()}")
    return outcome(world), bodies(world), time.monotonic() - begun


def killed(folder: Path, chance: random.Random, base: tuple[dict[str, Any], Counter[str], float]) -> list[Any]:
    """One execution: [kills of `run`, kills of `resume`, what is wrong in the end]."""
    expected, counted, seconds = base
    shutil.rmtree(folder, ignore_errors=True)
    world = World(folder)
    kills: Counter[str] = Counter()
    ended: set[str] = set()
    wrong: list[str] = []
    for _ in range(chance.randint(1, MOST_KILLS)):
        verb = "run" if world.root() is None else "resume"
        code = world.wait(world.go_on(), kill_after=chance.uniform(0, seconds))
        lost = ended - finished(world)
        if lost:
            wrong.append(f"finished work ran again: {sorted(lost)}")
        ended = finished(world)
        if code != -signal.SIGKILL:
            break
        kills[verb] += 1
    world.to_the_end()
    return [kills["run"], kills["resume"], wrong + verdict(world, expected, counted)]


def work(job: tuple[str, int, int, int]) -> list[list[Any]]:
    """One process's share of the kills."""
    home, number, wanted, seed = job
    chance = random.Random(f"{seed}/{number}")
    folder = Path(home) / str(number)
    base = unkilled(folder / "w")
    done: list[list[Any]] = []
    while sum(one[0] + one[1] for one in done) < wanted:
        try:
            done.append(killed(folder / "w", chance, base))
        except AssertionError as error:
            done.append([1, 0, [str(error)]])
        for line in done[-1][2]:
            print(f"WRONG execution {len(done)} of worker {number}: {line}", flush=True)
    return done


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--kills", type=int, default=200)
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--workers", type=int, default=3)
    given = asked.parse_args()
    preload()
    begun = time.monotonic()
    share = -(-given.kills // given.workers)
    with tempfile.TemporaryDirectory(prefix="smithers-kill-") as home:
        jobs = [(home, number, share, given.seed) for number in range(given.workers)]
        with multiprocessing.get_context("fork").Pool(given.workers) as pool:
            done = [one for part in pool.imap_unordered(work, jobs) for one in part]
    running, resuming = sum(one[0] for one in done), sum(one[1] for one in done)
    wrong = sum(bool(one[2]) for one in done)
    print(f"{running + resuming} kills in {len(done)} executions: {running} of run, {resuming} of resume")
    print(f"{wrong} executions wrong, {time.monotonic() - begun:.0f} s, seed {given.seed}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
