"""Coroutine tests run under `asyncio.run`, each on its own loop; databases are real files."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from persistence_tools import OpenDb

from smithers_persistence import Database


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    arguments = {name: pyfuncitem.funcargs[name] for name in inspect.signature(pyfuncitem.obj).parameters}
    asyncio.run(asyncio.wait_for(pyfuncitem.obj(**arguments), 60))
    return True


@pytest.fixture
def db_path(tmp_path: Path) -> Path:
    return tmp_path / ".smithers" / "db.sqlite"


@pytest.fixture
def open_db(db_path: Path) -> OpenDb:
    @asynccontextmanager
    async def opened() -> AsyncIterator[Database]:
        db = await Database.open(db_path)
        try:
            yield db
        finally:
            await db.close()

    return opened
