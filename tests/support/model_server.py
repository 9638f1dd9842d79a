"""The tiny model and its server as real subprocesses."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
READY = re.compile(r"^LISTEN (http://\S+)", re.MULTILINE)
PATIENCE = 60.0  # seconds; it takes a twentieth of one


def missing_parts() -> list[str]:
    """Return which of the packages that the server needs are not installed."""
    return [name for name in ("gguf", "xllamacpp") if find_spec(name) is None]


def make_model(path: Path) -> Path:
    """Write the tiny model in a process of its own, so that numpy stays out of this one."""
    subprocess.run([sys.executable, HERE / "tiny_model.py", path], check=True)
    return path


@contextmanager
def model_server(model: Path, log: Path, *, tokens: int = 4096, api_key: str | None = None) -> Iterator[str]:
    """Serve *model*, with a context of *tokens* for each exchange, and give the server's address without a path."""
    command = [sys.executable, HERE / "serve_tiny.py", model, str(tokens), *([] if api_key is None else [api_key])]
    quiet = {key: value for key, value in os.environ.items() if not key.startswith("LLAMA_")}
    with (
        log.open("wb") as output,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=output, stderr=output, env=quiet) as server,
    ):
        try:
            yield _address(server, log)
        finally:
            server.terminate()


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit and server.poll() is None:
        if found := READY.search(log.read_text(errors="replace")):
            return found[1]
        time.sleep(0.01)  # another process gives no other sign
    raise RuntimeError(f"the model server did not start:\n{log.read_text(errors='replace')}")
