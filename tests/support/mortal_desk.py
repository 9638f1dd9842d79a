"""A review desk in a process of its own: ``python mortal_desk.py <store> <url of Gitea> <deliveries as JSON>``."""

import json
import sys
from pathlib import Path

import anyio
from deliveries import REPOSITORY, SECRET, delivery
from gitea_double import TOKEN

from orket.review import GiteaHttpClient, ReviewDesk
from orket.stores import SQLiteStore


async def main(path: str, url: str, story: str) -> None:
    store = SQLiteStore(Path(path))
    await store.open()
    async with (
        GiteaHttpClient(url=url, token=TOKEN) as gitea,
        ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=gitea) as desk,
    ):
        for event in json.loads(await anyio.Path(story).read_text("utf-8")):
            await desk.handle(*delivery(event))
            await desk.settled()
    await store.aclose()


if __name__ == "__main__":
    anyio.run(main, *sys.argv[1:])
