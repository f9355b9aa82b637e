"""Phase 2, render: run the dirty scopes and build what they ask for (F-2, F-3; DESIGN §3).

A scope is a mounted component, or an If/Switch/Each whose prop is a callable. Dirty scopes run in order of depth, so a
parent that re-renders or drops a child comes before it; each runs once. What a scope returned is matched against its
mounted children by path segment: a component with equal props is left alone, everything else is updated or built
detached. Then the contexts whose progress changed are asked who is next, and what is reached is built too, in the same
frame. The work list is a stack, not recursion: a plan may be thousands of levels deep.
"""

from collections.abc import Collection, Iterator
from typing import Any

from smithers_py.dsl.component import Element
from smithers_py.dsl.props import props_equal
from smithers_py.engine.adopt import adopt, id_scope, melt, segments_of, thaw
from smithers_py.engine.causes import changed_reads
from smithers_py.engine.content import Content, is_scope
from smithers_py.engine.draft import Draft
from smithers_py.engine.effect_state import deps_text
from smithers_py.engine.identity import check_ids, duplicate_id, function_name, identity_of, matches, path_name
from smithers_py.engine.instance import CONTEXT_KINDS, Instance, LoopState, Outcome
from smithers_py.engine.progress import items_at, lane_of, loop_state, next_reached, starts_at_once
from smithers_py.engine.slots import Slot, keyed_slots, slots, type_name, where
from smithers_py.engine.tree import Tree
from smithers_py.errors import InvalidOutputError, InvalidPropError, LoopStalledError
from smithers_py.nodes import BaseNode, NodeKind
from smithers_py.nodes.builder import at_path
from smithers_reactive import Scope

MAX_DEPTH = 10_000
"""Levels of nodes; only a component that contains itself without end gets there."""
_PROMPT_KINDS = (NodeKind.TEXT, NodeKind.TRANSPARENT)


