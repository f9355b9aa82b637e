"""Fixtures of the state tests; what they give is in `state_world.py`."""

from pathlib import Path

import pytest
from state_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def names(scope: Scope) -> list[str]:
    """The names of the key nodes a scope subscribes to, in the order it read them."""
    return [node.name for node in scope.deps if isinstance(node, Node)]


def texts_after(store: StateStore, *actions: Action) -> dict[str, str]:
    """Flush bare actions; the texts then."""
    store.publish(store.plan_flush([Batch("n", actions=list(actions))]))
    return store.texts()
