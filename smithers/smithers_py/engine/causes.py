"""Why a scope runs: found while its old subscriptions still stand, kept with the frame (F-7, O-3, R-6).

Costs nothing beyond a look at the reads of the scopes that run anyway. A frame keeps what each of them has read and
which of its former reads had changed; `smithers why` follows those keys to the transitions that changed them.
"""

from collections.abc import Sequence
from typing import Any

import orjson

from smithers_py.engine.draft import Draft
from smithers_reactive import Node, Scope


def changed_reads(scope: Scope) -> list[str]:
    """The names of what a stale scope had read and what has changed since its last run, in the order of reading.

    A Computed in between is looked through: named are the keys and Signals at its far end.
    """
    since = scope.verified_at
    found: dict[str, None] = {}
    seen: set[Node] = set()
    stack: list[Node] = list(reversed(scope.deps))
    while stack:
        node = stack.pop()
        if node.changed_at <= since or node in seen:
            continue
        seen.add(node)
        below = [] if node.fn is None else [dep for dep in node.deps if dep.changed_at > since]
        if below:
            stack += reversed(below)
        else:
            found[node.label if node.name is None else str(node.name)] = None
    return list(found)


def read_names(log: Sequence[Node]) -> list[str]:
    """The names in a read log, each once, in order of first reading."""
    return list(dict.fromkeys(str(node.name) for node in log if node.name is not None))


def keys_read(draft: Draft) -> list[str]:
    """The names of the keys that this frame's render read, each once, in order of first reading."""
    if not (draft.logs or draft.asked):
        return []
    return read_names([node for _, log in (*draft.logs, *draft.asked) for node in log])


def scopes_text(draft: Draft, keys: list[str]) -> str | None:
    """The frame's `scopes_json`: see `FrameOpening`. `keys` is the frame's `keys_read`."""
    if not (draft.logs or draft.asked):
        return None
    places = {key: place for place, key in enumerate(keys)}

    def placed(names: list[str]) -> list[int | str]:
        return [places.get(name, name) for name in names]

    rows: list[list[Any]] = []
    for scope, log in draft.logs:
        inst = scope.owner
        if inst.mounted_frame < 0 or not inst.alive:
            continue
        names = placed(read_names(log))
        if inst.mounted_frame < draft.frame_index:
            own = draft.given.get(inst)
            if own is None and inst in draft.causes:
                rows.append([inst.node_id, names, placed(draft.causes[inst])])
            else:
                rows.append([inst.node_id, names, None, *([placed(own)] if own else [])])
        elif names:
            rows.append([inst.node_id, names])
    rows += [[inst.node_id, placed(read_names(log)), "asked"] for inst, log in draft.asked if log]
    return orjson.dumps(rows).decode() if rows else None
