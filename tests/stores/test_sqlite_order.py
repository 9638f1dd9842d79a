"""Batches that are handed over while others are on their way."""

from pathlib import Path

import anyio
import pytest
from attrs import evolve

from orket.contracts import Batch, CardChange, Issue, Receipt
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio

CARD = Issue(id="I", name="n", seat="s", version=1)


async def test_batches_are_applied_in_the_order_of_the_calls(tmp_path: Path) -> None:
    """Each of fifty changes rests on the one handed over before it, for which nobody has waited; all are kept."""
    store = SQLiteStore(tmp_path / "record.sqlite")
    receipts: list[Receipt] = []

    async def change(version: int) -> None:
        if version < 50:
            group.start_soon(change, version + 1)  # which begins when this one has handed its batch over
        changes = (CardChange(issue=evolve(CARD, version=version), expected=version - 1),)
        receipts.append(
            await store.commit(Batch(op_id=f"v{version}", run="run", build="build", at=10.0, changes=changes))
        )

    assert store.in_order
    await store.open()
    try:
        async with anyio.create_task_group() as group:
            group.start_soon(change, 1)
        (card,) = await store.load_board("build")
    finally:
        await store.aclose()
    assert (len(receipts), card.issue.version) == (50, 50)
