"""The same endpoints as a typical application has them: FastAPI, a connection for each request, one commit for each.

It takes in the same signed deliveries once each and merges what is approved, starts epics that it drives in the
background, beats, and streams what happened over WebSocket. It has none of what else orket does: no law, no gate, no
claims, no chain of hashes, no resume. ``--wal`` turns on SQLite's write-ahead log, as careful authors do; without it
SQLite's defaults hold. Both wait up to a minute for a lock: with aiosqlite's five seconds the ten-fold load fails.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Any

import aiosqlite
import uvicorn
from fastapi import BackgroundTasks, Depends, FastAPI, HTTPException, Request, WebSocket, WebSocketDisconnect
from pydantic import BaseModel

SECRET = os.environ.get("HOST_WEBHOOK_SECRET", "")
ISSUES = {"table": (), "kettle": (), "pour": ("table", "kettle"), "tidy": ("pour",)}
SCHEMA = """
CREATE TABLE delivery (digest TEXT PRIMARY KEY, at REAL NOT NULL);
CREATE TABLE pull (number INTEGER PRIMARY KEY, status TEXT NOT NULL, cycles INTEGER NOT NULL, title TEXT NOT NULL);
CREATE TABLE cycle (number INTEGER NOT NULL, reviewer TEXT NOT NULL, reason TEXT NOT NULL);
CREATE TABLE run (id TEXT PRIMARY KEY, build TEXT NOT NULL, status TEXT NOT NULL, at REAL NOT NULL);
CREATE TABLE card (build TEXT, id TEXT, status TEXT NOT NULL, PRIMARY KEY (build, id));
CREATE TABLE event (seq INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, run TEXT, kind TEXT, body TEXT NOT NULL);
"""


class Watchers:
    """Everybody who is told that something happened."""

    def __init__(self) -> None:
        self.news = asyncio.Event()

    def tell(self) -> None:
        """Wake everybody."""
        news, self.news = self.news, asyncio.Event()
        news.set()


async def database(request: Request) -> AsyncIterator[aiosqlite.Connection]:
    """Open a connection for a request, and commit at its end."""
    async with aiosqlite.connect(request.app.state.path, timeout=60) as db:
        yield db
        await db.commit()
    request.app.state.watchers.tell()


Db = Annotated[aiosqlite.Connection, Depends(database, scope="function")]


class Start(BaseModel):
    """The body that starts an epic."""

    build: str = "build"


class Started(BaseModel):
    """Where a started run is."""

    run: str
    page: str
    events: str


class Beat(BaseModel):
    """How the host is."""

    status: str
    runs: int
    seq: int


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Make the schema."""
    app.state.watchers = Watchers()
    with sqlite3.connect(app.state.path) as db:
        if app.state.wal:
            db.execute("PRAGMA journal_mode = wal")
        db.executescript(SCHEMA)
    db.close()
    yield


app = FastAPI(lifespan=lifespan)


async def note(db: aiosqlite.Connection, run: str, kind: str, **body: Any) -> None:
    """Write what happened."""
    values = (time.time(), run, kind, json.dumps(body))
    await db.execute("INSERT INTO event (at, run, kind, body) VALUES (?, ?, ?, ?)", values)


@app.get("/heartbeat")
async def heartbeat(db: Db) -> Beat:
    """Say how many runs are going on, and what happened last."""
    async with db.execute("SELECT count(*) FROM run WHERE status = 'running'") as rows:
        runs = (await rows.fetchone() or (0,))[0]
    async with db.execute("SELECT coalesce(max(seq), 0) FROM event") as rows:
        seq = (await rows.fetchone() or (0,))[0]
    return Beat(status="up", runs=runs, seq=seq)


