"""What an execution, or one agent in it, may use, and what it has used (G-6)."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from smithers_py.clock import Clock
from smithers_py.config import Budget
from smithers_py.errors import BudgetExceeded

_UNITS = {
    "cost": ("${:,.4f}", ""),
    "tokens": ("{:,}", " tokens"),
    "tool_calls": ("{:,}", " tool calls"),
    "agents": ("{:,}", " agents"),
    "seconds": ("{:,.1f}", " s"),
}


@dataclass(slots=True)
class Spent:
    """What was used: US dollars, tokens in and out, tool calls, agents that were started, seconds of wall clock."""

    cost: float = 0.0
    tokens: int = 0
    tool_calls: int = 0
    agents: int = 0
    seconds: float = 0.0


class Meter:
    """Counts against a budget and says no before it is overdrawn.

    What runs at the same time is not known before its answer: ten agents may each be one request over. `whole` is the
    execution's meter, which has time and agents to count as well; `name` is who it belongs to, for messages.
    """

    def __init__(
        self,
        limits: Budget,
        *,
        name: str = "the execution",
        whole: bool = True,
        clock: Clock | None = None,
        spent: Spent | None = None,
    ) -> None:
        self.limits = limits
        self.unpriced: set[str] = set()
        """Models without a known price that were asked: what they cost is not counted."""
        self.exceeded: BudgetExceeded | None = None
        """The last error that was raised."""
        self._name = name
        self._whole = whole
        self._clock = clock
        self._spent = spent or Spent()
        self._before = self._spent.seconds
        self._began = clock.monotonic_ms() if clock is not None else 0

    @property
    def spent(self) -> Spent:
        """What was used until now; the time only by a meter with a clock."""
        if self._clock is not None:
            self._spent.seconds = self._before + (self._clock.monotonic_ms() - self._began) / 1000
        return self._spent

    def add(self, tokens: int, cost: float | None, tool_calls: int = 0, *, model: str = "") -> None:
        """Count an answer. `cost` is None when the model's price is not known."""
        self._spent.tokens += tokens
        self._spent.tool_calls += tool_calls
        if cost is None:
            self.unpriced.add(model)
        else:
            self._spent.cost += cost

    def at_least(self, known: Spent) -> None:
        """So much was spent by other records; the time is this meter's own."""
        spent = self._spent
        spent.cost, spent.tokens = max(spent.cost, known.cost), max(spent.tokens, known.tokens)
        spent.tool_calls, spent.agents = max(spent.tool_calls, known.tool_calls), max(spent.agents, known.agents)

    def before_request(self) -> None:
        """Raise BudgetExceeded when nothing is left to ask a model with."""
        for what in ("cost", "tokens", "seconds"):
            self._check(what)

    def before_tools(self, count: int) -> None:
        """Raise BudgetExceeded when so many tool calls are not left, before any of them runs."""
        self._check("tool_calls", count)

    def start_agent(self) -> None:
        """Count an agent that is about to start. Raises BudgetExceeded instead when there were enough."""
        self._check("agents", 1)
        self.before_request()
        self._spent.agents += 1

    def overdrawn(self, what: str, more: float = 0) -> BudgetExceeded | None:
        """The error for this limit, None while it holds."""
        allowed = getattr(self.limits, f"max_{what}")
        used = getattr(self.spent, what)
        if allowed is None or (used + more <= allowed if more else used < allowed):
            return None
        number, unit = _UNITS[what]
        wanted = f", and {number.format(more)} more were asked for" if more > 1 else ""
        return BudgetExceeded(
            f"max_{what}",
            used,
            allowed,
            whole=self._whole,
            message=f"the budget of {self._name} is spent: {number.format(used)} of {number.format(allowed)}{unit}"
            f" (max_{what}){wanted}; used so far: {self.summary()}",
            hint=self._hint(what),
        )

    def summary(self) -> str:
        """All numbers in one line."""
        spent = self.spent
        used = {what: getattr(spent, what) for what in _UNITS}
        parts = [_UNITS[what][0].format(value) + _UNITS[what][1] for what, value in used.items() if value]
        return ", ".join(parts) or "nothing"

    @property
    def mark(self) -> tuple[float, ...]:
        """Equal to another one when `as_state` gives the same."""
        spent = self._spent
        seconds = int(self.spent.seconds) if self.limits.max_seconds is not None else 0
        return spent.cost, spent.tokens, spent.tool_calls, spent.agents, seconds

    def as_state(self) -> dict[str, Any] | None:
        """The value of the `$budget` key: what was spent, and the limits that are set. None when neither is anything.

        Seconds are whole, and there only where they are limited: else each flush of any plan would change the state.
        """
        limits = self.limits.model_dump(exclude_none=True)
        used = {what: value for what, value in asdict(self.spent).items() if value and what != "seconds"}
        if "cost" in used:
            used["cost"] = round(used["cost"], 9)
        if self.limits.max_seconds is not None:
            used["seconds"] = int(self.spent.seconds)
        return {"spent": used, "limits": limits} if used or limits else None

    def _check(self, what: str, more: float = 0) -> None:
        error = self.overdrawn(what, more)
        if error is not None:
            self.exceeded = error
            raise error

    def _hint(self, what: str) -> str:
        option = f"--max-{what.replace('_', '-')}"
        if self._whole:
            return f"The state is kept; go on with more: smithers resume {option} ..."
        return f"Raise max_{what}= of the node, or let it do less."


def spent_of(stored: Mapping[str, Any] | None) -> Spent:
    """What a `$budget` value says was spent, to go on counting after a resume."""
    return Spent(**stored["spent"]) if stored else Spent()
