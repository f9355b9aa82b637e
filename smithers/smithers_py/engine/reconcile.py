"""Phase 3, reconcile: turn a finished render into patches and lifecycle changes (F-5; DESIGN §3).

The draft holds the old and the new list of children of every parent that changed; nothing else is looked at, so the
cost follows the change. Patches come out so that they can be applied one by one, forward or backward: unmounts first
(children before parents, later siblings first), then each parent's list from left to right, positions given by the
previous sibling. Moves are the siblings outside the longest increasing subsequence, so moving one child is one patch.
"""

from bisect import bisect_left
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from smithers_py.dsl.component import Element
from smithers_py.engine.draft import Draft
from smithers_py.engine.instance import Instance
from smithers_py.engine.siblings import Siblings
from smithers_py.engine.tree import Tree
from smithers_py.ids import node_digest
from smithers_py.nodes import NodeKind

Patch = list[Any]
_MASK = (1 << 128) - 1


@dataclass(slots=True, eq=False)
class Changes:
    """What a frame does to the plan, all in plan order."""

    patches: list[Patch] = field(default_factory=list)
    mounted: list[Instance] = field(default_factory=list)
    unmounted: list[Instance] = field(default_factory=list)
    updated: list[Instance] = field(default_factory=list)
    moved: list[Instance] = field(default_factory=list)
    orders: dict[Instance, Siblings] = field(default_factory=dict)
    """The children, as patched so far, of the parents within or from which something moves."""


def reconcile(tree: Tree, draft: Draft) -> Changes:
    """Apply a draft to the mounted tree; from here on it is the plan."""
    changes = Changes()
    # Else nobody rendered: only somebody's turn came.
    if draft.before or draft.descs or draft.logs or draft.relocated or tree.root.mounted_frame < 0:
        _apply(tree, draft, changes)
    tree.rescripted = False
    tree.reopened.clear()
    tree.replaced.clear()
    return changes


def _apply(tree: Tree, draft: Draft, changes: Changes) -> None:
    _park(draft, changes)
    for parent, old in list(draft.before.items()) if draft.dropped else ():
        if not draft.is_dropped(parent):
            _unmount_missing(tree, draft, old, changes)
    for inst, above in draft.relocated.items():
        if above is not inst and above in draft.before:
            _order_of(draft, above, changes)
    if tree.root.mounted_frame < 0:
        tree.root.mounted_frame = draft.frame_index
        _mount_children(tree, draft, tree.root, changes)
    for parent, old in draft.before.items():
        if old == parent.children and not draft.relocated:
            continue  # the same instances in the same order
        if parent.mounted_frame >= 0 and not draft.is_dropped(parent):
            _place_children(tree, draft, parent, old, changes)
    _update(tree, draft, changes)
    for scope, log in draft.logs:
        owner: Instance = scope.owner
        if owner.mounted_frame >= 0 and owner.scope is scope:
            scope.commit(log)


def _park(draft: Draft, changes: Changes) -> None:
    """A node that moves out of a subtree that is unmounted is first moved to the root, so that it survives it."""
    orders: dict[Instance, Siblings] = {}
    for inst, above in draft.relocated.items():
        if draft.is_dropped(above):
            order = orders.get(above)
            if order is None:
                order = orders[above] = Siblings(draft.before.get(above, above.children))
            changes.patches.append([">", inst.node_id, None, None, _id(above), order.remove(inst)])
            draft.relocated[inst] = inst


def _unmount_missing(tree: Tree, draft: Draft, old: list[Instance], changes: Changes) -> None:
    for index in range(len(old) - 1, -1, -1):
        child = old[index]
        if child in draft.dropped:
            _unmount(tree, draft, child, old[index - 1] if index else None, changes)


def _unmount(tree: Tree, draft: Draft, top: Instance, before: Instance | None, changes: Changes) -> None:
    """Children before parents, later siblings first: reversing the patches mounts them in order."""
    order: list[tuple[Instance, Instance | None]] = []
    stack: list[tuple[Instance, Instance | None]] = [(top, before)]
    while stack:
        inst, previous = stack.pop()
        order.append((inst, previous))
        above: Instance | None = None
        for child in draft.before.get(inst, inst.children):
            if child not in draft.relocated:
                stack.append((child, above))
                above = child
    # `order` is parent first with later siblings first; a stable post-order needs each subtree's own tail reversed.
    for inst, previous in _post_order(order):
        parent = inst.parent
        changes.patches.append(
            ["-", inst.node_id, _id(parent), previous.node_id if previous else None, *_row(inst)],
        )
        changes.unmounted.append(inst)
        inst.alive = False
        tree.plan_hash = (tree.plan_hash - inst.digest) & _MASK
        if tree.by_id.get(inst.node_id) is inst:
            del tree.by_id[inst.node_id]
        tree.stale.pop(inst, None)
        tree.unended.pop(inst, None)
        if inst.scope is not None:
            inst.scope.dispose()
            inst.scope = None


def _post_order(order: list[tuple[Instance, Instance | None]]) -> list[tuple[Instance, Instance | None]]:
    """Pre-order with later siblings first, turned into children-before-parent with later siblings first."""
    result: list[tuple[Instance, Instance | None]] = []
    waiting: list[tuple[Instance, Instance | None]] = []
    for entry in order:
        while waiting and waiting[-1][0] is not entry[0].parent:
            result.append(waiting.pop())
        waiting.append(entry)
    while waiting:
        result.append(waiting.pop())
    return result


