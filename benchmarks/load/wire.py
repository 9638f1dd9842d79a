"""The least of an HTTP and WebSocket client: what measures must not cost more than what is measured."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

PATIENCE = 120.0  # seconds for one answer
EMPTY: Mapping[str, str] = {}


class Connection:
    """One connection that is kept; requests go one after the other."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        self._reader = reader
        self._writer = writer
        self._port = port

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] = {}, body: bytes = b""
    ) -> tuple[int, bytes]:
        """Make a request; return status and body."""
        self._writer.write(self._head(method, path, {**headers, "content-length": str(len(body))}) + body)
        async with asyncio.timeout(PATIENCE):
            status, found = await self._answer()
            return status, await self._reader.readexactly(int(found.get("content-length", "0")))

    async def upgrade(self, path: str) -> None:
        """Turn into a WebSocket."""
        key = base64.b64encode(os.urandom(16)).decode()
        asking = {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-version": "13"}
        self._writer.write(self._head("GET", path, {**asking, "sec-websocket-key": key}))
        async with asyncio.timeout(PATIENCE):
            status, _ = await self._answer()
        if status != 101:
            raise ConnectionError(f"{path}: {status} instead of 101")

    async def message(self) -> bytes:
        """Return the next text message of a WebSocket, which comes in one frame."""
        async with asyncio.timeout(PATIENCE):
            while True:
                first, size = await self._reader.readexactly(2)
                if size == 126:
                    (size,) = struct.unpack("!H", await self._reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self._reader.readexactly(8))
                body = await self._reader.readexactly(size)
                if first == 0x81:
                    return body
                if first & 0x0F == 8:
                    raise ConnectionError(f"closed: {body!r}")

    def _head(self, method: str, path: str, headers: Mapping[str, str]) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode()

    async def _answer(self) -> tuple[int, dict[str, str]]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        pairs: list[Any] = [line.lower().split(": ", 1) for line in lines if line]
        return int(first.split(" ")[1]), dict(pairs)


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Connection]:
    """Connect to a server on the loopback."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**22)
    try:
        yield Connection(reader, writer, port)
    finally:
        writer.close()
