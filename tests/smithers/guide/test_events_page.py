"""The table of events in events.md is what the nodes have (Z-13)."""

import re
from pathlib import Path
from typing import Any

import pytest

from smithers_py import nodes
from smithers_py.nodes import BaseNode, Runnable
from smithers_py.nodes.props import EVENTS

PAGE = Path(__file__).parents[3] / "docs" / "guide" / "events.md"
ROW = re.compile(r"^\| `(on_\w+)` \| `fn\((\w*)\)` \| ([^|]+) \|", re.MULTILINE)


def table() -> dict[str, tuple[str, set[str]]]:
    """Each event of the page: the name of what its handler gets, and the nodes that have it."""
    return {
        event: (gets, set(owners.strip().split(", ")))
        for event, gets, owners in ROW.findall(PAGE.read_text(encoding="utf-8"))
    }


@pytest.mark.requirement("Z-13")
def test_the_table_names_every_event_of_every_node():
    types: list[Any] = [getattr(nodes, name) for name in nodes.__all__]
    real: dict[str, set[str]] = {}
    for node_type in types:
        if node_type not in (BaseNode, Runnable) and issubclass(node_type, BaseNode):
            for event in node_type.events:
                real.setdefault(event, set()).add(node_type.type_name)
    assert {event: owners for event, (_, owners) in table().items()} == real


@pytest.mark.requirement("Z-13")
def test_handlers_are_called_as_the_table_and_the_messages_say():
    for event, (gets, _) in table().items():
        assert EVENTS[event] == (f"lambda {gets}: ..." if gets else "lambda: ...")
