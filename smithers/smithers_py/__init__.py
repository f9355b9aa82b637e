"""Smithers: plans of agents, commands and functions that re-render from durable state.

    from smithers_py import plan, Phase, Claude

    @plan
    def Implement(ctx):
        with Phase("implement"):
            Claude(model="sonnet", prompt="Fix failing tests").on_finished(
                lambda r: ctx.state.set("phase", "done", trigger="claude.finished")
            )

The names are imported when they are first used: `import smithers_py` loads none of the heavy libraries (A-5).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from smithers_py.dsl.component import component as component
    from smithers_py.dsl.component import plan as plan
    from smithers_py.dsl.decorators import claude_task as claude_task
    from smithers_py.dsl.decorators import command as command
    from smithers_py.dsl.decorators import phase as phase
    from smithers_py.dsl.decorators import task as task
    from smithers_py.embedding import resume as resume
    from smithers_py.embedding import run as run
    from smithers_py.engine.results import RunResult as RunResult
    from smithers_py.errors import SmithersError as SmithersError
    from smithers_py.nodes import Agent as Agent
    from smithers_py.nodes import Case as Case
    from smithers_py.nodes import Claude as Claude
    from smithers_py.nodes import Command as Command
    from smithers_py.nodes import Default as Default
    from smithers_py.nodes import Each as Each
    from smithers_py.nodes import Effect as Effect
    from smithers_py.nodes import End as End
    from smithers_py.nodes import Fragment as Fragment
    from smithers_py.nodes import Human as Human
    from smithers_py.nodes import If as If
    from smithers_py.nodes import Parallel as Parallel
    from smithers_py.nodes import Phase as Phase
    from smithers_py.nodes import Ralph as Ralph
    from smithers_py.nodes import Smithers as Smithers
    from smithers_py.nodes import Step as Step
    from smithers_py.nodes import Stop as Stop
    from smithers_py.nodes import Switch as Switch
    from smithers_py.nodes import Task as Task
    from smithers_py.nodes import Text as Text
    from smithers_py.nodes import Timer as Timer
    from smithers_py.nodes import While as While
    from smithers_py.nodes import Worktree as Worktree
    from smithers_py.nodes.tools import ToolPolicy as ToolPolicy
    from smithers_py.nodes.tools import idempotent as idempotent
    from smithers_py.nodes.tools import pure as pure
    from smithers_reactive import Computed as Computed
    from smithers_reactive import Signal as Signal

__all__ = [
    "Agent",
    "Case",
    "Claude",
    "Command",
    "Computed",
    "Default",
    "Each",
    "Effect",
    "End",
    "Fragment",
    "Human",
    "If",
    "Parallel",
    "Phase",
    "Ralph",
    "RunResult",
    "Signal",
    "Smithers",
    "SmithersError",
    "Step",
    "Stop",
    "Switch",
    "Task",
    "Text",
    "Timer",
    "ToolPolicy",
    "While",
    "Worktree",
    "claude_task",
    "command",
    "component",
    "idempotent",
    "phase",
    "plan",
    "pure",
    "resume",
    "run",
    "task",
]

_MODULES = {
    "Computed": "smithers_reactive",
    "RunResult": "smithers_py.engine.results",
    "Signal": "smithers_reactive",
    "SmithersError": "smithers_py.errors",
    "ToolPolicy": "smithers_py.nodes.tools",
    "claude_task": "smithers_py.dsl.decorators",
    "command": "smithers_py.dsl.decorators",
    "component": "smithers_py.dsl.component",
    "idempotent": "smithers_py.nodes.tools",
    "phase": "smithers_py.dsl.decorators",
    "plan": "smithers_py.dsl.component",
    "pure": "smithers_py.nodes.tools",
    "resume": "smithers_py.embedding",
    "run": "smithers_py.embedding",
    "task": "smithers_py.dsl.decorators",
}
"""Where the names live; those not listed are nodes."""


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'smithers_py' has no attribute {name!r}")
    value = getattr(import_module(_MODULES.get(name, "smithers_py.nodes")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
