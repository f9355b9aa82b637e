"""The libraries side by side in one interleaved run: `python benchmarks/reactive/run.py [suite ...]`.

Needs `uv sync --group bench`, and for alien-signals `npm install` in this folder (without node it is left out).

Every library is a process that lives through the run. For each suite all of them first count and check, then are timed
in turn, round after round, so that a busy moment of the machine meets all alike; the fastest step of all rounds counts,
in CPU time. A library whose first step takes longer than LIMIT is stopped and noted, never left out in silence.
"""

from __future__ import annotations

import json
import math
import selectors
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from more_suites import GRAPHS, SUITES

HERE = Path(__file__).parent
PYTHON = {
    "ours": "ours",
    "reaktiv": "with_reaktiv",
    "observ": "with_observ",
    "psygnal": "with_psygnal",
    "param": "with_param",
}
OUTER = "alien"
ROUNDS = 5
BUDGET = 0.1  # CPU seconds for a library in a round
LIMIT = 10  # seconds of waiting for an answer
RIGHT = 1e-9  # relative: sums of floats may be added in another order


class Library:
    """A worker process, started anew after it had to be stopped."""

    def __init__(self, name: str) -> None:
        self.name = name
        if name == OUTER:
            self.command = ["node", "--expose-gc", "alien.mjs"]
        else:
            self.command = [sys.executable, "worker.py", PYTHON[name]]
        self.process: subprocess.Popen[str] | None = None

    def ask(self, limit: float = LIMIT, **order: Any) -> dict[str, Any]:
        """The answer, or an `error`: the worker's own, or that there was none in time."""
        if self.process is None:
            self.process = subprocess.Popen(
                self.command,
                cwd=HERE,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
            )
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(order) + "\n")
        self.process.stdin.flush()
        with selectors.DefaultSelector() as ready:
            ready.register(self.process.stdout, selectors.EVENT_READ)
            line = self.process.stdout.readline() if ready.select(limit) else None
        if line:
            return json.loads(line)
        self.stop()
        return {"error": f"not done in {limit} s" if line is None else "crashed"}

    def stop(self) -> None:
        """End the process."""
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
            self.process = None


def measure(suite: str, libraries: list[Library]) -> dict[str, dict[str, Any]]:
    """For each library what `count` answered, with `best` seconds for a step; or an `error`."""
    results = {library.name: library.ask(do="count", suite=suite) for library in libraries}
    running = [library for library in libraries if "error" not in results[library.name]]
    for library in list(running):
        built = library.ask(do="build", suite=suite)
        if "error" in built:
            results[library.name] = built
            running.remove(library)
    for round_ in range(ROUNDS):
        for library in running:
            result = results[library.name]
            if round_ and result["seconds"] > 2:
                continue  # once is enough
            answer = library.ask(do="time", budget=BUDGET)
            result["best"] = min(result.get("best", math.inf), answer.get("seconds", math.inf))
    return results


def verdict(result: dict[str, Any], check: float) -> str:
    """Whether the step's checksum is the one most agree on."""
    return "" if math.isclose(result["check"], check, rel_tol=RIGHT) else " WRONG"


def row_of(suite: str, results: dict[str, dict[str, Any]]) -> list[str]:
    """A line of the table of times: µs of ours, the others' as a multiple of it."""
    ours = results["ours"]
    cells = [suite, f"{ours['best'] * 1e6:,.1f}"]
    check = results.get(OUTER, ours).get("check", ours["check"])
    for name, result in results.items():
        if name == "ours":
            cells[1] += verdict(result, check)
        elif "error" in result:
            cells.append(f"({result['error']})")
        else:
            ratio = result["best"] / ours["best"]
            cells.append((f"{ratio:,.0f}x" if ratio >= 100 else f"{ratio:.3g}x") + verdict(result, check))
    return cells


def counts_of(suite: str, results: dict[str, dict[str, Any]]) -> list[str]:
    """A line of the table of counts: computeds run + effects run in one step."""
    return [suite] + [
        "-" if "error" in result else f"{result['computeds']:,} + {result['effects']:,}" for result in results.values()
    ]


def table(head: list[str], rows: list[list[str]]) -> None:
    """Print it as Markdown."""
    for cells in [head, ["---"] + ["---:"] * (len(head) - 1), *rows]:
        print("| " + " | ".join(cells) + " |")
    print(flush=True)


def summary(measured: dict[str, dict[str, dict[str, Any]]]) -> None:
    """Geometric means over kairo, cellx and dynamic, and whether the counts are minimal."""
    graphs = {suite: results for suite, results in measured.items() if suite in GRAPHS}
    for name in [*PYTHON, OUTER]:
        logs = [
            math.log(results[name]["best"] / results["ours"]["best"])
            for results in graphs.values()
            if "best" in results.get(name, ())
        ]
        if logs and name != "ours":
            mean = math.exp(sum(logs) / len(logs))
            said = f"{mean:.3g}x as long as ours" if mean > 1 else f"ours takes {1 / mean:.3g}x as long"
            print(f"- {name}: {said}, geometric mean over {len(logs)} of {len(graphs)} suites")
    more = [
        suite
        for suite, results in measured.items()
        if "best" in results.get(OUTER, ())
        and any(results["ours"][what] != results[OUTER][what] for what in ("computeds", "effects"))
    ]
    print(f"- recomputations differ from alien-signals' in: {', '.join(more) or 'none'}")
    if "lattice 4" in measured and "lattice 14" in measured:
        ratio = measured["lattice 14"]["ours"]["best"] / measured["lattice 4"]["ours"]["best"]
        print(f"- a lattice of depth 14 costs {ratio:.2f}x one of depth 4")
    print()


def weigh(libraries: list[Library]) -> None:
    """Bytes for each thing, as each interpreter counts them."""
    kinds = ("signal", "computed", "effect", "edge")
    rows = []
    for library in libraries:
        answer = library.ask(limit=20 * LIMIT, do="memory")
        nothing = f"({answer['error']})" if "error" in answer else "-"
        cells = [f"{answer[kind]:,.0f}" if answer.get(kind) is not None else nothing for kind in kinds]
        rows.append([library.name, *cells])
    table(["bytes for each", *kinds], rows)


def main() -> None:
    """Run all suites, or those named; print tables."""
    names = [name for name in sys.argv[1:] if name in SUITES] or list(SUITES)
    libraries = [Library(name) for name in PYTHON]
    if shutil.which("node") and (HERE / "node_modules/alien-signals").exists():
        libraries.append(Library(OUTER))
    head = [library.name for library in libraries]
    measured: dict[str, dict[str, dict[str, Any]]] = {}
    try:
        for name in names:
            measured[name] = measure(name, libraries)
            print(" | ".join(row_of(name, measured[name])), file=sys.stderr, flush=True)
        table(["one step", "ours, µs", *head[1:]], [row_of(name, results) for name, results in measured.items()])
        table(["computeds + effects run", *head], [counts_of(name, results) for name, results in measured.items()])
        summary(measured)
        if len(names) == len(SUITES):
            weigh(libraries)
    finally:
        for library in libraries:
            library.stop()


if __name__ == "__main__":
    main()
