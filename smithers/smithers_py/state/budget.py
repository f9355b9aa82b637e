"""`ctx.budget`: what the execution has used and what is left; a plan can switch models as money runs out (G-6)."""

import math
from collections.abc import Mapping
from typing import Any

from smithers_py.state.activity import active
from smithers_py.state.store import StateStore

BUDGET_KEY = "$budget"


class Amounts:
    """One number for each thing that a budget bounds."""

    __slots__ = ("agents", "cost", "seconds", "tokens", "tool_calls")

    def __init__(self, amounts: Mapping[str, float], missing: float) -> None:
        self.cost: float = amounts.get("cost", missing)
        """US dollars; a model whose price is not known adds nothing."""
        self.tokens: float = amounts.get("tokens", missing)
        """In and out."""
        self.tool_calls: float = amounts.get("tool_calls", missing)
        self.agents: float = amounts.get("agents", missing)
        """Agents that were started."""
        self.seconds: float = amounts.get("seconds", missing)
        """Wall clock, whole seconds; counted only where the budget has max_seconds."""

    def __repr__(self) -> str:
        return f"Amounts({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


class BudgetView:
    """See the module. Reactive; changes only at a flush, so it is as old as the last one (Z-1)."""

    __slots__ = ("_store",)

    def __init__(self, store: StateStore) -> None:
        self._store = store

    @property
    def spent(self) -> Amounts:
        """What was used. Raises ContextError outside render, handler, effect and task."""
        return Amounts(self._part("spent"), 0)

    @property
    def left(self) -> Amounts:
        """What may still be used, `math.inf` where there is no limit. Raises ContextError like `spent`."""
        spent = self._part("spent")
        limits = self._part("limits")
        return Amounts(
            {
                name.removeprefix("max_"): max(0, limit - spent.get(name.removeprefix("max_"), 0))
                for name, limit in limits.items()
            },
            math.inf,
        )

    def _part(self, name: str) -> Mapping[str, Any]:
        active("ctx.budget")
        value = self._store.engine_get(BUDGET_KEY)
        return value[name] if value else {}
