"""A million changes leave the graph as they found it: object counts before and after.

    python benchmarks/proofs/reactive_leaks.py [--times 1000000]

Over ten long-lived signals and ten computeds of them, `times` writes are made; and as often a part is mounted and
unmounted: a scope with a computed of its own, an effect that it owns and one that disposes of itself while it runs.
Counted are all objects that the garbage collector knows and the memory blocks in use, after a collection. It exits
with 1 if more than SLACK objects are left, or if anything is still subscribed.
"""

from __future__ import annotations

import argparse
import gc
import sys
import time

from smithers_reactive import Computed, Effect, Runtime, Scope, Signal
from smithers_reactive.invariants import check_invariants

SLACK = 100


class World:
    """The long-lived part."""

    def __init__(self, rt: Runtime) -> None:
        self.rt = rt
        self.signals = [Signal(0, name=f"signal {i}") for i in range(10)]
        self.shared = [Computed(lambda i=i: self.total(i), name=f"shared {i}") for i in range(10)]

    def total(self, i: int) -> int:
        """The sum of three neighbours."""
        return sum(self.signals[(i + k) % 10].get() for k in range(3))

    def change(self, n: int) -> None:
        """One write."""
        self.signals[n % 10].set(n)

    def mount_and_unmount(self, n: int) -> None:
        """A part of a plan comes, sees a change, and goes."""
        scope = Scope(self.rt, name=n)
        own = Computed(lambda: self.shared[n % 10].get() + self.shared[(n + 5) % 10].get())
        _, log = scope.run(own.get)
        scope.commit(log)
        Effect(own.get, owner=scope)
        once: list[Effect] = []
        once.append(Effect(lambda: self.shared[n % 10].get() and once and once[0].dispose(), owner=scope))
        self.change(n)
        scope.dispose()
        if n % 100 == 0:
            self.rt.take_dirty()

    def observed(self) -> int:
        """How many of the long-lived nodes have subscribers."""
        return sum(node.observed for node in [*self.signals, *self.shared])


def counts() -> tuple[int, int]:
    """Objects that the collector knows, and memory blocks in use."""
    gc.collect()
    return len(gc.get_objects()), sys.getallocatedblocks()


def main() -> int:
    """Print one line for each kind of change; the exit code says whether all is clean."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1_000_000)
    times = parser.parse_args().times
    rt = Runtime()
    clean = True
    with rt.activate():
        world = World(rt)
        watcher = Effect(lambda: [computed.get() for computed in world.shared])
        print(f"{'':24} {'times':>9} {'objects':>17} {'blocks':>17} {'CPU s':>7}")
        for name, act in (("sets, observed", world.change), ("mounts and unmounts", world.mount_and_unmount)):
            for n in range(1000):
                act(n)
            rt.take_dirty()
            before, began = counts(), time.process_time()
            for n in range(times):
                act(n)
            rt.take_dirty()
            took, after = time.process_time() - began, counts()
            told = [f"{a} -> {b}" for a, b in zip(before, after, strict=True)]
            print(f"{name:24} {times:9} {told[0]:>17} {told[1]:>17} {took:7.1f}")
            clean = clean and after[0] - before[0] <= SLACK
            if watcher.deps:
                watcher.dispose()  # the second kind goes over idle computeds
        check_invariants(rt, [*world.signals, *world.shared])
        clean = clean and not world.observed() and not rt.queue and not rt.dirty
    print("clean" if clean else "LEFT BEHIND")
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