def _place_children(tree: Tree, draft: Draft, parent: Instance, old: list[Instance], changes: Changes) -> None:
    """Mount, move and re-link the children of a parent that stayed, from left to right."""
    places = {child: index for index, child in enumerate(old)}
    stay = _longest_increasing(parent.children, places)
    moves = any(child in places and child not in stay for child in parent.children)
    order = _order_of(draft, parent, changes) if moves else changes.orders.get(parent)
    previous: Instance | None = None
    for child in parent.children:
        after = previous.node_id if previous else None
        if child.mounted_frame < 0:
            _mount(tree, draft, child, after, changes)
        elif child in draft.relocated:
            _relocate(tree, draft, child, after, changes)
        elif child not in stay and order is not None:
            changes.patches.append([">", child.node_id, _id(parent), after, _id(parent), order.remove(child)])
            changes.moved.append(child)
            _relink(tree, child, after)
        elif child.after != after:
            _relink(tree, child, after)
        if order is not None and child not in stay:
            order.insert(child, previous)
        previous = child


def _order_of(draft: Draft, parent: Instance, changes: Changes) -> Siblings:
    """The children that a parent has after the unmounts, those that are about to move away among them."""
    order = changes.orders.get(parent)
    if order is None:
        order = changes.orders[parent] = Siblings(one for one in draft.before[parent] if one not in draft.dropped)
    return order


def _mount(tree: Tree, draft: Draft, top: Instance, after: str | None, changes: Changes) -> None:
    stack: list[tuple[Instance, str | None]] = [(top, after)]
    while stack:
        inst, previous = stack.pop()
        if inst in draft.relocated:
            _relocate(tree, draft, inst, previous, changes)
            continue
        inst.mounted_frame = draft.frame_index
        inst.props = inst.desc.plan_props()
        tree.by_id[inst.node_id] = inst
        changes.patches.append(["+", inst.node_id, _id(inst.parent), previous, *_row(inst)])
        changes.mounted.append(inst)
        inst.after = previous
        inst.digest = _digest(inst)
        tree.plan_hash = (tree.plan_hash + inst.digest) & _MASK
        children = inst.children
        stack += [
            (children[index], children[index - 1].node_id if index else None)
            for index in range(len(children) - 1, -1, -1)
        ]


def _relocate(tree: Tree, draft: Draft, inst: Instance, after: str | None, changes: Changes) -> None:
    above = draft.relocated[inst]
    order = changes.orders.get(above) if above is not inst else None
    old_parent = None if above is inst else _id(above)
    old_after = order.remove(inst) if order is not None else None
    changes.patches.append([">", inst.node_id, _id(inst.parent), after, old_parent, old_after])
    changes.moved.append(inst)
    _relink(tree, inst, after)


def _mount_children(tree: Tree, draft: Draft, parent: Instance, changes: Changes) -> None:
    previous: str | None = None
    for child in parent.children:
        _mount(tree, draft, child, previous, changes)
        previous = child.node_id


def _update(tree: Tree, draft: Draft, changes: Changes) -> None:
    """Write the changed props of updated nodes; handlers swap without a patch (Z-3: a started task keeps its)."""
    for inst in draft.descs:
        if draft.is_dropped(inst):
            continue
        if not isinstance(inst.desc, Element):
            inst.handlers = inst.desc.handlers
        if inst.kind is NodeKind.RUNNABLE and inst.status not in ("idle", "scheduled"):
            continue
        new = inst.desc.plan_props()
        if new == inst.props:
            continue
        old = inst.props
        changed = {key: new.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
        if not changed:
            continue  # a stored plan does not tell None from absent
        changes.patches.append(["~", inst.node_id, changed, {key: old.get(key) for key in changed}])
        changes.updated.append(inst)
        inst.props = new
        _relink(tree, inst, inst.after)


def _relink(tree: Tree, inst: Instance, after: str | None) -> None:
    inst.after = after
    digest = _digest(inst)
    tree.plan_hash = (tree.plan_hash + digest - inst.digest) & _MASK
    inst.digest = digest


def _row(inst: Instance) -> list[Any]:
    return [inst.type_name, inst.name, inst.props]


def _id(parent: Instance | None) -> str | None:
    """The root adds no path segment, so its children have no parent in the plan."""
    return parent.node_id or None if parent is not None else None


def _digest(inst: Instance) -> int:
    return node_digest(inst.node_id, _id(inst.parent), inst.after, inst.type_name, inst.props)


def _longest_increasing(children: list[Instance], places: dict[Instance, int]) -> set[Instance]:
    """The survivors that need not move: a longest run of children whose old places increase (patience sorting)."""
    survivors = [child for child in children if child in places]
    order = [places[child] for child in survivors]
    if all(a < b for a, b in pairwise(order)):
        return set(survivors)
    tails: list[int] = []
    tail_index: list[int] = []
    back: list[int] = []
    for index, place in enumerate(order):
        at = bisect_left(tails, place)
        back.append(tail_index[at - 1] if at else -1)
        if at == len(tails):
            tails.append(place)
            tail_index.append(index)
        else:
            tails[at] = place
            tail_index[at] = index
    stay: set[Instance] = set()
    at = tail_index[-1] if tail_index else -1
    while at >= 0:
        stay.add(survivors[at])
        at = back[at]
    return stay
