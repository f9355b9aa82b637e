"""No test reaches a real model or the developer's settings (`tests/conftest.py`)."""

import os
from pathlib import Path

import pytest


def test_a_model_request_is_refused() -> None:
    from pydantic_ai import models

    assert models.ALLOW_MODEL_REQUESTS is False
    with pytest.raises(RuntimeError, match="not allowed"):
        models.check_allow_model_requests()
    with models.override_allow_model_requests(True):
        models.check_allow_model_requests()


def test_no_setting_and_no_key_is_seen() -> None:
    assert [name for name in os.environ if name.startswith("SMITHERS") or name.endswith("_API_KEY")] == []


def test_the_workspace_is_empty_and_current(workspace: Path) -> None:
    assert Path.cwd() == workspace
    assert list(workspace.iterdir()) == []
