"""Progress as derived state: who may start next, and what has ended (Z-5 to Z-8).

Nothing here remembers what is active. Each item knows whether it was reached and how it ended; sums of that travel up
to the context (`bump`), and the context's rule says who is next (`next_reached`).
"""

from collections.abc import Container, Iterator

from smithers_py.engine.instance import CONTEXT_KINDS, ORDERED_KINDS, Instance, LoopState, Outcome
from smithers_py.nodes import NodeKind

Weight = tuple[int, int, int, int]
LANES = (NodeKind.PHASE, NodeKind.STEP)
"""Outside of containers, Phases are ordered among themselves and so are Steps; all else starts together."""


class RootState:
    """Open and failed counts of the root's two ordered lanes: {kind: [open, failed]}."""

    __slots__ = ("lanes",)

    def __init__(self) -> None:
        self.lanes: dict[NodeKind, list[int]] = {kind: [0, 0] for kind in LANES}


def bump(at: Instance, weight: Weight) -> Instance:
    """Add `weight` to the counters from `at` up to its context; returns that context."""
    total, unreached, settled, failed = weight
    while True:
        at.total += total
        at.unreached += unreached
        at.settled += settled
        at.failed += failed
        if unreached > 0:
            # What is new may stand before the cursor.
            at.cursor = 0
        if at.kind in CONTEXT_KINDS or at.parent is None:
            return at
        at = at.parent


def lane_of(item: Instance) -> list[int] | None:
    """The root lane an item counts in, if any."""
    context = item.context
    return context.extra.lanes.get(item.kind) if context.is_root else None


def starts_at_once(item: Instance) -> bool:
    """True where an item may start as soon as it is mounted: nothing orders or limits it."""
    context = item.context
    if context.is_root:
        return item.kind not in LANES
    if context.kind is NodeKind.PARALLEL:
        return context.desc.max_concurrency is None
    return context.kind is NodeKind.STEP


def next_reached(context: Instance) -> Iterator[Instance]:
    """The items of `context` whose turn has come, one at a time; the caller reaches each before asking on."""
    if context.is_root:
        for kind, lane in context.extra.lanes.items():
            if lane == [0, 0] and context.unreached:
                item = first_unreached(context, kind)
                if item is not None:
                    yield item
        return
    if context.kind in ORDERED_KINDS:
        if context.unreached and not context.open and not context.failed:
            item = first_unreached(context)
            if item is not None:
                yield item
        return
    limit = context.desc.max_concurrency if context.kind is NodeKind.PARALLEL else None
    while context.unreached and (limit is None or context.open < limit):
        item = first_unreached(context)
        if item is None:
            return
        yield item


def first_unreached(context: Instance, kind: NodeKind | None = None) -> Instance | None:
    """The first item below `context` in plan order that was not reached (of `kind`, where given).

    Descends only where the counters say that there is one, and starts each list at its cursor.
    """
    stack: list[tuple[Instance, int]] = [(context, context.cursor)]
    while stack:
        at, index = stack.pop()
        children = at.children
        while index < len(children):
            child = children[index]
            index += 1
            if not child.weight()[1]:
                if index - 1 == at.cursor:
                    at.cursor = index
                continue
            if child.is_item:
                if kind is None or child.kind is kind:
                    return child
                continue
            stack += ((at, index), (child, child.cursor))
            break
    return None


def unreached_items(context: Instance) -> list[Instance]:
    """All items of `context` that were not reached, in plan order."""
    found: list[Instance] = []
    stack = [context]
    while stack:
        at = stack.pop()
        if at is not context and at.is_item:
            if not at.reached:
                found.append(at)
            continue
        if at is context or at.unreached:
            stack.extend(reversed(at.children))
    return found


def items_at(top: Instance, moved: Container[Instance] = ()) -> Iterator[Instance]:
    """The items at and below `top` that count for the context above it, without what has `moved` away."""
    stack = [top]
    while stack:
        at = stack.pop()
        if at in moved:
            continue
        if at.is_item:
            yield at
        elif at.kind is not NodeKind.RUNNABLE:
            stack.extend(reversed(at.children))


def has_ended(context: Instance) -> bool:
    """True when nothing in a context runs and nothing more will start."""
    if context.open:
        return False
    if context.kind in ORDERED_KINDS and context.failed:
        return True
    return not context.unreached


def may_reopen(container: Instance) -> bool:
    """A Parallel outside of a sequence is no step: when all in it has ended, more may still come (Z-5, Z-6)."""
    return container.kind is NodeKind.PARALLEL and container.context.kind not in ORDERED_KINDS


def settle(item: Instance, outcome: Outcome) -> Instance:
    """Record how an item ended and tell its context, which is returned."""
    before, item.outcome = item.outcome, outcome
    lane = lane_of(item)
    if lane is not None:
        lane[0] += (outcome is Outcome.OPEN) - (before is Outcome.OPEN)
        lane[1] += (outcome is Outcome.FAILED) - (before is Outcome.FAILED)
    weight = (
        0,
        0,
        (outcome is Outcome.SETTLED) - (before is Outcome.SETTLED),
        (outcome is Outcome.FAILED) - (before is Outcome.FAILED),
    )
    return bump(item.parent or item, weight)


def loop_state(loop: Instance) -> LoopState:
    """The loop's progress, made on first use."""
    if loop.extra is None:
        loop.extra = LoopState()
    return loop.extra
