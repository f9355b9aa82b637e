"""Fine-grained reactivity: signals, computeds and effects over a read log; scopes for renderers; a coalescer."""

from smithers_reactive.api import Computed, Effect, Signal, batch, untracked
from smithers_reactive.coalesce import Coalescer
from smithers_reactive.errors import (
    CycleError,
    ForeignSignalError,
    ForeignThreadError,
    ReactiveError,
    WriteInPureError,
)
from smithers_reactive.explain import Explanation, dependencies
from smithers_reactive.graph import Node, Runtime
from smithers_reactive.scope import Scope

__all__ = [
    "Coalescer",
    "Computed",
    "CycleError",
    "Effect",
    "Explanation",
    "ForeignSignalError",
    "ForeignThreadError",
    "Node",
    "ReactiveError",
    "Runtime",
    "Scope",
    "Signal",
    "WriteInPureError",
    "batch",
    "dependencies",
    "untracked",
]
