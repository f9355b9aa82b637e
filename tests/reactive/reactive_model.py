"""Random graphs, and an oracle that recomputes everything from scratch.

A graph is layers of computeds over signals; each computed is a small formula whose first read decides what else it
reads, so that dependencies come and go. The formulas are data: the oracle evaluates them naively, the graph under test
runs them as functions and logs what ran.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from hypothesis import strategies as st

from smithers_reactive import Computed, Effect, Node, Runtime, Signal
from smithers_reactive.invariants import check_invariants


class Fault(Exception):
    """Raised by formulas on purpose."""


@dataclass(frozen=True)
class Formula:
    """`first` picks, by its parity, `even` or `odd`, whose nodes are added up modulo `modulo`."""

    first: int
    even: tuple[int, ...]
    odd: tuple[int, ...]
    modulo: int
    fails_at: int | None = None  # the sum at which it raises


@dataclass(frozen=True)
class Plan:
    signals: int
    formulas: tuple[Formula, ...]
    observed: tuple[int, ...]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    signals = draw(st.integers(1, 4))
    formulas = []
    for i in range(draw(st.integers(1, 12))):
        below = st.integers(0, signals + i - 1)
        some = st.lists(below, max_size=4).map(tuple)
        formulas.append(
            Formula(
                draw(below), draw(some), draw(some), draw(st.sampled_from([2, 3, 100])),
                draw(st.one_of(st.none(), st.integers(0, 3))),
            )
        )  # fmt: skip
    count = signals + len(formulas)
    return Plan(signals, tuple(formulas), tuple(draw(st.lists(st.integers(0, count - 1), max_size=4))))


def seeded_plan(chance: random.Random) -> Plan:
    """Like `plans()`, without Hypothesis: ten times as fast, and the same everywhere."""
    formulas = tuple(
        Formula(
            chance.randrange(3 + i),
            tuple(chance.randrange(3 + i) for _ in range(chance.randrange(4))),
            tuple(chance.randrange(3 + i) for _ in range(chance.randrange(4))),
            chance.choice([2, 3, 100]),
            chance.choice([None, None, 0, 1, 2]),
        )
        for i in range(10)
    )
    return Plan(3, formulas, tuple(chance.randrange(13) for _ in range(3)))


write = st.tuples(st.just("write"), st.integers(0, 3), st.integers(0, 5))
steps = st.lists(
    st.one_of(
        write,
        st.tuples(st.just("batch"), st.lists(write, max_size=4)),
        st.tuples(st.just("read"), st.integers(0, 15)),
        st.tuples(st.just("observe"), st.integers(0, 15)),
        st.tuples(st.just("dispose"), st.integers(0, 5)),
    ),
    max_size=25,
)


@dataclass
class World:
    """The graph under test beside the oracle's plain list of signal values."""

    plan: Plan
    rt: Runtime
    values: list[int] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    ran: list[int] = field(default_factory=list)  # formulas, in the order they ran
    effects: list[tuple[Effect, int, list[int | str]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.values = [0] * self.plan.signals
        self.nodes = [Signal(0, name=f"s{i}", runtime=self.rt) for i in range(self.plan.signals)]
        for i, formula in enumerate(self.plan.formulas):
            self.nodes.append(Computed(lambda i=i, f=formula: self.run(i, f), name=f"c{i}", runtime=self.rt))
        for index in self.plan.observed:
            self.observe(index)

    def run(self, index: int, formula: Formula) -> int:
        self.ran.append(index)
        return evaluate(formula, lambda n: self.nodes[n].get())

    def observe(self, index: int) -> None:
        index %= len(self.nodes)
        seen: list[int | str] = []
        self.effects.append((Effect(lambda: seen.append(outcome(self.nodes[index].get)), runtime=self.rt), index, seen))

    def expected(self, index: int) -> int | str:
        return outcome(lambda: naive(self.plan, self.values, index))

    def check(self) -> None:
        check_invariants(self.rt, [*self.nodes, *(effect for effect, _, _ in self.effects)])
        for _, index, seen in self.effects:
            assert seen[-1] == self.expected(index)


def evaluate(formula: Formula, read) -> int:
    branch = formula.odd if read(formula.first) % 2 else formula.even
    total = sum([read(n) for n in branch]) % formula.modulo
    if total == formula.fails_at:
        raise Fault
    return total


def naive(plan: Plan, values: list[int], index: int) -> int:
    if index < plan.signals:
        return values[index]
    return evaluate(plan.formulas[index - plan.signals], lambda n: naive(plan, values, n))


def outcome(read) -> int | str:
    try:
        return read()
    except Fault:
        return "fault"
