"""Deliveries without HTTP: what the review desk itself takes, on a record in a file."""

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from jobs import SECRET, Job, delivery

from orket.contracts import GiteaPull
from orket.review import ReviewDesk
from orket.stores import SQLiteStore


class Agreeable:
    """A Gitea that says yes at once."""

    async def pull(self, repository: str, number: int, /) -> GiteaPull:
        return GiteaPull(number=number, is_open=True, is_merged=False, head="")

    async def merge(self, repository: str, number: int, head: str, /) -> None: ...

    async def close(self, repository: str, number: int, /) -> None: ...

    async def comment(self, repository: str, number: int, text: str, /) -> None: ...

    async def has_comment(self, repository: str, number: int, marker: str, /) -> bool:
        return False

    async def open_issue(self, repository: str, title: str, text: str, /) -> int:
        return 1

    async def find_issue(self, repository: str, marker: str, since: float, /) -> int | None:
        return None


async def measure(folder: Path) -> dict[str, dict[str, Any]]:
    """Hand 100 deliveries to a desk, one after the other, and then 100 by 25 at once."""
    store = SQLiteStore(folder / "journal.db")
    await store.open()
    found = {}
    try:
        async with ReviewDesk(secret=SECRET, repositories=["acme/shop"], store=store, gitea=Agreeable()) as desk:
            for name, concurrency, first in (("warm-up", 1, 900_000), ("one by one", 1, 0), ("by 25", 25, 200)):
                job, left = Job(name, concurrency), iter([delivery(first + number) for number in range(100)])

                async def hand_in(job: Job = job, left: Any = left) -> None:
                    for _, _, headers, body in left:
                        begun = time.perf_counter()
                        answer = await desk.handle(headers, body)
                        job.took.append(time.perf_counter() - begun)
                        if answer.status not in (200, 202):
                            job.errors.append(str(answer))

                begun = time.perf_counter()
                await asyncio.gather(*[hand_in() for _ in range(concurrency)])
                job.wall = time.perf_counter() - begun
                await desk.settled()
                found[name] = job.data()
    finally:
        await store.aclose()
    del found["warm-up"]
    return found


def measured(folder: Path) -> dict[str, dict[str, Any]]:
    """Measure in a folder of its own below *folder*, on asyncio."""
    with tempfile.TemporaryDirectory(dir=folder) as name:
        return asyncio.run(measure(Path(name)))
