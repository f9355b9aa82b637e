"""What every test of this repository gets: no model request, a clean environment, a workspace of its own."""

import asyncio
import importlib.abc
import importlib.machinery
import inspect
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

GUARDED = "pydantic_ai.models"
KEYS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GOOGLE_API_KEY", "GEMINI_API_KEY", "OPENROUTER_API_KEY")


class _NoModelRequests(importlib.abc.MetaPathFinder):
    """Switches real model requests off the moment pydantic_ai is imported, by whichever test does so.

    Importing pydantic_ai here instead would cost every test run a second. A test that serves a provider on loopback
    says so with `pydantic_ai.models.override_allow_model_requests(True)`.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != GUARDED:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is None or spec.loader is None:
            return spec
        run: Any = spec.loader.exec_module

        def exec_module(module: ModuleType) -> None:
            run(module)
            vars(module)["ALLOW_MODEL_REQUESTS"] = False

        vars(spec.loader)["exec_module"] = exec_module
        return spec


sys.meta_path.insert(0, _NoModelRequests())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Coroutine tests run under `asyncio.run`, each on its own loop."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 60))
    return True


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting and no key of the developer's shell reaches a test, nor the processes it starts."""
    for name in [name for name in os.environ if name.startswith("SMITHERS")] + list(KEYS):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that is the current one, as a user's project would be."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
