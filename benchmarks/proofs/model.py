"""Random plans, finish orders, kills and commands: the engine against a simple model of its semantics.

    python benchmarks/proofs/model.py [--cases 2000] [--first 0]
    python benchmarks/proofs/model.py --seed N          replays one case, and tells each move

The model, the generator and the harness are those of the tests (tests/smithers/model). It exits with 1 if model and
engine disagree in any case.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "smithers" / "model"))

from model_case import play_seed


def main() -> int:
    """Print what was played; the exit code says whether all is as it must be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int)
    asked = parser.parse_args()
    if asked.seed is not None:
        play_seed(asked.seed, print)
        return 0
    counts: Counter[str] = Counter()
    wrong: list[int] = []
    began = time.process_time()
    for seed in range(asked.first, asked.first + asked.cases):
        try:
            counts.update(play_seed(seed))
        except Exception:
            wrong.append(seed)
            last = traceback.format_exc().strip().splitlines()[-8:]
            print(f"seed {seed}:", *last, sep="\n  ", flush=True)
    took = time.process_time() - began
    print(f"{asked.cases:,} cases, {len(wrong)} disagree{': ' if wrong else ''}{', '.join(map(str, wrong[:20]))}")
    print(f"{took:.0f} s CPU, {asked.cases / took:.1f} cases/s")
    print(", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
