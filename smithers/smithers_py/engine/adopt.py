"""Giving stored or frozen nodes back to the script: matched by identity, described and subscribed again (Z-6, Z-19)."""

import copy
from collections.abc import Iterator
from typing import Any

from smithers_py.dsl.component import Element
from smithers_py.engine.content import is_scope
from smithers_py.engine.draft import Draft
from smithers_py.engine.effect_state import deps_text
from smithers_py.engine.identity import identity_of, inner_scope, path_name
from smithers_py.engine.instance import CONTEXT_KINDS, Instance, Outcome
from smithers_py.engine.slots import Slot
from smithers_py.nodes import BaseNode, NodeKind
from smithers_py.nodes.props import plan_value
from smithers_reactive import Runtime, Scope


def segments_of(parent: Instance, wanted: list[Slot]) -> dict[str, Instance]:
    """The mounted children by segment. Those of a stored plan are found by the id that each wanted slot would get."""
    found = {child.segment: child for child in parent.children if child.adopted}
    if len(found) == len(parent.children):
        return found
    strangers = {child.node_id: child for child in parent.children if not child.adopted}
    for slot in wanted:
        child = strangers.pop(identity_of(parent, slot), None)
        if child is not None:
            child.segment = slot[0]
            found[slot[0]] = child
    # What the script does not ask for any more leaves the plan; no segment is spelled like this.
    return found | {f"?{identity}": child for identity, child in strangers.items()}


def adopt(inst: Instance, desc: BaseNode | Element, draft: Draft, rt: Runtime) -> None:
    """Give a node of a stored plan its description. One that has started keeps the props it started with (Z-3)."""
    parent = inst.parent
    assert parent is not None  # noqa: S101 - the root is never stored
    if isinstance(desc, BaseNode) and inst.kind is NodeKind.RUNNABLE and inst.status not in ("idle", "scheduled"):
        draft.described[inst] = desc
        desc = _as_started(desc, inst.props)
    inst.adopted = True
    draft.undo.append(lambda: _forget(inst))
    draft.set_desc(inst, desc)
    inst.explicit = desc.id
    inst.path_name = path_name(inst, desc)
    inst.id_scope = id_scope(inst, desc, parent)
    if is_scope(desc) and not inst.frozen:
        inst.scope = Scope(rt, owner=inst)
    if inst.kind is NodeKind.EFFECT:
        draft.effects[inst] = deps_text(inst)


def id_scope(inst: Instance, desc: BaseNode | Element, parent: Instance) -> str:
    """Keyed components and the items of Each open an identity scope of their own (Z-2)."""
    opens = (isinstance(desc, Element) and desc.key is not None) or parent.type_name == "Each"
    return inst.node_id if opens else inner_scope(parent)


def thaw(container: Instance, draft: Draft, rt: Runtime) -> Iterator[Instance]:
    """Let what is frozen in a container that goes on render again, except for what has ended on its own.

    Yields the instances that must be worked out again though nothing about them has changed.
    """
    stack = [container]
    while stack:
        inst = stack.pop()
        if inst is not container and inst.kind in CONTEXT_KINDS and inst.outcome is not Outcome.OPEN:
            continue
        if not inst.frozen and inst is not container:
            continue
        if inst.frozen:
            inst.frozen = False
            draft.undo.append(lambda inst=inst: setattr(inst, "frozen", True))
        if inst.adopted and inst.scope is None and is_scope(inst.desc):
            inst.scope = Scope(rt, owner=inst)
        yield inst
        stack.extend(inst.children)


def melt(inst: Instance, draft: Draft, rt: Runtime) -> None:
    """Let a frozen instance be looked at in a comparison, which takes that back."""
    inst.frozen = False
    draft.undo.append(lambda: setattr(inst, "frozen", True))
    if inst.adopted and inst.scope is None and is_scope(inst.desc):
        inst.scope = Scope(rt, owner=inst)
        draft.undo.append(lambda: _drop_scope(inst))


def _as_started(desc: BaseNode, props: dict[str, Any]) -> BaseNode:
    """The description with the stored values of the props that are plain values and differ."""
    kept = {
        name: value
        for name, value in props.items()
        if name in desc.__dict__ and _is_plain(value) and plan_value(desc.__dict__[name]) != value
    }
    if not kept:
        return desc
    made = copy.copy(desc)
    for name, value in kept.items():
        object.__setattr__(made, name, value)
    return made


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, str) for item in value)
    return isinstance(value, str | int | float)


def _forget(inst: Instance) -> None:
    inst.adopted = False
    _drop_scope(inst)


def _drop_scope(inst: Instance) -> None:
    if inst.scope is not None:
        inst.scope.dispose()
        inst.scope = None
