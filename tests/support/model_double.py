"""A model server in a thread that speaks both protocols, and behaves as the first part of the path says."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

SECRET = "sk-orket-double/0123456789+abc=="
REFUSALS: dict[str, tuple[int, Any]] = {
    "unauthorized": (401, {"error": {"message": f"the key {SECRET} is wrong"}}),
    "exceeded": (400, {"error": {"message": "the request exceeds the available context size", "n_ctx": 8}}),
    "garbled": (200, ["once", "upon"]),
}


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.stopped = threading.Event()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        behaviour = self.path.split("/")[1]
        if behaviour == "slow":
            self.server.stopped.wait(60)
        status, payload = REFUSALS.get(behaviour, (200, None))
        if payload is None:
            said = {"content": "\n".join([json.dumps(message, sort_keys=True) for message in asked["messages"]])}
            payload = self._reply(said if behaviour != "calling" else {"content": None, "tool_calls": [CALL]})
        self._send(status, payload)

    def _reply(self, message: dict[str, Any]) -> dict[str, Any]:
        if self.path.endswith("/api/chat"):
            counts = {"prompt_eval_count": 3, "eval_count": 4}
            return {"message": message, "done": True, "done_reason": "stop", **counts}
        if calls := message.get("tool_calls"):
            function = {**calls[0]["function"], "arguments": json.dumps(calls[0]["function"]["arguments"])}
            message = {**message, "tool_calls": [{**calls[0], "function": function}]}
        usage = {"prompt_tokens": 3, "completion_tokens": 4}
        return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage}

    def _send(self, status: int, payload: Any) -> None:
        body = json.dumps(payload).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # the client had enough
            super().handle()


CALL = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": {"at": 7}}}


@contextmanager
def model_double() -> Iterator[str]:
    """Serve on a free port of the loopback; give the address without a path."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.stopped.set()
            server.shutdown()
            thread.join()
