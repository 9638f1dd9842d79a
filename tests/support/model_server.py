"""The tiny model and its server as real subprocesses."""

import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

HERE = Path(__file__).parent
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
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=output, env=quiet, text=True
        ) as server,
    ):
        try:
            yield _address(server, log)
        finally:
            server.terminate()


def _address(server: "subprocess.Popen[str]", log: Path) -> str:
    assert server.stdout is not None
    ready, _, _ = select.select([server.stdout], [], [], PATIENCE)
    if address := server.stdout.readline().strip() if ready else "":  # a dead one says nothing
        return address
    raise RuntimeError(f"the model server did not start:\n{log.read_text(errors='replace')}")