class Renderer:
    """One render phase. Public use: `render(tree, content, frame_index)`."""

    def __init__(
        self,
        tree: Tree,
        content: Content,
        draft: Draft,
        *,
        preview: Collection[str] | None = None,
        comparing: bool = False,
    ) -> None:
        self.comparing = comparing
        """The draft is only looked at: what is frozen is rendered too."""
        self.preview = preview
        """Not None: everything counts as reached, so that phases whose turn has not come show their children too (Z-6).
        It holds the ids of the nodes that are reached in truth."""
        self.tree = tree
        self.content = content
        self.draft = draft
        self.forced: set[Instance] = set()
        """Reopened instances: they are worked out again though nothing about them has changed."""
        self.left: set[Instance] = set()
        """Items that the root's lanes do not count any more."""
        self.stack: list[Instance] = []
        """Instances whose children must be worked out; the next one is last."""

    def run(self, dirty: list[Scope]) -> None:
        """Render the dirty scopes and everything whose turn has come."""
        root = self.tree.root
        if root.mounted_frame < 0 or self.tree.rescripted:
            self.stack.append(root)
            self.drain()
        for inst, scope in sorted([*_owners(dirty), *self.reopen()], key=_depth) if dirty or self.tree.reopened else ():
            due = inst in self.forced if scope is None else inst not in self.draft.rendered and scope.is_stale()
            if not due or self.draft.is_dropped(inst):
                continue
            if scope is not None:
                self.draft.causes[inst] = changed_reads(scope)
            self.stack.append(inst)
            self.drain()
        self.reach_all()
        if self.draft.created or self.draft.relocated:
            check_ids(self.tree, self.draft)

    def drain(self) -> None:
        """Work the stack off: run scopes, place their output, go down."""
        while self.stack:
            inst = self.stack.pop()
            self.forced.discard(inst)
            raw = self.content.of(inst, self.draft)
            stays_a_leaf = type(raw) is list and not raw and not inst.children
            if raw is not None and not stays_a_leaf:
                self.place(inst, raw)

    # -- placing children ---------------------------------------------------------------------------------------

    def place(self, parent: Instance, raw: Any, *, keep: bool = True) -> None:
        """Match a scope's or node's output against its children; `keep=False` mounts everything anew."""
        keyed = isinstance(parent.desc, BaseNode) and parent.desc.type_name == "Each"
        wanted = keyed_slots(raw, parent) if keyed else slots(raw, parent)
        old = parent.children
        by_segment = segments_of(parent, wanted) if keep else {}
        children: list[Instance] = []
        grow: list[Instance] = []
        total = unreached = settled = failed = 0
        for slot in wanted:
            child = by_segment.pop(slot[0], None) or self.moved_within(parent, slot, by_segment)
            if child is not None and child not in self.tree.replaced and self.fits(child, slot[1]):
                if self.update(child, slot[1]):
                    grow.append(child)
            else:
                if child is not None:
                    by_segment[slot[0]] = child
                child = self.relocate(parent, slot) or self.create(parent, slot)
                grow.append(child)
                weight = child.weight()
                total, unreached = total + weight[0], unreached + weight[1]
                settled, failed = settled + weight[2], failed + weight[3]
            children.append(child)
        for child in by_segment.values() if keep else old:
            self.drop(child)
            weight = child.weight()
            total, unreached = total - weight[0], unreached - weight[1]
            settled, failed = settled - weight[2], failed - weight[3]
        self.draft.set_children(parent, children)
        self.tree.touch(self.draft.bump(parent, (total, unreached, settled, failed)))
        grow.reverse()
        self.stack += grow

    def create(self, parent: Instance, slot: Slot) -> Instance:
        """A detached instance for a description; it is mounted when reconcile says so."""
        segment, desc = slot
        name = type_name(desc)
        kind = NodeKind.TRANSPARENT if isinstance(desc, Element) else desc.kind
        if parent.kind is NodeKind.RUNNABLE and kind not in _PROMPT_KINDS:
            raise InvalidPropError(
                f"{name} cannot be a child of {parent.type_name}, whose children are its prompt",
                hint=f"Put it beside {parent.type_name}, or after it as a step of its own.",
                where=where(desc, parent),
            )
        identity = identity_of(parent, slot)
        inst = Instance(identity, segment, name, kind, desc)
        if identity in self.draft.created:
            raise duplicate_id(inst, self.draft.created[identity], parent)
        self.draft.created[identity] = inst
        inst.explicit = desc.id
        if isinstance(desc, BaseNode):
            inst.name = desc.prop("name") or function_name(desc)
        inst.path_name = path_name(inst, desc)
        inst.parent = parent
        inst.depth = parent.depth + 1
        if inst.depth > MAX_DEPTH:
            raise InvalidOutputError(
                f"the plan is more than {MAX_DEPTH:,} levels deep",
                hint="A component that always returns itself never ends; let it stop somewhere.",
                where=where(desc, parent),
            )
        inst.context = parent if parent.kind in CONTEXT_KINDS or parent.is_root else parent.context
        inst.id_scope = id_scope(inst, desc, parent)
        if is_scope(desc):
            inst.scope = Scope(self.tree.rt, owner=inst)
        if kind is NodeKind.EFFECT:
            self.draft.effects[inst] = deps_text(inst)
        elif kind is NodeKind.STOP and not inst.is_item:
            self.draft.stops.append(inst)
        elif inst.is_item and (self.preview is not None or starts_at_once(inst)):
            self.mark_reached(inst)
        return inst

    def update(self, inst: Instance, desc: BaseNode | Element) -> bool:
        """Give a mounted instance its new description; True when its children must be worked out again."""
        old = inst.desc
        if inst.frozen and self.comparing:
            melt(inst, self.draft, self.tree.rt)
        if not inst.adopted:
            adopt(inst, desc, self.draft, self.tree.rt)
            return not inst.frozen
        if inst.frozen or (desc is old and inst not in self.forced and not self.comparing):
            return False
        if isinstance(desc, Element) and not self.comparing and inst not in self.forced and self.is_same(old, desc):
            return False
        if inst.scope is not None:
            self.draft.given[inst] = changed_reads(inst.scope)
        self.draft.set_desc(inst, desc)
        if inst.kind is NodeKind.EFFECT:
            self.draft.effects[inst] = deps_text(inst)
        elif inst.kind is NodeKind.PARALLEL:
            # Its limit may have been raised.
            self.tree.touch(inst)
        return True

    def fits(self, inst: Instance, desc: BaseNode | Element) -> bool:
        """See `matches`."""
        return matches(inst, desc, any_site=self.tree.rescripted)

    def is_same(self, old: Element, new: Element) -> bool:
        """An element that would render the same: the same code (a reload brings other), and equal props."""
        return old.component is new.component and props_equal(old.props, new.props)

    def reopen(self) -> Iterator[tuple[Instance, None]]:
        """What a retry brought back: containers that had ended and been frozen are worked out again (Z-6), unless what
        lies above them was and has come to them.
        """
        for container in self.tree.reopened:
            if container.alive and not self.draft.is_dropped(container):
                self.forced.update(thaw(container, self.draft, self.tree.rt))
                yield container, None

    def drop(self, inst: Instance) -> None:
        """Take an instance out of the plan, unless it was given another place."""
        if inst not in self.draft.relocated:
            self.draft.dropped[inst] = None

    def mounted_as(self, parent: Instance, desc: BaseNode | Element) -> Instance | None:
        """The instance that holds the explicit id of a description below `parent`, wherever it is mounted."""
        return None if desc.id is None else self.tree.by_id.get(identity_of(parent, ("", desc)))

    def resegment(self, inst: Instance, segment: str) -> None:
        """Note under which segment the next render finds a moved instance."""
        before, inst.segment = inst.segment, segment
        self.draft.undo.append(lambda: setattr(inst, "segment", before))

    def moved_within(self, parent: Instance, slot: Slot, by_segment: dict[str, Instance]) -> Instance | None:
        """An explicit id that comes in another nested list of the same parent is still the same node (Z-2)."""
        inst = self.mounted_as(parent, slot[1])
        if inst is None or by_segment.get(inst.segment) is not inst:
            return None
        del by_segment[inst.segment]
        self.resegment(inst, slot[0])
        return inst

    def relocate(self, parent: Instance, slot: Slot) -> Instance | None:
        """An explicit id that is mounted elsewhere moves here (Z-2); `check_ids` refuses it if it stays there too."""
        desc = slot[1]
        inst = self.mounted_as(parent, desc)
        if inst is None or inst.parent is parent or inst.parent is None or not self.fits(inst, desc):
            return None
        if inst in self.draft.relocated or inst.node_id in self.draft.created:
            raise duplicate_id(inst, inst, parent)
        above = inst.parent
        self.draft.relocated[inst] = above
        self.draft.dropped.pop(inst, None)
        states = [(at, at.parent, at.context, at.depth) for at in inst.walk()]
        self.draft.undo.append(lambda: _restore(states))
        reached = [item for item in items_at(inst) if item.reached]
        self.draft.count_in_lanes([item for item in reached if item not in self.left], -1)
        self.resegment(inst, slot[0])
        context = parent if parent.kind in CONTEXT_KINDS or parent.is_root else parent.context
        inst.parent = parent
        for at, _, was, depth in states:
            at.depth = depth + parent.depth + 1 - states[0][3]
            if was is states[0][2]:
                at.context = context
        self.draft.count_in_lanes(reached, 1)
        self.update(inst, desc)
        return inst

    def catch_up(self, moved: Instance) -> None:
        """What moved to where nothing orders or limits it starts, as it would have done had it been mounted there."""
        for item in list(items_at(moved)):
            if not item.reached and starts_at_once(item):
                self.reach(item)

    # -- whose turn it is ---------------------------------------------------------------------------------------

    def reach_all(self) -> None:
        """Ask every context whose progress changed who is next, and build what that reaches."""
        stale = self.tree.stale
        for top in self.draft.dropped:
            self.leave_lanes(top)
        for moved in list(self.draft.relocated):
            self.catch_up(moved)
        while stale:
            context = next(iter(stale))
            del stale[context]
            if context.frozen or not context.reached or context.outcome is not Outcome.OPEN:
                continue
            if self.draft.is_dropped(context):
                continue
            if context.kind is NodeKind.LOOP and loop_state(context).between:
                self.turn(context)
            for item in next_reached(context):
                self.reach(item)

    def leave_lanes(self, top: Instance) -> None:
        """What leaves the plan makes room in the root's lanes: who is next there has its turn in this very frame."""
        left = [item for item in items_at(top, self.draft.relocated) if item.reached and lane_of(item) is not None]
        self.draft.count_in_lanes(left, -1)
        self.left.update(left)
        if left:
            self.tree.touch(self.tree.root)

    def reach(self, item: Instance) -> None:
        """The turn of a mounted item has come: count it, and build what is inside."""
        self.mark_reached(item)
        self.draft.bump(item.parent or item, (0, -1, 0, 0))
        if item.kind is not NodeKind.RUNNABLE:
            self.stack.append(item)
            self.drain()

    def mark_reached(self, item: Instance) -> None:
        """An item's turn has come: a runnable may start, a container mounts its children."""
        item.reached = True
        lane = lane_of(item)
        if lane is not None:
            lane[0] += 1
        self.draft.undo.append(lambda: _unreach(item, lane))
        if item.kind is NodeKind.RUNNABLE:
            self.draft.ready.append(item)
        elif item.kind is NodeKind.STOP:
            self.draft.stops.append(item)
        else:
            if (
                item.kind is NodeKind.PHASE
                and not self.unknown(item, item.desc.skip_if)
                and self.content.skips(item, self.draft)
            ):
                self.draft.skipped.append(item)
            self.draft.entered.append(item)
            self.tree.touch(item)

    def turn(self, loop: Instance) -> None:
        """Between two iterations: read the condition, then begin the next one or end the loop (Z-8)."""
        state = loop_state(loop)
        if state.done is not None:
            return
        saved = (state.iteration, state.between, state.done, state.user_writes)
        self.draft.undo.append(lambda: _rewind(state, saved))
        self.draft.turned.append(loop)
        following = state.iteration + 1
        if following and not loop.total and self.content.user_writes == state.user_writes:
            raise LoopStalledError(
                f"iteration {state.iteration} of {loop.path_name} had no work and changed no state",
                hint="Give the loop something to run, or let it change what its condition reads.",
                where=where(loop.desc, loop, itself=True),
            )
        if not self.unknown(loop, loop.desc.condition) and not self.content.continues(loop, self.draft):
            state.done = "condition"
        elif following >= loop.desc.max_iterations:
            state.done = "max_iterations"
        else:
            state.iteration = following
            state.between = False
            state.user_writes = self.content.user_writes
            if following:
                self.tree.remember(loop)
            self.place(loop, self.content.of(loop, self.draft), keep=False)
            self.drain()
            return
        state.between = False

    def unknown(self, item: Instance, question: Any) -> bool:
        """In a preview: a question that is asked later, of a state that nobody knows yet, is not asked now."""
        return self.preview is not None and callable(question) and item.node_id not in self.preview


