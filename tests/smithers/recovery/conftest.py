"""A folder for a plan and its processes."""

from pathlib import Path

import pytest
from process_folder import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)
