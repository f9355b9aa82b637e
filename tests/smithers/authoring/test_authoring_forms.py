"""The same plan written in each way mounts the same nodes (A-1)."""

from typing import Any

import pytest
from authoring_tools import Write
from hypothesis import HealthCheck, given, settings
from plan_texts import PARTS, Tree, as_blocks, as_calls, as_decorators, as_px, phase_plans, plans

from smithers_py.dsl.component import Element
from smithers_py.dsl.forms import PlanForm
from smithers_py.dsl.script import load_script
from smithers_py.engine.preview import preview

SETTINGS = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def mounted(write: Write, text: str, name: str) -> tuple[Any, ...]:
    """Everything about the plan of a script that does not depend on how it was written."""
    loaded = load_script(write(text, name))
    shown = preview(Element(loaded.component, loaded.props))
    nodes = [(one.node_id, one.parent_id, one.type, one.name, one.id, one.key, one.props) for one in shown.form.nodes]
    handlers = [sorted(inst.handlers) for inst in shown.instances]
    again = PlanForm.from_json(shown.form.to_json())
    assert (again.plan_hash, again.nodes) == (shown.form.plan_hash, shown.form.nodes)
    return shown.form.plan_hash, nodes, handlers, shown.first


@pytest.mark.requirement("A-1", "Z-12", "Z-4", "A-6")
@SETTINGS
@given(trees=plans())
def test_calls_and_blocks_are_one_plan(trees: tuple[Tree, ...], script: Write) -> None:
    script(PARTS, "plan_parts.py")
    calls, blocks = as_calls(trees), as_blocks(trees)
    assert mounted(script, calls, "calls.py") == mounted(script, blocks, "blocks.py"), f"{calls}\n{blocks}"


@pytest.mark.requirement("A-1", "Z-4")
@SETTINGS
@given(trees=plans())
def test_elements_are_the_same_plan(trees: tuple[Tree, ...], script: Write) -> None:
    script(PARTS, "plan_parts.py")
    calls, elements = as_calls(trees), as_px(trees)
    assert mounted(script, calls, "calls.py") == mounted(script, elements, "elements.px"), f"{calls}\n{elements}"


@pytest.mark.requirement("A-1", "Z-12", "Z-4")
@SETTINGS
@given(trees=phase_plans())
def test_decorators_are_the_same_plan(trees: tuple[Tree, ...], script: Write) -> None:
    script(PARTS, "plan_parts.py")
    calls, decorated = as_calls(trees), as_decorators(trees)
    one, other = mounted(script, calls, "calls.py"), mounted(script, decorated, "decorated.py")
    # A decorated function is the on_finished of a node, which the other way may not have.
    assert (one[0], one[1], one[3]) == (other[0], other[1], other[3]), f"{calls}\n{decorated}"
