"""What a host is asked for under load, and how long each answer takes."""

import asyncio
import hashlib
import hmac
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from attrs import define, field
from wire import Connection, connected

SECRET = "a secret of some length"
SETTLED = 2.5  # seconds after which a heartbeat knows the end of the journal, and nothing goes on any more
ENTRIES = 200  # that every follower catches up on
_SHAPE = {
    "title": "ISSUE-1: sell socks",
    "merged": False,
    "user": {"login": "ann"},
    "head": {"sha": "c0ffee" + "0" * 34},
}


@define
class Job:
    """Latencies in seconds, in the order in which they were known, and what went wrong."""

    name: str
    concurrency: int
    took: list[float] = field(factory=list)
    errors: list[str] = field(factory=list)
    wall: float = 0.0

    def data(self) -> dict[str, Any]:
        """Return what was found, in milliseconds."""
        ordered = sorted(self.took)
        at = {f"p{part}": round(_percentile(ordered, part) * 1000, 3) for part in (50, 95, 99)}
        at["mean"] = round(statistics.fmean(ordered or [0.0]) * 1000, 3)
        found = {"requests": len(self.took) + len(self.errors), "concurrency": self.concurrency, **at}
        return {**found, "wall_s": round(self.wall, 3), "errors": len(self.errors), "first_errors": self.errors[:3]}


def _percentile(ordered: list[float], part: int) -> float:
    return ordered[min(len(ordered) - 1, len(ordered) * part // 100)] if ordered else 0.0


async def run_all(port: int, scale: int, used: Callable[[], float]) -> dict[str, dict[str, Any]]:
    """Do all jobs against one server, one after the other; every loop is bounded.

    Args:
        port: where it listens.
        scale: how many times the jobs as they are written.
        used: returns the processor time in seconds that the server has used.
    """
    await _warm_up(port)
    deliveries = [delivery(number) for number in range(100 * scale)]
    found: dict[str, dict[str, Any]] = {}
    for work in (
        lambda: _requests("deliveries", port, 25, deliveries, {200, 202}),
        lambda: _requests("heartbeats", port, 50, [("GET", "/heartbeat", {}, b"")] * (200 * scale), {200}),
        lambda: _epics(port, 10 * scale),
        lambda: _followers(port, 50 * scale),
    ):
        before = used()
        jobs = await work()
        await asyncio.sleep(SETTLED)  # what follows from the job belongs to it
        spent = round(used() - before, 3)
        for job in jobs if isinstance(jobs, tuple) else (jobs,):
            found[job.name] = {**job.data(), "cpu_s": spent}
    return found


Request = tuple[str, str, dict[str, str], bytes]


async def _warm_up(port: int) -> None:
    asked = [delivery(number) for number in range(900_000, 900_020)] + [("GET", "/heartbeat", {}, b"")] * 20
    await _requests("warm-up", port, 5, [*asked, *_starts(2, "warm-up")], {200, 202})


def delivery(number: int) -> Request:
    """Return a signed delivery: of each pull request first a request for changes, then an approval."""
    kind = "approved" if number % 2 else "rejected"
    pull = number // 2 + 1
    data = {
        "action": "reviewed",
        "number": pull,
        "pull_request": {**_SHAPE, "number": pull},
        "repository": {"full_name": "acme/shop"},
        "sender": {"login": "bob"},
        "review": {"type": f"pull_request_review_{kind}", "content": f"remark {number}"},
        "padding": "x" * 4000,  # Gitea's payloads are of this size
    }
    body = json.dumps(data).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return "POST", "/webhooks/gitea", {"x-gitea-signature": signature, "content-type": "application/json"}, body


def _starts(count: int, name: str) -> list[Request]:
    json_type = {"content-type": "application/json"}
    builds = [json.dumps({"build": f"{name}-{number}"}).encode() for number in range(count)]
    return [("POST", "/epics/market-stall", json_type, body) for body in builds]


async def _requests(name: str, port: int, concurrency: int, asked: Iterable[Request], good: set[int]) -> Job:
    """Let so many clients ask, each on a connection of its own, until nothing is left to ask."""
    job, left = Job(name, concurrency), iter(asked)

    async def client(connection: Connection) -> None:
        for method, path, headers, body in left:
            begun = time.perf_counter()
            try:
                status, answer = await connection.ask(method, path, headers, body)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                job.errors.append(repr(error))
                return
            if status in good:
                job.took.append(time.perf_counter() - begun)
            else:
                job.errors.append(f"{status} {answer[:200]!r}")

    await _together(job, port, concurrency, client)
    return job


async def _together(job: Job, port: int, count: int, work: Callable[[Connection], Awaitable[None]]) -> None:
    async def one(gate: asyncio.Barrier) -> None:
        async with connected(port) as connection:
            await gate.wait()
            await work(connection)

    gate = asyncio.Barrier(count + 1)
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(one(gate))
        await gate.wait()
        begun = time.perf_counter()
    job.wall = time.perf_counter() - begun


async def _epics(port: int, count: int) -> Job:
    """Start epics all at once; the job's wall time lasts until every one of them is at rest."""
    begun = time.perf_counter()
    job = await _requests("epics", port, count, _starts(count, "load"), {202})
    async with connected(port) as connection:
        for _ in range(5000):
            if not (await _beat(connection))["runs"]:
                break
            await asyncio.sleep(0.02)
        else:
            job.errors.append("epics are not at rest after 100 s")
    job.wall = time.perf_counter() - begun
    return job


async def _beat(connection: Connection) -> Any:
    return json.loads((await connection.ask("GET", "/heartbeat"))[1])


async def _followers(port: int, count: int) -> tuple[Job, Job]:
    """Let clients connect and catch up at once; then tell all of them one piece of news."""
    async with connected(port) as connection:
        end = int((await _beat(connection))["seq"])
    catching, news = Job("followers", count), Job("news", count)
    ready = asyncio.Barrier(count + 1)
    told: list[float] = []

    async def follow() -> None:
        begun = time.perf_counter()
        try:
            async with connected(port) as connection:
                await connection.upgrade(f"/events?since={end - ENTRIES}")
                await _until(connection, end)
                catching.took.append(time.perf_counter() - begun)
                await ready.wait()
                await _until(connection, end + 1)
                news.took.append(time.perf_counter() - told[0])
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            catching.errors.append(repr(error))
            await ready.abort()

    begun = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(follow())
        await ready.wait()
        catching.wall = time.perf_counter() - begun
        async with connected(port) as connection:
            told.append(time.perf_counter())
            await connection.ask(*delivery(800_000))
    news.wall = time.perf_counter() - told[0]
    return catching, news


async def _until(connection: Connection, seq: int) -> None:
    """Read entries until one has this ``seq``; they come one by one, or as arrays. Nothing else of them is parsed."""
    while True:
        message = await connection.message()
        last = message.rindex(b'"seq":') + len(b'"seq":')
        if int(message[last : message.index(b",", last)]) >= seq:
            return
