"""Databases are real files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from persistence_tools import OpenDb

from smithers_persistence import Database


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
