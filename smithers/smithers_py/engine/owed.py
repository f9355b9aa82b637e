"""What the next frame must do besides what its render finds: left over by a dead engine, or asked by a person."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from smithers_py.engine.draft import Draft
from smithers_py.engine.effect_state import deps_text
from smithers_py.engine.instance import Instance


@dataclass(slots=True)
class Owed:
    """What a head frame began and its flush did not record (Z-18), and statuses that were decided between frames."""

    entered: list[Instance] = field(default_factory=list)
    turned: list[Instance] = field(default_factory=list)
    stops: list[Instance] = field(default_factory=list)
    effects: list[Instance] = field(default_factory=list)
    again: list[Instance] = field(default_factory=list)
    """Tasks whose rows are scheduled again: they are queued once the script describes them."""
    statuses: list[Any] = field(default_factory=list)
    """StatusChange rows of work.py, already true in memory: the flush makes them durable."""

    def hand_over(self, draft: Draft) -> None:
        """Give the frame that is being planned its share; nothing is owed afterwards."""
        if not (self.entered or self.turned or self.stops or self.effects):
            return
        draft.entered += [inst for inst in self.entered if inst.alive]
        draft.turned += [inst for inst in self.turned if inst.alive]
        draft.stops += [inst for inst in self.stops if inst.alive]
        for inst in self.effects:
            if inst.alive and inst.adopted:
                draft.effects.setdefault(inst, deps_text(inst))
        self.entered, self.turned, self.stops, self.effects = [], [], [], []

    def take_again(self) -> list[Instance]:
        """The tasks to queue, of nodes that are still in the plan and described."""
        taken, self.again = self.again, []
        # After a resume, what lies in a completed container is described by the frame that reopens it.
        self.again = [inst for inst in taken if inst.alive and not inst.adopted]
        return [inst for inst in taken if inst.alive and inst.adopted]

    def take_statuses(self, mounted: Mapping[str, Instance]) -> list[Any]:
        """The statuses to write. What was to run again and left the plan instead has not failed any more: it was
        cancelled, unless another node has its id by now.
        """
        taken, self.statuses = self.statuses, []
        for change in taken:
            if not change.inst.alive and change.status == "scheduled":
                change.status = "cancelled"
        return [
            change
            for change in taken
            if change.inst.alive or (change.status == "cancelled" and change.inst.node_id not in mounted)
        ]
