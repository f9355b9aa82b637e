"""Fixtures of the state tests; what they give is in `state_world.py`."""

from pathlib import Path

import pytest
from state_world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
