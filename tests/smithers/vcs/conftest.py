"""Every test here gets a git of its own settings, and `project`: a repository that is the current folder."""

from pathlib import Path

import pytest
from vcs_project import Project, isolate


@pytest.fixture(autouse=True)
def own_git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    isolate(monkeypatch, tmp_path / "home")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    found = Project(tmp_path / "my project é")
    monkeypatch.chdir(found.root)
    return found
