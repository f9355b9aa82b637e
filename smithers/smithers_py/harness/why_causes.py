"""Why something entered or left the plan, and why its turn came: the chain of causes, from stored records alone (O-3).

A node enters the plan in one of four ways, and the frame's records tell which:

    a scope at or above its parent ran      the frame says because of which keys; transitions say who wrote them
    its container's turn came               `$node/{container}` became running in that frame
    its loop began an iteration             `$loop/{loop}` changed in that frame
    the execution began                     frame 0

Its turn comes when it is mounted, or when what stood before it has ended.
"""

from smithers_persistence.records import NodeRecord, ScopeRun, TransitionRecord
from smithers_py.harness.convert import decoded
from smithers_py.harness.why_changes import change, key_change, name_of, read_text
from smithers_py.harness.why_history import CONTAINERS, LOOPS, History, Plan, status_word
from smithers_py.harness.why_models import Change, Link

_MOST_LINKS = 50
"""Containers within containers that a chain follows."""


def entered(history: History, node_id: str, frame: int) -> list[Link]:
    """Why frame `frame` mounted a node."""
    plan = history.plan(frame)
    top = node_id
    for above in plan.above(node_id):
        if not history.was_mounted(above, frame):
            break
        top = above
    parent = plan.parents.get(top)
    if parent is None and frame == 0:
        return [Link(kind="start", frame=0, node_id=top, text="it is part of the plan that the execution began with")]
    if parent is not None and began(history, parent, frame):
        here = "" if top == node_id else f", which holds {name_of(history, top)} and it"
        text = f"the turn of {name_of(history, parent)}{here} came in frame {frame}"
        link = Link(kind="turn", frame=frame, node_id=parent, text=text)
        return [link, *turn(history, parent, frame)]
    if parent is not None and plan.type(parent) in LOOPS:
        iteration = _iteration(history, parent, frame)
        if iteration:
            return iteration
    return rendered(history, plan, parent, frame)


def left(history: History, row: NodeRecord) -> list[Link]:
    """Why a node left the plan."""
    frame = row.unmounted_frame
    if frame is None:
        return []
    before, after = history.plan(frame - 1), history.plan(frame)
    kept = next((above for above in before.above(row.node_id) if above in after.rows), None)
    if kept is not None and before.type(kept) in LOOPS:
        iteration = _iteration(history, kept, frame)
        if iteration:
            return iteration
    return rendered(history, after, kept, frame)


def rendered(history: History, plan: Plan, parent: str | None, frame: int) -> list[Link]:
    """Which scope at or above `parent` ran in a frame, and because of which keys."""
    links: list[Link] = []
    at: str | None = parent
    for scope in ([] if at is None else [at, *plan.above(at)]) + [""]:
        run = history.scope_run(scope, frame)
        if run is None or run.why == "mounted":
            continue
        if run.changed:
            links.append(because_of_keys(history, run))
        if run.why == "keys":
            return links
        text = f"{name_of(history, scope)} was given something else by what is above it, in frame {frame}"
        links.append(Link(kind="given", frame=frame, node_id=scope, text=text))
        if began(history, scope, frame) or (scope and plan.type(scope) in LOOPS):
            return [*_iteration(history, scope, frame), *turn(history, scope, frame)]
    if links:
        return links
    return [Link(kind="unknown", frame=frame, text=f"the records of frame {frame} do not tell")]


def because_of_keys(history: History, run: ScopeRun) -> Link:
    """A scope ran again because keys changed."""
    changes = [key_change(history, key, run.frame_index) for key in run.changed]
    told = "; ".join(change.text for change in changes)
    text = f"{name_of(history, run.node_id)} ran again in frame {run.frame_index} because {told}"
    return Link(kind="rendered", frame=run.frame_index, node_id=run.node_id, text=text, changes=changes)


def began(history: History, node_id: str, frame: int) -> bool:
    """Whether the turn of a container came in a frame."""
    life = history.life(node_id, frame)
    row = history.change_in(f"$node/{node_id}", frame)
    return life is not None and life.node_type in CONTAINERS and row is not None and status_word(row) == "running"


