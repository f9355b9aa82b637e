"""What the engine's tests get: a way to play a plan in a folder of the test's own."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from sem_play import Calls, Gate, Play, play


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Play]:
    """`run(app, **options)` plays a plan to its end, see sem_play.play."""
    return partial(play, folder=tmp_path)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
def gate() -> Gate:
    return Gate()
