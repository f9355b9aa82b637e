"""SIGKILL at every named crash point and occurrence: the end is the same as without a kill.

    python benchmarks/proofs/crash_points.py [--sample N --seed S] [--workers 3] [--only TEXT ...] [--twice]

One plan (tests/smithers/recovery/plan_under_test.py) in four processes: `run` until it waits for a person, `set` of a
key, `approve`, `resume` to the end. They are run once without a kill, and the points that they pass are counted. Then,
for each point and occurrence, that process is killed there, and resumed until it completes. Compared are the state, the
nodes with how they ended, the count of every handler's effect (each one counts in the state), how often each key
changed, what became of the command, how often task bodies ran, and what `smithers doctor ID` says.

With `--twice` the process that goes on after the kill is killed too, at one of its first points, before it may end.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "smithers" / "recovery"))

from killing import QUESTION, World, bodies, finished, outcome, preload, verdict

STEPS = ("run", "set", "approve", "resume")
EARLY = ("take", "recover", "commands.taken", "frame.commit", "frame.flush", "claim", "finished", "process", "handler")
"""What a process passes that goes on with a killed run; some of it only now and then."""
TOLD = ("set", "told", "5")


@dataclass(frozen=True, slots=True)
class Point:
    """The n-th passing of a point in one of the four processes."""

    step: str
    name: str
    nth: int

    def __str__(self) -> str:
        return f"{self.step}: {self.name}:{self.nth}"


@dataclass(frozen=True, slots=True)
class Unkilled:
    """What the four processes came to by themselves. `snapshots`: the folder as each of them found it."""

    points: list[Point]
    outcome: dict[str, Any]
    bodies: Counter[str]
    snapshots: dict[str, Path]


def begin(world: World, step: str, crash_at: str = "", log: Path | None = None) -> int:
    if step == "run":
        return world.run("--no-wait", crash_at=crash_at, log=log)
    if step == "set":
        return world.start(*TOLD, crash_at=crash_at, log=log)
    if step == "approve":
        return world.start("approve", QUESTION, crash_at=crash_at, log=log)
    return world.go_on(crash_at=crash_at, log=log)


def unkilled(home: Path) -> Unkilled:
    """Run it without a kill, and list the points."""
    world = World(home / "w")
    points: list[Point] = []
    snapshots: dict[str, Path] = {}
    for step, expected in zip(STEPS, (3, 0, 0, 0), strict=True):
        snapshots[step] = home / f"before-{step}"
        shutil.copytree(world.folder, snapshots[step])
        log = home / f"{step}.log"
        code = world.wait(begin(world, step, log=log), answers=False)
        if code != expected:
            raise SystemExit(f"{step} ended with {code}:\n{world.told()}")
        counts = Counter(log.read_text().split())
        points += [Point(step, name, nth + 1) for name, count in counts.items() for nth in range(count)]
    return Unkilled(points, outcome(world), bodies(world), snapshots)


def killed(home: Path, base: Unkilled, point: Point, chance: random.Random | None) -> tuple[bool, list[str]]:
    """Kill it there (with `chance` another time soon after) and let it go on: whether it got there, what is wrong."""
    # The same path in every run: a stored execution knows its workspace.
    folder = home / "w"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(base.snapshots[point.step], folder)
    world = World(folder)
    code = world.wait(begin(world, point.step, crash_at=f"{point.name}:{point.nth}"), answers=False)
    ended = finished(world)
    died = code == -signal.SIGKILL
    if world.root() is None:
        world.wait(begin(world, "run"), answers=False)
    if not world.commands():
        # What was not acknowledged is typed again.
        world.smithers(*TOLD)
    if chance is not None:
        again = f"{chance.choice(EARLY)}.{chance.choice(('before', 'inside', 'after'))}:{chance.randint(1, 2)}"
        world.wait(world.go_on(crash_at=again))
        ended |= finished(world)
    world.to_the_end()
    wrong = verdict(world, base.outcome, base.bodies)
    lost = ended - finished(world)
    if lost:
        wrong.append(f"finished work ran again: {sorted(lost)}")
    return died, wrong


def work(job: tuple[str, int, random.Random | None, list[Point]]) -> list[tuple[Point, bool, list[str]]]:
    """One process's share of the points, in a folder of its own, with an unkilled run of its own to compare with."""
    home_text, number, chance, points = job
    home = Path(home_text) / str(number)
    home.mkdir()
    base = unkilled(home)
    done: list[tuple[Point, bool, list[str]]] = []
    for point in points:
        try:
            died, wrong = killed(home, base, point, chance)
        except AssertionError as error:
            died, wrong = True, [str(error)]
        done.append((point, died, wrong))
        for line in wrong:
            print(f"WRONG {point}: {line}", flush=True)
    return done


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--sample", type=int, default=0, help="only so many, chosen by the seed (else all)")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--workers", type=int, default=3)
    asked.add_argument("--only", nargs="+", default=[""], help="only points whose text has one of these")
    asked.add_argument("--twice", action="store_true", help="kill the one that goes on too")
    given = asked.parse_args()
    preload()
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="smithers-crash-") as folder:
        home = Path(folder)
        (home / "first").mkdir()
        points = [point for point in unkilled(home / "first").points if any(text in str(point) for text in given.only)]
        total, names = len(points), len({point.name for point in points})
        if given.sample:
            points = random.Random(given.seed).sample(points, min(given.sample, total))
        print(f"{total} points: {names} names, each at every passing; {len(points)} of them are tried", flush=True)
        jobs = [
            (
                folder,
                number,
                random.Random(f"{given.seed}/{number}") if given.twice else None,
                points[number :: given.workers],
            )
            for number in range(given.workers)
        ]
        with multiprocessing.get_context("fork").Pool(given.workers) as pool:
            done = [one for share in pool.imap_unordered(work, jobs) for one in share]
    wrong = [point for point, _, lines in done if lines]
    died = sum(kill for _, kill, _ in done)
    by_name = Counter(point.name for point, kill, _ in done if kill)
    for name, count in sorted(by_name.items()):
        print(f"  {name:<28} {count:>4} kills")
    seconds = time.monotonic() - begun
    print(f"{died} kills ({len(done) - died} points not reached that time), {len(wrong)} wrong, {seconds:.0f} s")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
