"""Is the net tight? Three classic bugs, planted one at a time; the oracle or the checker must find each (R-2, R-5)."""

import inspect
import random
import textwrap

import pytest
from reactive_model import World, seeded_plan
from test_random_graphs import apply, recompute_logs

from smithers_reactive import Runtime, graph
from smithers_reactive.graph import Node
from smithers_reactive.invariants import InvariantError

ANY = (AssertionError, ValueError)  # ValueError: an edge to be removed was never there


def seeds_that_notice(seeds: int = 40, by: type[Exception] | tuple[type[Exception], ...] = ANY) -> list[int]:
    noticed = []
    for seed in range(seeds):
        chance = random.Random(seed)
        try:
            world = World(seeded_plan(chance), Runtime())
            world.check()
            for _ in range(30):
                kind = chance.choice(["write", "write", "read", "observe", "dispose"])
                apply(world, (kind, chance.randrange(13), chance.randrange(6)))
                world.check()
        except by:
            noticed.append(seed)
    return noticed


def test_control_the_graph_as_it_is_passes() -> None:
    assert seeds_that_notice(200) == []


def test_a_missed_edge_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    rewire = Node.rewire

    def forgetful(self: Node, log: list[Node]) -> None:
        rewire(self, log[:-1] if len(log) > 2 else log)

    monkeypatch.setattr(Node, "rewire", forgetful)
    assert seeds_that_notice()


def test_a_wrong_cut_off_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted in the text of `pull`: a value that grew by one counts as the same."""
    source = textwrap.dedent(inspect.getsource(Node.pull))
    assert source.count("same = value == old") == 1
    planted: dict = {}
    exec(source.replace("same = value == old", "same = value in (old, old + 1)"), vars(graph), planted)
    monkeypatch.setattr(Node, "pull", planted["pull"])
    assert seeds_that_notice()


def test_a_missing_cut_off_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Too many runs, no wrong value: only the log of what ran shows it."""
    monkeypatch.setattr(Node, "is_same", lambda self, old, new: False)
    runtime = Runtime()
    with runtime.activate(), pytest.raises(AssertionError):
        recompute_logs(runtime)


def test_a_leaked_subscription_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    remove = Node.remove_sub
    calls = []

    def leaky(self: Node, sub: Node) -> bool:
        calls.append(1)
        return len(calls) % 3 != 0 and remove(self, sub)

    monkeypatch.setattr(Node, "remove_sub", leaky)
    assert seeds_that_notice(by=InvariantError)
