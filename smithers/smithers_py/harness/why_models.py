"""What `smithers why` answers (O-3): read models, stable like those of models.py."""

from typing import Any

from pydantic import Field

from smithers_py.harness.models import ReadModel


class Change(ReadModel):
    """A state key that changed, and who changed it. `frame` is the one whose flush wrote it (-1: given at the start).

    `transition` is its id in `db transitions`; None for what has none: volatile keys, files and Signals. For the
    engine's own `$` keys `node_id` and `handler` are those of the node that the key speaks of and of its event.
    """

    key: str
    old: Any = None
    new: Any = None
    deleted: bool = False
    trigger: str | None = None
    node_id: str | None = None
    handler: str | None = None
    frame: int | None = None
    transition: int | None = None
    text: str


class Link(ReadModel):
    """One step of the chain of causes: what happened in `frame` to or at `node_id`, and the changes it came from.

    `kind`: "start", "rendered" (a scope ran again), "given" (a component above gave it other props), "turn" (what
    stood before it ended), "slot" (a place came free), "iteration", "retry", "deps", "upstream", "condition", "ended",
    "waits", "unknown".
    """

    kind: str
    frame: int | None = None
    node_id: str | None = None
    text: str
    changes: list[Change] = Field(default_factory=list)


class Ran(ReadModel):
    """One run of a node: an attempt of a task, a run of a component, an effect, or the time a container was open.

    `again` is None for the first, else what makes this another run: "iteration", "incarnation", "attempt", "change".
    """

    node_id: str
    mounted_frame: int
    attempt: int
    frame: int
    ended_frame: int | None
    outcome: str | None
    again: str | None
    because: list[Link]


class Why(ReadModel):
    """Everything about one node: why it is in the plan, why it ran and ran again, why not yet, why it left."""

    execution_id: str
    node_id: str
    type: str
    name: str | None
    label: str
    source: str | None
    status: str | None
    mounted_frame: int | None
    unmounted_frame: int | None
    in_plan: list[Link]
    ran: list[Ran]
    not_yet: list[Link]
    left: list[Link]
