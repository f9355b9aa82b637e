"""`smithers graph`: the plan as it would mount, without running anything (Z-6)."""

from typing import Literal

from smithers_py.cli.terminal import clean, note, say, write_json
from smithers_py.dsl.forms import PlanForm, PlanNode
from smithers_py.engine.launch import RunOptions
from smithers_py.harness.labels import node_label
from smithers_py.harness.plan_check import load_plan

Format = Literal["text", "mermaid", "xml", "json"]

_LEGEND = "(preview): its turn comes later; what it holds may be different by then"


def show_graph(options: RunOptions, form: Format) -> None:
    """Print the plan of a script.

    Raises:
        ScriptError, UsageError, PlanError, RenderPhaseError, StateError: there is no plan to print.
    """
    plan = load_plan(options).preview().form
    if form == "json":
        write_json(plan.data())
    elif form == "text":
        print_form(plan)
    else:
        say(plan.to_xml() if form == "xml" else plan.to_mermaid())


def print_form(plan: PlanForm) -> None:
    """The plan as an indented tree: names, explicit ids, and which parts are previews. Text is left out."""
    say(clean(plan.name))
    depth: dict[str | None, int] = {None: 0}
    previewed = {node.parent_id for node in plan.nodes if node.preview}
    marked = False
    for node in plan.nodes:
        depth[node.node_id] = depth[node.parent_id] + 1
        if node.type == "Text":
            continue
        begins = not node.preview and node.node_id in previewed
        marked = marked or begins
        say("  " * depth[node.node_id] + _line(node) + ("  (preview)" if begins else ""))
    if not plan.nodes:
        say("  (nothing: the plan is empty)")
    if marked:
        note(_LEGEND)


def _line(node: PlanNode) -> str:
    # The explicit id stands by itself: it is what other commands take.
    parts = [clean(node_label(node.type, node.name, "", node.props))]
    if node.id is not None:
        parts.append(f"id={clean(node.node_id)}")
    if node.key is not None:
        parts.append(f"key={clean(str(node.key))}")
    return "  ".join(parts)
