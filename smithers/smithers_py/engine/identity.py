"""Which description belongs to which mounted node, and the refusal of ids that are used twice (Z-2, A-4)."""

from smithers_py.dsl.component import Element
from smithers_py.engine.content import is_scope
from smithers_py.engine.draft import Draft
from smithers_py.engine.instance import Instance
from smithers_py.engine.slots import Slot, type_name, where
from smithers_py.engine.tree import Tree
from smithers_py.errors import DuplicateIdError
from smithers_py.ids import node_id
from smithers_py.nodes import BaseNode, NodeKind


def matches(inst: Instance, desc: BaseNode | Element, *, any_site: bool = False) -> bool:
    """True when `desc` describes the node that is mounted as `inst`, so that it is kept (Z-2).

    `any_site`: the script was loaded again, so places in its code say nothing about nodes without an id or key.
    """
    if not inst.adopted:
        # Found by its id; of a node of another process no more is known than the type.
        return inst.type_name == type_name(desc)
    if inst.explicit != desc.id:
        return False
    old = inst.desc
    if isinstance(desc, Element):
        return isinstance(old, Element) and (old.component is desc.component or old.component.same_as(desc.component))
    if type(old) is not type(desc) or is_scope(old) != is_scope(desc):
        # A prop that was a value and is a callable now makes it a scope of its own: another node (N-1).
        return False
    if desc.kind is NodeKind.RUNNABLE and desc.id is None and desc.key is None and not any_site:
        return old.site == desc.site
    return True


def identity_of(parent: Instance, slot: Slot) -> str:
    """The node id of a description at a place below `parent` (Z-2)."""
    segment, desc = slot
    if desc.id is None:
        return node_id(parent.hash_base, segment, type_name(desc))
    prefix = inner_scope(parent)
    return f"{prefix}/{desc.id}" if prefix else desc.id


def inner_scope(parent: Instance) -> str:
    """The identity scope of a node's children: in a loop that of the iteration."""
    return f"{parent.node_id}/{parent.extra.iteration}" if parent.kind is NodeKind.LOOP else parent.id_scope


def path_name(inst: Instance, desc: BaseNode | Element) -> str:
    """How paths name a node: `Phase 'build'`, `Claude 'fixer'`, `Task 'load'`."""
    shown = (desc.prop("name") if isinstance(desc, BaseNode) else None) or desc.id or inst.name
    return f"{inst.type_name} {shown!r}" if shown else inst.type_name


def check_ids(tree: Tree, draft: Draft) -> None:
    """Refuse an id that is mounted twice once everything is placed (Z-2)."""
    for identity, inst in draft.created.items():
        mounted = tree.by_id.get(identity)
        if mounted is not None and not draft.is_dropped(inst) and not draft.is_dropped(mounted):
            raise duplicate_id(inst, mounted, inst.parent or inst)
    for inst, above in draft.relocated.items():
        if not draft.is_dropped(above) and inst in above.children:
            file, line = draft.descs.get(inst, inst.desc).source or ("?", 0)
            raise DuplicateIdError(
                f"the id {inst.explicit!r} is used twice; the first is below {above.path()} at {file}:{line}",
                where=where(inst.desc, inst, itself=True),
            )


def duplicate_id(inst: Instance, first: Instance, parent: Instance) -> DuplicateIdError:
    """The error for a second node of the same id; names both places."""
    also = f"; the first is {first.path()}" + (f" at {first.source}" if first.source else "")
    return DuplicateIdError(
        f"the id {inst.explicit or inst.node_id!r} is used twice{also}", where=where(inst.desc, parent)
    )


def function_name(desc: BaseNode) -> str | None:
    """A Task is known by its function, unless that is a lambda."""
    name = getattr(desc.prop("fn"), "__name__", None)
    return None if name == "<lambda>" else name
