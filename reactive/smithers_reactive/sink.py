"""Sink: what Effect and Scope have in common."""

from __future__ import annotations

from smithers_reactive.flags import CHECK, DIRTY, DISPOSED, NEEDS_REFRESH, STALE
from smithers_reactive.graph import Node
from smithers_reactive.isolation import refuse_foreign_thread


class Sink(Node):
    """Where the graph ends: has dependencies, never subscribers."""

    __slots__ = ()

    def is_stale(self) -> bool:
        """Whether a dependency really changed since the last run; if none did, the marks are cleared.

        Refreshes the computeds it depends on, in the order of reading. Never raises what their functions raise.
        """
        flags = self.flags
        if flags != CHECK:
            if flags & DIRTY:
                return True
            if not flags & CHECK:
                return False
        rt = self.rt
        verified = self.verified_at
        try:
            for dep in self.deps:
                flags = dep.flags
                if flags and (flags <= STALE or flags & NEEDS_REFRESH):
                    if rt.entered:
                        dep.pull()
                    else:
                        dep.refresh()
                if dep.changed_at > verified:
                    self.flags |= DIRTY
                    return True
        except (RecursionError, MemoryError):  # the run meets it again, where it can be reported
            self.flags |= DIRTY
            return True
        self.flags &= ~STALE
        self.verified_at = rt.clock
        return False

    def dispose(self) -> None:
        """Leave the graph for good; a second call does nothing."""
        self.detach()

    def detach(self) -> bool:
        """Take it out of the graph; False if it was out already."""
        if self.flags & DISPOSED:
            return False
        refuse_foreign_thread(self)
        self.rewire([])
        self.flags = (self.flags & ~STALE) | DISPOSED
        return True
