"""The mounted tree of one execution, and what the next turn must look at."""

from typing import Any

from smithers_py.engine.instance import Instance
from smithers_py.engine.progress import RootState
from smithers_py.nodes import NodeKind
from smithers_reactive import Runtime, Scope


class Tree:
    """Mounted instances by id, the plan hash, and the contexts whose progress has changed."""

    def __init__(self, rt: Runtime, entry: Any) -> None:
        self.rt = rt
        self.by_id: dict[str, Instance] = {}
        self.plan_hash = 0
        """Sum modulo 2^128 of the digests of all nodes (DESIGN §4)."""
        self.stale: dict[Instance, None] = {}
        """Contexts that must be asked who is next, in the order in which they changed."""
        self.unended: dict[Instance, None] = {}
        """Contexts that must be asked whether they have ended."""
        self.rescripted = False
        """The script has not described the nodes yet, for they come from rows (restore.py) or it was loaded again: the
        next frame renders everything."""
        self.reopened: dict[Instance, None] = {}
        """Containers that go on after they had ended: the next frame renders them again."""
        self.replaced: set[Instance] = set()
        """Nodes that are to run anew: the next frame mounts another incarnation in their place (Z-3)."""
        self.past: dict[str, dict[str, Any]] = {}
        """By loop: the task states of its last iteration, for `ctx.node(id).previous` (Z-14)."""
        self.root = Instance("", "", entry.component.name, NodeKind.TRANSPARENT, entry)
        self.root.extra = RootState()
        self.root.reached = True
        self.root.scope = Scope(rt, owner=self.root)

    def touch(self, context: Instance | None) -> None:
        """Note that the progress of a context has changed."""
        if context is not None:
            self.stale[context] = None
            self.unended[context] = None

    def remember(self, loop: Instance) -> None:
        """Keep what the iteration that leaves has given, in place of the one before it."""
        below = [inst for child in loop.children for inst in child.walk()]
        for inst in below:
            self.past.pop(inst.node_id, None)
        self.past[loop.node_id] = {inst.node_id: inst.extra for inst in below if inst.kind is NodeKind.RUNNABLE}

    def known(self, node_id: str) -> Any:
        """The `extra` of a mounted node, or of one of a loop's last iteration; None where there is neither."""
        inst = self.by_id.get(node_id)
        if inst is not None:
            return inst.extra
        above = node_id.rpartition("/")[0]
        while above:
            if node_id in self.past.get(above, ()):
                return self.past[above][node_id]
            above = above.rpartition("/")[0]
        return None

    @property
    def plan_hash_bytes(self) -> bytes:
        """The plan hash as stored: 16 bytes, big-endian."""
        return self.plan_hash.to_bytes(16, "big")

    def find(self, prefix: str) -> list[Instance]:
        """Instances whose id is `prefix` or begins with it."""
        exact = self.by_id.get(prefix)
        return [exact] if exact else [inst for key, inst in self.by_id.items() if key.startswith(prefix)]


def freeze(container: Instance) -> None:
    """Stop everything below a completed container from rendering again (Z-6). Costs its size, once."""
    for inst in container.walk():
        inst.frozen = True
        if inst.scope is not None:
            inst.scope.dispose()
            inst.scope = None
