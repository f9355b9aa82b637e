"""Key nodes: what makes a read of a key subscribe the reading scope (DESIGN §2).

A node is made by the first tracked read of its key, absent keys too, and dropped when nobody observes it any more.
A prefix that was listed has a node as well, which changes when a key under it comes or goes.
"""

from collections.abc import Iterable
from threading import get_ident

from smithers_reactive import Node, Runtime

_SWEEP_AT = 256
"""Nodes kept before the first look for unobserved ones; later looks wait until their number has doubled."""


def is_under(key: str, prefix: str) -> bool:
    """Whether a listing of `prefix` shows `key`: the engine's `$` keys show only in listings that begin so (Z-1)."""
    return key.startswith(prefix) and (prefix[:1] == "$" or key[0] != "$")


class KeyNodes:
    """The nodes of one store. `label` goes before each key in a node's name, so that reads can be told apart."""

    __slots__ = ("_label", "_nodes", "_prefixes", "_rt", "_sweep_at")

    def __init__(self, rt: Runtime, label: str = "") -> None:
        self._rt = rt
        self._label = label
        self._nodes: dict[str, Node] = {}
        self._prefixes: dict[str, Node] = {}
        self._sweep_at = _SWEEP_AT

    def __len__(self) -> int:
        return len(self._nodes) + len(self._prefixes)

    def track(self, key: str) -> None:
        """Note a read of `key`, if a scope of this thread is running."""
        log = self._rt.log
        if log is not None and get_ident() == self._rt.thread:
            node = self._nodes.get(key)
            if node is None:
                node = self._nodes[key] = self._rt.key_node(self._label + key)
            log.append(node)

    def track_prefix(self, prefix: str) -> None:
        """Note that the keys under `prefix` were listed; the node is named `prefix*`."""
        log = self._rt.log
        if log is not None and get_ident() == self._rt.thread:
            node = self._prefixes.get(prefix)
            if node is None:
                node = self._prefixes[prefix] = self._rt.key_node(f"{self._label}{prefix}*")
            log.append(node)

    def observed(self, key: str) -> bool:
        """Whether anybody reads `key` or lists it."""
        node = self._nodes.get(key)
        if node is not None and node.observed:
            return True
        return any(is_under(key, prefix) and node.observed for prefix, node in self._prefixes.items())

    def touch(self, changed: Iterable[str], came_or_went: Iterable[str]) -> None:
        """Mark the readers of what changed. Call it inside `rt.batch()`.

        An unobserved node is touched before it is dropped: an idle Computed that polled it must recompute (Z-24).
        """
        for key in changed:
            node = self._nodes.get(key)
            if node is not None:
                node.touch()
                if not node.observed:
                    del self._nodes[key]
        if self._prefixes:
            for key in came_or_went:
                for prefix in [prefix for prefix in self._prefixes if is_under(key, prefix)]:
                    node = self._prefixes[prefix]
                    node.touch()
                    if not node.observed:
                        del self._prefixes[prefix]
        if len(self) > self._sweep_at:
            self._sweep()

    def _sweep(self) -> None:
        """Drop the nodes whose readers are gone although their key never changed again."""
        for nodes in (self._nodes, self._prefixes):
            for key in [key for key, node in nodes.items() if not node.observed]:
                nodes.pop(key).touch()
        self._sweep_at = max(_SWEEP_AT, 2 * len(self))
