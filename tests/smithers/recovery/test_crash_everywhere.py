"""Killed at any named point or at any time, an execution ends as if nobody had killed it (T-5, H-3, Z-0, Z-18).

Samples of benchmarks/proofs/crash_points.py and random_kills.py, whose full results lie beside them; and the proof that
nothing happens without a point to be killed at.
"""

import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
PROOFS = HERE.parents[2] / "benchmarks" / "proofs"
SECONDS = 300


def program(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(path), *arguments], capture_output=True, text=True, timeout=SECONDS, check=False
    )


@pytest.mark.requirement("T-3", "T-5", "H-3", "Z-0", "Z-7", "Z-11", "Z-18", "N-3", "N-10")
def test_killed_at_a_sample_of_the_points() -> None:
    done = program(PROOFS / "crash_points.py", "--sample", "12", "--seed", "6", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ", 0 wrong" in done.stdout


@pytest.mark.requirement("T-4", "T-5", "H-3", "O-2")
def test_killed_at_random_times() -> None:
    done = program(PROOFS / "random_kills.py", "--kills", "4", "--seed", "6", "--workers", "2")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 executions wrong" in done.stdout


@pytest.mark.requirement("H-3", "Z-0", "Z-10")
def test_nothing_happens_without_a_point(tmp_path: Path) -> None:
    done = program(HERE / "traced.py", str(tmp_path / "w"))
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("blinded", "found"),
    [
        ("smithers_persistence.database", "a COMMIT without a point"),
        ("smithers_py.engine.tasks", "began without task.start"),
        ("smithers_py.engine.effects", "was called without a point"),
        ("smithers_py.workers.process", "processes, but 1 child.spawned"),
    ],
)
def test_what_passes_no_point_is_found(blinded: str, found: str, tmp_path: Path) -> None:
    done = program(HERE / "traced.py", str(tmp_path / "w"), blinded)
    assert done.returncode == 1, done.stdout + done.stderr
    assert found in done.stdout
