"""One mounted node of the model."""

from dataclasses import dataclass, field

OPEN, SETTLED, FAILED = "open", "settled", "failed"


@dataclass
class Node:
    """A mounted piece of work, or a container of it. `born` tells incarnations of one name apart."""

    name: str
    desc: dict
    above: str
    born: int
    status: str = "idle"
    outcome: str = OPEN
    reason: str | None = None
    reached: bool = False
    items: list = field(default_factory=list)
    failures: int = 0
    iteration: int = -1
    between: bool = True
    done: str | None = None

    @property
    def kind(self):
        return self.desc["kind"]