def render(
    tree: Tree,
    content: Content,
    dirty: list[Scope],
    frame_index: int,
    *,
    preview: Collection[str] | None = None,
    comparing: bool = False,
) -> Draft:
    """Run phase 2. On any exception the mounted tree is as it was, and the scopes are still dirty.

    Raises:
        PlanError, RenderPhaseError, StateError: what the user's components did wrong.
    """
    draft = Draft(frame_index)
    stale, unended = dict(tree.stale), dict(tree.unended)
    try:
        with at_path(content.path):
            Renderer(tree, content, draft, preview=preview, comparing=comparing).run(dirty)
    except BaseException:
        draft.rollback()
        tree.stale, tree.unended = stale, unended
        tree.rt.requeue(dirty)
        raise
    return draft


def _owners(dirty: list[Scope]) -> Iterator[tuple[Instance, Scope]]:
    return ((scope.owner, scope) for scope in dirty)


def _depth(one: tuple[Instance, Scope | None]) -> int:
    return one[0].depth


def _unreach(item: Instance, lane: list[int] | None) -> None:
    item.reached = False
    if lane is not None:
        lane[0] -= 1


def _rewind(state: LoopState, saved: tuple[int, bool, str | None, int]) -> None:
    state.iteration, state.between, state.done, state.user_writes = saved


def _restore(states: list[tuple[Instance, Instance | None, Instance, int]]) -> None:
    for at, parent, context, depth in states:
        at.parent, at.context, at.depth = parent, context, depth
