"""How `ctx.node(id)` finds a node: nearest identity scope first, then outward (Z-14)."""

from collections.abc import Sequence
from typing import Any

from smithers_py.engine.instance import Instance
from smithers_py.engine.task_state import TaskState
from smithers_py.engine.tree import Tree
from smithers_py.state.activity import Activity


class MountedNodes:
    """What `ctx.node` asks the engine: identities, and the results that the plan's tasks left."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree

    def candidates(self, id: str, activity: Activity, back: int) -> Sequence[str]:  # noqa: A002 - the user's word
        """Node ids that `id` may mean where it is used; `back` counts loop iterations into the past."""
        prefix = _scope_of(activity.owner)
        found: list[str] = []
        while True:
            here = _earlier(prefix, back) if back else prefix
            if here is not None:
                found.append(f"{here}/{id}" if here else id)
            if not prefix:
                return found
            prefix = prefix.rpartition("/")[0]

    def result(self, node_id: str) -> dict[str, Any] | None:
        """Output, structured and error of a node that is in the plan, or was in the last iteration of a loop."""
        state = self._tree.known(node_id)
        if not isinstance(state, TaskState):
            return None
        result = state.result
        return {
            "output": result.output if result else None,
            "structured": result.structured if result else None,
            "error": state.error.to_json() if state.error else None,
            "attempt": state.attempt,
        }


def _scope_of(owner: Any) -> str:
    """The identity scope in which the code of `owner` uses ids."""
    if not isinstance(owner, Instance):
        return ""
    return owner.id_scope


def _earlier(prefix: str, back: int) -> str | None:
    """The same scope `back` iterations ago; None where there is none."""
    head, _, last = prefix.rpartition("/")
    if not last.isdigit() or int(last) < back:
        return None
    return f"{head}/{int(last) - back}"