def turn(history: History, node_id: str, frame: int) -> list[Link]:
    """Why the turn of an item came in a frame: what stood before it ended, or it came into the plan then."""
    links: list[Link] = []
    for _ in range(_MOST_LINKS):
        plan = history.plan(frame)
        if node_id not in plan.rows:
            return links
        link = _freed(history, plan, node_id, frame)
        if link is not None:
            return [*links, link]
        if not history.was_mounted(node_id, frame):
            context = plan.context(node_id)
            if context is None or not began(history, context, frame):
                return links
            text = f"it is next in {name_of(history, context)}, whose turn came in frame {frame}"
            links.append(Link(kind="turn", frame=frame, node_id=context, text=text))
            node_id = context
            continue
        return [*links, *entered(history, node_id, frame)]
    return links


def _freed(history: History, plan: Plan, node_id: str, frame: int) -> Link | None:
    """What ended just before the turn of an item and let it begin."""
    context = plan.context(node_id)
    if context is not None and plan.type(context) == "Parallel":
        if history.was_mounted(node_id, frame):
            return None
        others = [item for item in plan.items(context) if item != node_id]
        what = "a place came free: "
    else:
        others, what = plan.before(node_id), "its turn came: "
    ended = [row for item in others if (row := history.settled(item, 0, frame)) is not None]
    just = [row for row in ended if row.frame_index == frame - 1]
    row = _settled_ahead(history, others, node_id, frame, just) or max(just, key=lambda row: row.id, default=None)
    if row is None and ended and not history.was_mounted(node_id, frame):
        row = max(ended, key=lambda row: row.id)
    if row is None:
        return None
    shown = change(history, row)
    return Link(kind="turn", frame=frame, node_id=shown.node_id, text=what + shown.text, changes=[shown])


def _settled_ahead(
    history: History, others: list[str], node_id: str, frame: int, just: list[TransitionRecord]
) -> TransitionRecord | None:
    """What ended in the frame itself, if that let the item begin: it stands before the item's own start there. Where
    that had to wait for a slot, nothing else has `just` ended.
    """
    started = history.change_in(f"$node/{node_id}", frame)
    ended = [row for item in others if (row := history.settled(item, frame, frame + 1)) is not None]
    if started is None:
        return ended[0] if ended and not just else None
    return next((row for row in ended if row.id < started.id), None)


def _iteration(history: History, loop: str, frame: int) -> list[Link]:
    """Why a loop began an iteration, or ended, in a frame."""
    row = history.change_in(f"$loop/{loop}", frame)
    if row is None:
        return []
    number, word = decoded(row.new_value_json)
    name = name_of(history, loop)
    asked = history.asked(loop, frame)
    read = f"; its condition read {read_text(history, asked.read, frame)}" if asked else ""
    if word != "running":
        why = "its condition was false" if word == "condition" else "max_iterations was reached"
        text = f"{name} ended in frame {frame}: {why}{read}"
        return [Link(kind="condition", frame=frame, node_id=loop, text=text, changes=[change(history, row)])]
    if number == 0:
        text = f"{name} began its first iteration in frame {frame}{read}"
        link = Link(kind="iteration", frame=frame, node_id=loop, text=text, changes=[change(history, row)])
        return [link, *turn(history, loop, frame)]
    text = f"{name} began iteration {number} in frame {frame}: the one before had ended{read}"
    changes = [change(history, row), *_read_changes(history, asked, frame)]
    link = Link(kind="iteration", frame=frame, node_id=loop, text=text, changes=changes)
    return [link, *_ended_before(history, loop, frame)]


def _ended_before(history: History, loop: str, frame: int) -> list[Link]:
    """What ended the iteration before: the last of its items to settle."""
    plan = history.plan(frame - 1)
    ended = [row for item in plan.items(loop) if (row := history.settled(item, 0, frame)) is not None]
    if not ended:
        return []
    shown = change(history, max(ended, key=lambda row: row.id))
    text = f"the iteration before ended with this: {shown.text}"
    return [Link(kind="turn", frame=shown.frame, node_id=shown.node_id, text=text, changes=[shown])]


def _read_changes(history: History, asked: ScopeRun | None, frame: int) -> list[Change]:
    """The last changes of the keys that a condition read."""
    rows = [history.last_change(key, frame) for key in (asked.read if asked else ())]
    return [change(history, row) for row in rows if row is not None]
