"""The protocols of ownership, tasks and commands hold under every fault a seed can deal; the wrong ones do not."""

from __future__ import annotations

from pathlib import Path

import pytest
from sim_bugs import PLANTED
from sim_run import database, run_seed
from sim_world import Broken

SEEDS = 250
MOST_FOR_A_BUG = 400


@pytest.mark.requirement("T-2", "T-4", "H-3")
def test_seeds_are_clean(tmp_path: Path) -> None:
    seen: dict[str, int] = {}
    with database(tmp_path / "sim.sqlite") as conn:
        for seed in range(SEEDS):
            for what, count in run_seed(conn, seed).counts.items():
                seen[what] = seen.get(what, 0) + count
    # It is a test of something only if these happened.
    for what in ("killed before", "killed after", "paused", "clock jumped", "lost lease", "orphans"):
        assert seen.get(what, 0) >= 10, (what, seen)


def test_a_seed_plays_the_same_again(tmp_path: Path) -> None:
    played: list[tuple[int, float, dict[str, int]]] = []
    for name in ("one", "two"):
        with database(tmp_path / f"{name}.sqlite") as conn:
            world = run_seed(conn, 7)
            played.append((world.steps, world.now, world.counts))
    assert played[0] == played[1]


@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, tmp_path: Path) -> None:
    def hunt() -> None:
        for seed in range(MOST_FOR_A_BUG):
            run_seed(conn, seed, PLANTED[bug]())

    with database(tmp_path / "sim.sqlite") as conn, pytest.raises(Broken):
        hunt()