@app.post("/webhooks/gitea")
async def webhook(request: Request, db: Db, tasks: BackgroundTasks) -> dict[str, str]:
    """Take in a signed delivery, once."""
    body = await request.body()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(signature, request.headers.get("x-gitea-signature", "")):
        raise HTTPException(401)
    data = json.loads(body)
    digest = hashlib.sha256(body).hexdigest()
    known = await db.execute("INSERT INTO delivery VALUES (?, ?) ON CONFLICT DO NOTHING", (digest, time.time()))
    if not known.rowcount:
        return {"outcome": "duplicate"}
    number, title = data["number"], data["pull_request"]["title"]
    await db.execute("INSERT INTO pull VALUES (?, 'open', 0, ?) ON CONFLICT DO NOTHING", (number, title))
    is_approved = data["review"]["type"] == "pull_request_review_approved"
    if not is_approved:
        await db.execute("UPDATE pull SET cycles = cycles + 1 WHERE number = ?", (number,))
        said = (number, data["sender"]["login"], data["review"]["content"])
        await db.execute("INSERT INTO cycle VALUES (?, ?, ?)", said)
    await note(db, "review", "delivery_accepted", number=number, delivery=digest, by=data["sender"]["login"])
    if is_approved:
        await note(db, "review", "effect_intended", number=number, act="merge")
        tasks.add_task(merge, number)
    return {"outcome": "accepted"}


async def merge(number: int) -> None:
    """Merge, where a Gitea says yes at once, and write it down."""
    async with aiosqlite.connect(app.state.path, timeout=60) as db:
        await db.execute("UPDATE pull SET status = 'merged' WHERE number = ?", (number,))
        await note(db, "review", "effect_recorded", number=number, ok=True)
        await db.commit()
    app.state.watchers.tell()


@app.post("/epics/{name}", status_code=202)
async def start(name: str, asked: Start, db: Db, tasks: BackgroundTasks) -> Started:
    """Start an epic: its cards are on the board, and the rest happens in the background."""
    run = uuid.uuid4().hex
    await db.execute("INSERT INTO run VALUES (?, ?, 'running', ?)", (run, asked.build, time.time()))
    await db.executemany("INSERT INTO card VALUES (?, ?, 'ready')", [(asked.build, it) for it in ISSUES])
    await note(db, run, "run_started", card=name, build=asked.build)
    for issue in ISSUES:
        await note(db, run, "card_added", issue=issue)
    tasks.add_task(drive, run, asked.build)
    return Started(run=run, page=f"/runs/{run}", events=f"/events?run={run}")


async def drive(run: str, build: str) -> None:
    """Take every issue to done: a commit when a turn begins, and one when it ends."""
    done = {issue: asyncio.Event() for issue in ISSUES}

    async def take(issue: str) -> None:
        for needed in ISSUES[issue]:
            await done[needed].wait()
        for status in ("in_progress", "code_review", "reviewing", "done"):
            async with aiosqlite.connect(app.state.path, timeout=60) as db:
                await db.execute("UPDATE card SET status = ? WHERE build = ? AND id = ?", (status, build, issue))
                await note(db, run, "card_moved", issue=issue, after=status)
                await db.commit()
            app.state.watchers.tell()
        done[issue].set()

    await asyncio.gather(*map(take, ISSUES))
    async with aiosqlite.connect(app.state.path, timeout=60) as db:
        await db.execute("UPDATE run SET status = 'done' WHERE id = ?", (run,))
        await note(db, run, "run_finished", outcome="done")
        await db.commit()
    app.state.watchers.tell()


@app.websocket("/events")
async def events(ws: WebSocket, since: int = 0) -> None:
    """Send what happened, and then what happens."""
    await ws.accept()
    try:
        async with aiosqlite.connect(app.state.path, timeout=60) as db:
            while True:
                news = app.state.watchers.news
                query = "SELECT seq, at, run, kind, body FROM event WHERE seq > ? ORDER BY seq"
                async with db.execute(query, (since,)) as rows:
                    async for since, at, run, kind, body in rows:
                        await ws.send_json({"seq": since, "at": at, "run": run, "kind": kind, "body": json.loads(body)})
                await news.wait()
    except WebSocketDisconnect:
        pass


def main() -> None:
    """Serve just as the example host is served."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--state", type=Path, required=True)
    parser.add_argument("--wal", action="store_true")
    options = parser.parse_args()
    options.state.mkdir(parents=True, exist_ok=True)
    app.state.path, app.state.wal = options.state / "double.db", options.wal
    listening = socket.create_server(("127.0.0.1", 0), backlog=2048)
    print(f"double: http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app, access_log=False, log_level="critical", timeout_graceful_shutdown=2, ws_per_message_deflate=False
    )
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()
