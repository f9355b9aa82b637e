"""Why a node that no frame has mounted is not in the plan yet: it stands in the script, below what was not reached.

Only the script knows of it, so the plan is rendered as `smithers graph` does, with the execution's own input and state.
"""

from pathlib import Path
from typing import Any

from smithers_py.dsl.forms import PlanForm, PlanNode
from smithers_py.engine.launch import RunOptions
from smithers_py.errors import SmithersError
from smithers_py.harness.models import Execution
from smithers_py.harness.plan_check import load_plan
from smithers_py.harness.reader import Reader
from smithers_py.harness.why_changes import name_of
from smithers_py.harness.why_history import SETTLED, History
from smithers_py.harness.why_models import Link, Why
from smithers_py.harness.why_waiting import ended_link, waits


async def plan_to_come(reader: Reader, execution_id: str) -> PlanForm | None:
    """The plan that the execution's script gives now; None when the script is gone, was changed, or does not render."""
    return _rendered((await reader.inspect(execution_id)).execution, await reader.state(execution_id))


def _rendered(one: Execution, state: dict[str, Any]) -> PlanForm | None:
    if one.script is None or not Path(one.script).is_file():
        return None
    config = one.config or {}
    options = RunOptions(
        script=Path(one.script),
        db_path=Path(),
        entry=config.get("entry"),
        state=state,
        input=one.input,
        workspace=Path(config.get("workspace") or Path.cwd()),
    )
    try:
        loaded = load_plan(options)
        return loaded.preview().form if loaded.script.sha256 == one.script_hash else None
    except SmithersError:
        # It is a guess about the future; the answer without it says what is known.
        return None


def of_unmounted(history: History, form: PlanForm, asked: str) -> Why | None:
    """What a node of the plan to come waits for; None when it is in no plan, or several nodes are called so."""
    found = _find(form, asked)
    if found is None:
        return None
    by_id = {node.node_id: node for node in form.nodes}
    head = history.plan(history.execution.head_frame)
    above = by_id.get(found.parent_id or "")
    while above is not None and above.node_id not in head.rows:
        above = by_id.get(above.parent_id or "")
    return Why(
        execution_id=history.execution_id,
        node_id=found.node_id,
        type=found.type,
        name=found.name,
        label=found.label if found.id is None else f"{found.label} ({found.node_id})",
        source=found.source,
        status=None,
        mounted_frame=None,
        unmounted_frame=None,
        in_plan=[],
        ran=[],
        not_yet=[*_because(history, above), *ended_link(history)],
        left=[],
    )


def _because(history: History, above: PlanNode | None) -> list[Link]:
    if above is None:
        return [Link(kind="waits", text="it is not in the plan yet")]
    name = name_of(history, above.node_id)
    status = history.nodes[above.node_id][-1].status or ""
    if status in SETTLED:
        return [Link(kind="ended", node_id=above.node_id, text=f"{name}, which would hold it, is over: {status}")]
    text = f"it is not in the plan yet: {name}, which holds it, has not been reached"
    plan = history.plan(history.execution.head_frame)
    return [Link(kind="waits", node_id=above.node_id, text=text), *waits(history, plan, above.node_id)]


def _find(form: PlanForm, asked: str) -> PlanNode | None:
    for matches in (
        [node for node in form.nodes if asked in (node.node_id, node.id)],
        [node for node in form.nodes if node.name == asked],
        [node for node in form.nodes if asked and node.node_id.startswith(asked)],
    ):
        if matches:
            return matches[0] if len(matches) == 1 else None
    return None
