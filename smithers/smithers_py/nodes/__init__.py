"""The vocabulary of plans: typed, immutable-in-spirit descriptions that components return (N)."""

from smithers_py.nodes.agent import Agent, Claude
from smithers_py.nodes.base import BaseNode, NodeKind
from smithers_py.nodes.control import Parallel, Phase, Ralph, Step, While
from smithers_py.nodes.effects import Effect, End, Stop
from smithers_py.nodes.runnable import Command, Runnable, Smithers, Task
from smithers_py.nodes.structural import Case, Default, Each, Fragment, If, Switch, Text
from smithers_py.nodes.waiting import Human, Timer
from smithers_py.nodes.worktree import Worktree

__all__ = [
    "Agent",
    "BaseNode",
    "Case",
    "Claude",
    "Command",
    "Default",
    "Each",
    "Effect",
    "End",
    "Fragment",
    "Human",
    "If",
    "NodeKind",
    "Parallel",
    "Phase",
    "Ralph",
    "Runnable",
    "Smithers",
    "Step",
    "Stop",
    "Switch",
    "Task",
    "Text",
    "Timer",
    "While",
    "Worktree",
]
