"""A small HTTP server that misbehaves on request, for the failures that a good server does not show."""

import json
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
from anyio.abc import SocketAttribute, SocketStream
from attrs import define, field, frozen
from loopback import serving


@frozen
class Heard:
    """A request; header names are in lower case."""

    path: str
    headers: dict[str, str]
    body: Any


Behaviour = Callable[[SocketStream, Heard], Awaitable[None]]


@define
class HttpDouble:
    """Does one behaviour per request, in order; ``hung_up`` counts the clients that closed while they waited."""

    script: list[Behaviour]
    url: str = ""
    heard: list[Heard] = field(factory=list)
    waiting: anyio.Event = field(factory=anyio.Event)
    hung_up: anyio.Event = field(factory=anyio.Event)

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            while (request := await _read(stream)) is not None:
                self.heard.append(request)
                await self.script.pop(0)(stream, request)

    async def hang(self, stream: SocketStream, _heard: Heard) -> None:
        """Never answer; notice when the client goes."""
        self.waiting.set()
        await _read(stream)
        self.hung_up.set()


async def _read(stream: SocketStream) -> Heard | None:
    data = b""
    try:
        while b"\r\n\r\n" not in data:
            data += await stream.receive()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, value in [line.split(": ", 1) for line in lines]}
        while len(body) < int(headers["content-length"]):
            body += await stream.receive()
    except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
        return None
    return Heard(first.split(" ")[1], headers, json.loads(body))


def answer(status: int, payload: Any = b"", **headers: str) -> Behaviour:
    """Answer with bytes as they are, or with anything else as JSON; ``retry_after="1"`` sets ``Retry-After``."""
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    fields = {"content-length": str(len(body)), **{name.replace("_", "-"): value for name, value in headers.items()}}
    lines = [f"HTTP/1.1 {status} Whatever", *[f"{name}: {value}" for name, value in fields.items()], "", ""]
    return raw("\r\n".join(lines).encode() + body)


def raw(data: bytes, *, close: bool = False) -> Behaviour:
    """Send bytes that need not be HTTP."""

    async def behave(stream: SocketStream, _heard: Heard) -> None:
        try:
            await stream.send(data)
        except anyio.BrokenResourceError:  # the client had enough
            return
        if close:
            await stream.aclose()

    return behave


async def reset(stream: SocketStream, _heard: Heard) -> None:
    """Tear the connection down without a word."""
    raw_socket = stream.extra(SocketAttribute.raw_socket)
    raw_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    await stream.aclose()


@asynccontextmanager
async def http_double(*script: Behaviour) -> AsyncIterator[HttpDouble]:
    """Serve *script* on a free port of the loopback."""
    double = HttpDouble(list(script))
    async with serving(double.serve) as double.url:
        yield double
