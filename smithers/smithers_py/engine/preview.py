"""The plan as it would mount, without running anything (`graph`, `check`, `--dry-run`; Z-6).

The same render and reconcile as a run, on a tree that nothing drives: no database, no tasks, no handlers, no effects.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smithers_py.clock import Clock, SystemClock
from smithers_py.dsl.component import Element
from smithers_py.dsl.forms import PlanForm, PlanNode
from smithers_py.engine.content import Content
from smithers_py.engine.instance import Instance
from smithers_py.engine.lookup import MountedNodes
from smithers_py.engine.reconcile import reconcile
from smithers_py.engine.render import render
from smithers_py.engine.tree import Tree
from smithers_py.state.actions import Batch, Set
from smithers_py.state.codec import encode
from smithers_py.state.context import Context, signal_hook
from smithers_py.state.files import Files
from smithers_py.state.store import StateStore
from smithers_reactive import Runtime


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered plan. `form` is its serialisable shape, `instances` the nodes in plan order, with their descriptions;
    `first` the ids of the nodes that a run mounts in its first frame.
    """

    form: PlanForm
    instances: list[Instance]
    first: frozenset[str]


def preview(
    element: Element,
    *,
    state: dict[str, Any] | None = None,
    input: Any = None,  # noqa: A002 - the word of the spec
    workspace: Path | None = None,
    rt: Runtime | None = None,
    clock: Clock | None = None,
) -> Preview:
    """Render `element` with the given initial state, unreached phases and steps included.

    Raises:
        PlanError, RenderPhaseError, StateError: what a run of this plan would fail with when it mounts.
    """
    rt = rt or Runtime(on_write=signal_hook)
    make = _Maker(element, state or {}, input, workspace or Path.cwd(), rt, clock or SystemClock())
    whole = make.tree(preview=True)
    first = make.tree(preview=False)
    instances = [inst for inst in whole.root.walk() if not inst.is_root]
    return Preview(plan_form(whole), instances, frozenset(first.by_id))


def plan_form(tree: Tree) -> PlanForm:
    """A mounted tree in its serialisable shape."""
    nodes = [
        PlanNode(
            node_id=inst.node_id,
            parent_id=(inst.parent.node_id or None) if inst.parent else None,
            type=inst.type_name,
            name=inst.name,
            id=inst.desc.id,
            key=inst.desc.key,
            props=inst.props,
            source=inst.source,
        )
        for inst in tree.root.walk()
        if not inst.is_root
    ]
    return PlanForm(name=tree.root.type_name, nodes=nodes)


@dataclass(slots=True)
class _Maker:
    element: Element
    state: dict[str, Any]
    given: Any
    workspace: Path
    rt: Runtime
    clock: Clock

    def tree(self, *, preview: bool) -> Tree:
        store = StateStore(self.rt)
        actions: list[Any] = [Set(key, *encode(key, value)) for key, value in self.state.items()]
        store.publish(store.plan_flush([Batch(None, None, None, actions, -1, "operator")]))
        tree = Tree(self.rt, self.element)
        files = Files(self.rt, self.workspace)
        ctx = Context(
            execution_id="preview",
            store=store,
            files=files,
            clock=self.clock,
            input=self.given,
            nodes=MountedNodes(tree),
        )
        content = Content(ctx, "preview")
        with self.rt.activate():
            content.begin(0, self.clock.now_ms())
            files.begin_frame()
            reconcile(tree, render(tree, content, [], 0, preview=preview))
        self.rt.take_dirty()
        return tree
