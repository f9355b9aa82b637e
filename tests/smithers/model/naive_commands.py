"""What people may ask of the model's execution: commands, kills, and resuming what had failed (Z-3, Z-7, Z-21)."""

from naive_node import FAILED, OPEN, SETTLED


class Asked:
    """The part of the model that answers people."""

    def command(self, verb, *args):
        """Apply one; returns ends of work that follow at once. What makes no sense is refused: nothing happens."""
        if verb in ("pause", "unpause"):
            self.paused = verb == "pause"
            return []
        node = self.nodes.get(args[0]) if verb in ("cancel", "retry", "rerun") else None
        if node is None:
            return []
        return getattr(self, verb)(node) or []

    def cancel(self, node):
        if node.name in self.queue:
            self.queue.remove(node.name)
            self.becomes.append((node, "cancelled", SETTLED, None))
        elif node.name in self.running:
            return [(node.name, node.born, "cancelled")]
        return None

    def retry(self, node):
        """The same incarnation again: its work, or only its handler where that raised (Z-7)."""
        if node.status not in ("failed", "cancelled"):
            return None
        self.reopen_above(node)
        self.bad.discard(node.name)
        self.failed.discard(node.name)
        node.outcome, node.status = OPEN, "scheduled"
        reason, node.reason = node.reason, None
        if reason and reason.startswith("handler"):
            return [(node.name, node.born, reason.replace("handler ", "handle-"))]
        node.failures = 0
        self.queue.append(node.name)
        return None

    def rerun(self, node):
        """Another incarnation, when its turn comes (Z-3)."""
        self.reopen_above(node)
        self.bad.discard(node.name)
        self.failed.discard(node.name)
        self.anew.add(node.name)
        node.status, node.outcome, node.reached = "idle", OPEN, False

    def reopen_above(self, node):
        """The containers around it go on, and what was skipped because of it gets its turn back."""
        while node is not self.root:
            node = self.nodes[node.above]
            for name in node.items:
                item = self.nodes[name]
                if item.status == "skipped" and item.reason == "upstream":
                    item.status, item.outcome, item.reached, item.reason = "idle", OPEN, False, None
            if node is not self.root and node.outcome != OPEN:
                node.outcome, node.status, node.reason = OPEN, "running", None
                node.done = None
                self.failed.discard(node.name)
                self.bad.discard(node.name)

    def killed(self):
        """Its engine died: what ran is run again by the next one, but nothing starts while paused (Z-21)."""
        if self.paused and self.ending is None:
            for name in self.running:
                self.nodes[name].status = "scheduled"
            self.queue += self.running
            self.running = []

    def resume_failed(self):
        """What a resume of a failed execution does: failed nodes once more, or only their handlers (Z-7)."""
        ends = []
        self.ending = None
        self.bad.clear()
        for name in self.order():
            node = self.nodes[name]
            if node.outcome != FAILED:
                continue
            if node.kind == "task":
                ends += self.retry(node) or []
            elif node.reason == "handler":
                self.reopen_above(node)
                node.outcome, node.status, node.reason = OPEN, "running", None
                self.failed.discard(name)
        return ends
