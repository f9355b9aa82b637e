"""Runs of plans whose agents ask a provider on loopback with the real clients."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from smithers_py.loopback import Loopback
from smithers_py.testing import run_plan

Ran = Callable[..., Any]


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Ran]:
    """`ran(server, app, **options)`: the result of a run in this process, its agents on their own models."""
    from pydantic_ai.models import override_allow_model_requests

    def run(server: Loopback, app: Any, **options: Any) -> Any:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        return asyncio.run(run_plan(app, **{"model": None, "db_path": tmp_path / "db.sqlite", **options}))

    with override_allow_model_requests(True):
        yield run


@pytest.fixture
def smithers(workspace: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`smithers("run", "plan.py", env={...})`: the command as a process of its own, in an empty folder."""

    def command(*arguments: str, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "smithers_py", *arguments],
            cwd=workspace,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return command
