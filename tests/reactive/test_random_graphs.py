"""Random DAGs with dynamic dependencies against a naive oracle: values, minimality, invariants after every step."""

import random

import pytest
from hypothesis import given, settings
from reactive_model import Plan, World, naive, outcome, plans, seeded_plan, steps

from smithers_reactive import Computed, Effect, Runtime, Signal, headroom


def apply(world: World, step: tuple) -> None:
    kind = step[0]
    if kind == "write":
        index = step[1] % world.plan.signals
        world.values[index] = step[2]
        world.nodes[index].set(step[2])
    elif kind == "batch":
        with world.rt.batch():
            for inner in step[1]:
                apply(world, inner)
    elif kind == "read":
        index = step[1] % len(world.nodes)
        assert outcome(world.nodes[index].get) == world.expected(index)
    elif kind == "observe":
        world.observe(step[1])
    elif world.effects:
        effect, _, _ = world.effects.pop(step[1] % len(world.effects))
        effect.dispose()


def apply_and_check(world: World, step: tuple) -> None:
    """After any step all values are the oracle's, and nothing ran twice."""
    world.ran.clear()
    runs = [len(seen) for _, _, seen in world.effects]
    apply(world, step)
    if step[0] in ("write", "batch"):
        assert all(len(seen) <= n + 1 for (_, _, seen), n in zip(world.effects, runs, strict=True))
    assert len(world.ran) == len(set(world.ran)), f"ran more than once in one step: {world.ran}"
    world.check()


def write_and_check_minimality(world: World, step: tuple) -> None:
    """In a world where everything is observed (a value is computed in the step in which it changed): what ran had read
    something that really changed. The versions are kept outside the graph."""
    signals = world.plan.signals
    before = [world.expected(index) for index in range(len(world.nodes))]
    reads = {node: [world.nodes.index(dep) for dep in node.deps] for node in world.nodes}
    written = {move[1] % signals for move in (step[1] if step[0] == "batch" else [step])}
    runs = [len(seen) for _, _, seen in world.effects]
    world.ran.clear()
    apply(world, step)
    after = [outcome(lambda i=i: naive(world.plan, world.values, i)) for i in range(len(world.nodes))]
    # A failure counts as a change even if it fails alike, and so does a write that a later one of the batch undid.
    changed = {n for n in range(len(world.nodes)) if before[n] != after[n] or before[n] == "fault"} | written
    for ran in world.ran:
        read = reads[world.nodes[signals + ran]]
        assert any(n in changed for n in read), f"c{ran} ran although nothing it read had changed"
    for (_, index, seen), earlier in zip(world.effects, runs, strict=True):
        assert len(seen) == earlier or index in changed, "an effect ran although its input came out equal"
    world.check()


@pytest.mark.requirement("R-1", "R-2", "R-3")
@settings(max_examples=400, deadline=None)
@given(plans(), steps)
def test_every_value_is_the_oracles_and_nothing_runs_twice(plan: Plan, moves: list) -> None:
    world = World(plan, Runtime())
    world.check()
    for step in moves:
        apply_and_check(world, step)


@pytest.mark.requirement("R-2")
@settings(max_examples=200, deadline=None)
@given(plans(), steps)
def test_a_formula_runs_only_if_something_it_read_really_changed(plan: Plan, moves: list) -> None:
    world = World(plan, Runtime())
    for index in range(len(world.nodes)):
        world.observe(index)
    for step in moves:
        if step[0] in ("write", "batch"):
            write_and_check_minimality(world, step)


def random_step(chance: random.Random, *kinds: str) -> tuple:
    kind = chance.choice(kinds)
    if kind == "batch":
        return kind, [random_step(chance, "write") for _ in range(chance.randrange(4))]
    return kind, chance.randrange(16), chance.randrange(6)


@pytest.mark.requirement("R-1", "R-2", "R-3")
@pytest.mark.parametrize("hundred", range(0, 50, 5))
def test_five_thousand_graphs(hundred: int) -> None:
    """The two tests above in numbers: seeded, so that the same graphs are tried everywhere."""
    for seed in range(hundred * 100, hundred * 100 + 500):
        chance = random.Random(seed)
        world = World(seeded_plan(chance), Runtime())
        if seed % 2:
            for _ in range(12):
                apply_and_check(world, random_step(chance, "write", "write", "batch", "read", "observe", "dispose"))
        else:
            for index in range(len(world.nodes)):
                world.observe(index)
            for _ in range(5):
                write_and_check_minimality(world, random_step(chance, "write", "batch"))


@pytest.mark.requirement("R-2", "Z-24")
@pytest.mark.parametrize("levels", [1, 2, 3])
def test_the_same_without_recursion(levels: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The way down in lists, which deep graphs take, from the first levels on."""
    monkeypatch.setattr(headroom, "STEP_LEVELS", levels)
    test_five_thousand_graphs(levels)


def recompute_logs(rt: Runtime) -> None:
    """Order and extent of some recomputations, spelled out."""
    ran: list[str] = []

    def logged(name, fn):
        return Computed(lambda: (ran.append(name), fn())[1], name=name, runtime=rt)

    def after(change) -> list[str]:
        ran.clear()
        change()
        return list(ran)

    def both() -> None:
        with rt.batch():
            a.set(4)
            b.set(30)

    a, b = Signal(1, runtime=rt), Signal(10, runtime=rt)
    parity = logged("parity", lambda: [a.get() % 2])  # equal, never identical
    left = logged("left", lambda: parity.get()[0] + b.get())
    right = logged("right", lambda: parity.get()[0] * 100)
    total = lambda: ran.append(f"effect {left.get() + right.get()}")
    assert after(lambda: Effect(total, runtime=rt)) == ["left", "parity", "right", "effect 111"]
    assert after(lambda: a.set(3)) == ["parity"]  # cut off: the parity is the same
    assert after(lambda: b.set(20)) == ["left", "effect 121"]
    assert after(both) == ["left", "parity", "right", "effect 30"]  # left knows already that b changed: it runs at once
    assert after(lambda: a.set(5)) == ["parity", "left", "right", "effect 131"]
    assert after(lambda: right.get()) == []


@pytest.mark.requirement("R-2")
def test_the_log_of_what_ran(rt: Runtime) -> None:
    recompute_logs(rt)
