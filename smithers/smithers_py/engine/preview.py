"""The plan as it would mount, without running anything (`graph`, `check`, `--dry-run`; Z-6).

The same render and reconcile as a run, on a tree that nothing drives: no database, no tasks, no handlers, no effects.
"""

from collections.abc import Collection, Container
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from smithers_py.clock import Clock, SystemClock
from smithers_py.dsl.component import Element
from smithers_py.dsl.forms import PlanForm, PlanNode
from smithers_py.engine.causes import read_names
from smithers_py.engine.content import Content
from smithers_py.engine.draft import Draft
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

_MOST_INITS = 20
"""How often the plan is rendered again because it gave missing keys their first values."""


@dataclass(frozen=True, slots=True)
class Preview:
    """A rendered plan. `form` is its serialisable shape, `instances` the nodes in plan order, with their descriptions;
    `first` the ids of the nodes that a run mounts in its first frame, `reads` what each scope and condition reads, by
    node id ("" is the entry component).
    """

    form: PlanForm
    instances: list[Instance]
    first: frozenset[str]
    reads: dict[str, list[str]]


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
    make = _Maker(element, input, workspace or Path.cwd(), rt, clock or SystemClock(), StateStore(rt))
    make.write([Set(key, *encode(key, value)) for key, value in (state or {}).items()])
    first = make.tree()
    reached = frozenset(inst.node_id for inst in first.root.walk() if inst.reached)
    whole = make.tree(reached)
    instances = [inst for inst in whole.root.walk() if not inst.is_root]
    return Preview(plan_form(whole, first.by_id), instances, frozenset(first.by_id), make.reads(whole))


def plan_form(tree: Tree, mounted: Container[str]) -> PlanForm:
    """A mounted tree in its serialisable shape; what is not among the `mounted` ids is a preview."""
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
            preview=inst.node_id not in mounted,
        )
        for inst in tree.root.walk()
        if not inst.is_root
    ]
    return PlanForm(name=tree.root.type_name, nodes=nodes)


@dataclass(slots=True)
class _Maker:
    element: Element
    given: Any
    workspace: Path
    rt: Runtime
    clock: Clock
    store: StateStore
    asked: dict[str, list[str]] = field(default_factory=dict)

    def reads(self, tree: Tree) -> dict[str, list[str]]:
        """What the scopes of a tree are subscribed to, and what conditions have read."""
        found = {inst.node_id: read_names(inst.scope.deps) for inst in tree.root.walk() if inst.scope is not None}
        for node_id, names in self.asked.items():
            found[node_id] = [*dict.fromkeys([*found.get(node_id, ()), *names])]
        return {node_id: names for node_id, names in found.items() if names}

    def write(self, actions: list[Any]) -> bool:
        """Apply actions to the preview's own state; False when nothing changed."""
        plan = self.store.plan_flush([Batch(None, None, None, actions, -1, "operator")])
        self.store.publish(plan)
        return not plan.empty

    def tree(self, reached: Collection[str] | None = None) -> Tree:
        """The plan once its `ctx.state.init` values are there, for a run mounts that plan before anything ends."""
        tree, draft = self.render(reached)
        for _ in range(_MOST_INITS):
            if not draft.inits or not self.write([action for batch in draft.inits for action in batch.actions]):
                break
            tree, draft = self.render(reached)
        return tree

    def render(self, reached: Collection[str] | None) -> tuple[Tree, Draft]:
        tree = Tree(self.rt, self.element)
        files = Files(self.rt, self.workspace)
        ctx = Context(
            execution_id="preview",
            store=self.store,
            files=files,
            clock=self.clock,
            input=self.given,
            nodes=MountedNodes(tree),
        )
        content = Content(ctx, "preview")
        with self.rt.activate():
            content.begin(0, self.clock.now_ms())
            files.begin_frame()
            draft = render(tree, content, [], 0, preview=reached)
            reconcile(tree, draft)
        self.asked |= {inst.node_id: read_names(log) for inst, log in draft.asked}
        self.rt.take_dirty()
        return tree, draft
