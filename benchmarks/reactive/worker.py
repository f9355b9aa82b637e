"""One library in a process of its own, told by JSON lines on stdin what to run; answers by lines on stdout.

Times are CPU seconds of this process. `alien.mjs` speaks the same lines on node.
"""

from __future__ import annotations

import gc
import importlib
import json
import sys
import time
import tracemalloc
from typing import Any

from more_suites import SUITES


class Counted:
    """A library whose computeds and effects are counted as they run."""

    def __init__(self, library) -> None:
        self.library = library
        self.signal, self.batch = library.signal, library.batch
        self.computeds = self.effects = 0

    def computed(self, fn, deps):
        def counted():
            self.computeds += 1
            return fn()

        return self.library.computed(counted, deps)

    def effect(self, fn, deps):
        def counted():
            self.effects += 1
            return fn()

        return self.library.effect(counted, deps)


def count(library, suite: str) -> dict[str, Any]:
    """What the second step returns and runs, and how long it takes."""
    api = Counted(library)
    step = SUITES[suite](api)
    step()
    api.computeds = api.effects = 0
    began = time.process_time()
    check = step()
    seconds = time.process_time() - began
    return {"check": check, "computeds": api.computeds, "effects": api.effects, "seconds": seconds}


def fastest(step, budget: float) -> float:
    """CPU seconds of the fastest of the steps that fit into `budget`; at least one."""
    best, spent = float("inf"), 0.0
    while spent < budget:
        began = time.process_time()
        step()
        took = time.process_time() - began
        best = min(best, took)
        spent += took
    return best


def looking_at(read):
    """A function that only reads."""

    def look() -> None:
        read()

    return look


def memory(library) -> dict[str, float | None]:
    """Bytes for each of 5,000: a signal; a computed that was read; an effect; an edge beyond the first.

    The functions that computeds and effects are given weigh the same everywhere and are made before.
    """
    number = 5000
    reads = [library.signal(0)[0] for _ in range(number)]
    wide = [lambda k=k: [read() for read in reads[k : k + 11]] for k in range(500)]
    narrow = [lambda k=k: [read() for read in reads[k : k + 1]] for k in range(500)]
    singles = [looking_at(read) for read in reads]

    def weigh(make) -> float | None:
        try:
            make(0)  # what is made once only
        except Exception as error:
            return None if type(error).__name__ == "CannotError" else float("nan")
        gc.collect()
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        held = [make(k) for k in range(1, number)]
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        return (after - before) / len(held) - 8  # `held` itself

    def pulled(fn, deps):
        read = library.computed(fn, deps)
        read()
        return read

    def observed(fns, size):
        def make(k):
            k %= 500
            read = library.computed(fns[k], reads[k : k + size])
            return read, library.effect(looking_at(read), [read])

        return make

    results = {"signal": weigh(lambda k: library.signal(k))}
    results["computed"] = weigh(lambda k: pulled(singles[k], [reads[k]]))
    results["effect"] = weigh(lambda k: library.effect(singles[k], [reads[k]]))
    one, eleven = weigh(observed(narrow, 1)), weigh(observed(wide, 11))
    results["edge"] = None if one is None or eleven is None else (eleven - one) / 10
    return results


def main() -> None:
    """Obey until the input ends."""
    module = importlib.import_module(f"adapters.{sys.argv[1]}")
    sys.setrecursionlimit(20_000)  # for those that descend through their users' functions
    step = None
    for line in sys.stdin:
        order = json.loads(line)
        try:
            if order["do"] != "time":
                library = step = None  # what the last suite built is gone
                gc.collect()
                library = module.Library()
            if order["do"] == "count":
                answer = count(library, order["suite"])
            elif order["do"] == "build":
                step = SUITES[order["suite"]](library)
                step()
                answer = {}
            elif order["do"] == "time":
                answer = {"seconds": fastest(step, order["budget"])}
            else:
                answer = memory(library)
        except Exception as error:
            kind = type(error).__name__
            answer = {"error": str(error) if kind == "CannotError" else f"{kind}: {error}"[:80]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
