"""The example host as a process of its own, on a free port of the loopback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from deliveries import SECRET
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

HOST = Path(__file__).resolve().parents[2] / "examples" / "host"
COMMAND = (sys.executable, "-W", "error", "-B", str(HOST))
ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith(("ORKET_", "COV_CORE_", "HOST_"))}
PATIENCE = 60.0  # seconds


@frozen
class Answer:
    """What the host answered."""

    status: int
    headers: Any
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode()


@define
class HostServer:
    """A host that listens."""

    process: "subprocess.Popen[str]"
    port: int
    said: list[str] = field(factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> Answer:
        """Make one request."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            connection.request(method, path, body, named)
            response: HTTPResponse = connection.getresponse()
            return Answer(response.status, response.headers, response.read())
        finally:
            connection.close()

    def start(self, epic: str, **options: str) -> str:
        """Start an epic, and return the id of its run."""
        answer = self.ask("POST", f"/epics/{epic}", json.dumps(options).encode(), content_type="application/json")
        assert answer.status == 202, answer.body
        return answer.data["run"]

    def socket(self, query: str = "", **options: Any) -> ClientConnection:
        """Open a WebSocket to the stream of events."""
        patient = {"open_timeout": PATIENCE, "ping_timeout": None, **options}
        return connect(f"ws://127.0.0.1:{self.port}/events?{query}", proxy=None, compression=None, **patient)

    def follow(self, query: str = "") -> Iterator[dict[str, Any]]:
        """Yield entries until the server closes."""
        with self.socket(query) as socket:
            try:
                while True:
                    yield from json.loads(socket.recv(timeout=PATIENCE))
            except ConnectionClosed:
                return

    def until(self, kind: str, query: str = "") -> list[dict[str, Any]]:
        """Return the entries up to the first of a kind."""
        found = []
        for entry in self.follow(query):
            found.append(entry)
            if entry["kind"] == kind:
                return found
        raise AssertionError(f"no {kind} among {[entry['kind'] for entry in found]}")

    def stop(self) -> int:
        """Ask the process to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)


@contextmanager
def serving(state: Path, *options: object, secret: str = SECRET) -> Iterator[HostServer]:
    """Start the host; end it when it has not ended by then, and show what it said where it complained."""
    command = [*COMMAND, "--port", "0", "--log", "warning", "--state", str(state), *map(str, options)]
    environment = {**ENVIRONMENT, "HOST_WEBHOOK_SECRET": secret}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            if not line:
                raise AssertionError(process.communicate()[1])
            server = HostServer(process, int(line.rpartition(":")[2]))
            yield server
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            errors = process.communicate(timeout=PATIENCE)[1]
            assert "Traceback" not in errors, errors
