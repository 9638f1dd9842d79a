"""Both stores, opened, on both backends."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from orket.contracts import Store
from orket.stores import MemoryStore, SQLiteStore


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """Open a store of each kind."""
    opened = MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "record.sqlite")
    await opened.open()
    yield opened
    await opened.aclose()
