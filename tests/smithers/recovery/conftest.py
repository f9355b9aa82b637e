"""A folder for a plan and its processes."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from process_folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Folder]:
    made = Folder(tmp_path)
    yield made
    made.close()
