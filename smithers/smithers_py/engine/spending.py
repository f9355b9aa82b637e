"""What an execution spends on models: its budget, the windows it shares, and the calls of each agent (E-2, G-6)."""

import asyncio

from smithers_persistence import Database
from smithers_persistence.spending import close_window, read_window, spent_by_agents
from smithers_py.agents.budget import Meter, Spent, spent_of
from smithers_py.agents.coordinator import REQUEST_RETRIES, CallRules, shared_coordinator
from smithers_py.clock import Clock
from smithers_py.config import Budget
from smithers_py.engine.instance import Instance
from smithers_py.engine.run import Ending, Run
from smithers_py.engine.triggers import Trigger
from smithers_py.errors import BudgetExceeded
from smithers_py.state.budget import BUDGET_KEY
from smithers_py.state.codec import encode


class Windows:
    """The backoff windows of models as this database keeps them."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def read(self, key: str) -> int | None:
        """Until when it is closed, ms of the wall clock."""
        return await self._db.read(lambda conn: read_window(conn, key))

    async def close(self, key: str, until_ms: int, reason: str) -> int:
        """Close it at least until then."""
        now = self._clock.now_ms()
        return await self._db.write(lambda conn: close_window(conn, key, until_ms, reason, now), what=("window",))


class Spending:
    """See the module. A child execution counts on its parent's meter (Z-11)."""

    def __init__(self, run: Run, shared: Meter | None = None) -> None:
        self._run = run
        self.meter = shared or Meter(
            run.options.config.budget, clock=run.clock, spent=spent_of(run.state.get(BUDGET_KEY))
        )
        self._windows = Windows(run.store.db, run.clock)
        self._own: dict[tuple[str, int], Meter] = {}
        """Budgets of single nodes, over all their attempts."""
        self._begun: set[tuple[str, int]] = set()
        """Agents that are counted: a retry, or going on after a resume, is the same one."""
        self._is_shared = shared is not None
        self._timer: asyncio.TimerHandle | None = None
        self._warned: set[str] = set()
        self._mark: tuple[float, ...] | None = None
        self._written: dict[str, str] | None = None

    async def start(self) -> None:
        """Count on from what was spent before; from now on the wall clock counts, also while nothing asks a model."""
        run = self._run
        if run.next_frame > 0 and not self._is_shared:
            # Killed between two flushes: the agents' own records know more than `$budget`.
            known = await run.store.db.read(lambda conn: spent_by_agents(conn, run.execution_id))
            self._begun |= known.begun
            spent = Spent(known.cost_usd, known.tokens, known.tool_calls, len(known.begun))
            self.meter.at_least(spent)
        self._arm()

    def _arm(self) -> None:
        allowed = self.meter.limits.max_seconds
        if allowed is not None and not self._is_shared:
            left = max(0.0, allowed - self.meter.spent.seconds)
            self._timer = asyncio.get_running_loop().call_later(left, self._late)

    def close(self) -> None:
        """Stop counting."""
        if self._timer is not None:
            self._timer.cancel()

    def over(self, error: BudgetExceeded) -> None:
        """The execution's budget is spent: it stops with the numbers (exit 4); resuming it with more goes on."""
        run = self._run
        if run.ending is None:
            run.failures[""] = error.locate(execution_id=run.execution_id)
            run.observer.log("error", error.render())
            run.ending = Ending("stopped", 4, stop_reason="budget", status_reason=error.message)
        run.post(Trigger("stop", "budget"))

    def texts(self) -> dict[str, str]:
        """What a flush writes of it: the `$budget` key, when it changed."""
        mark = self.meter.mark
        if mark == self._mark:
            return {}  # nearly every flush: no agent has spent anything since the last one
        self._mark = mark
        self._warn()
        texts = budget_text(self.meter)
        if texts == self._written:
            return {}
        self._written = texts
        return texts

    def calls(self, inst: Instance) -> CallRules:
        """How the agent of a node, about to begin an attempt, may ask its model.

        Raises:
            BudgetExceeded: nothing is left for another agent.
        """
        if inst.key not in self._begun:
            self.meter.start_agent()
            self._begun.add(inst.key)
        allowed = inst.desc.retries
        return CallRules(
            coordinator=shared_coordinator(self._run.limits.max_model_calls),
            windows=self._windows,
            meters=self._meters(inst),
            retries=REQUEST_RETRIES if allowed is None else min(allowed, REQUEST_RETRIES),
        )

    def _meters(self, inst: Instance) -> tuple[Meter, ...]:
        """Whom an agent's requests are counted for: the execution, and the node if it has a budget of its own."""
        node = inst.desc
        limits = Budget(max_cost=node.max_cost, max_tokens=node.max_tokens, max_tool_calls=node.max_tool_calls)
        if limits == _NONE:
            return (self.meter,)
        own = self._own.get(inst.key)
        if own is None:
            own = self._own[inst.key] = Meter(limits, name=inst.path_name, whole=False)
        return (own, self.meter)

    def _warn(self) -> None:
        """A limit on the cost does not see models without a known price: say so, once for each."""
        if self.meter.limits.max_cost is None:
            return
        for model in sorted(self.meter.unpriced - self._warned):
            self._warned.add(model)
            text = f"the price of model {model!r} is not known: max_cost does not count it; bound it with max_tokens"
            self._run.observer.log("warning", text)

    def _late(self) -> None:
        error = self.meter.overdrawn("seconds", 0)
        if error is None:
            self._arm()  # the timer's clock ran ahead of ours
        else:
            self.over(error)


_NONE = Budget()


def budget_text(meter: Meter) -> dict[str, str]:
    """The `$budget` key as it is stored; nothing while there is nothing to say."""
    value = meter.as_state()
    return {} if value is None else {BUDGET_KEY: encode(BUDGET_KEY, value)[0]}
