"""A real model server."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SERVER = Path(__file__).with_name("tiny_server.py")


@pytest.fixture(scope="session")
def judge_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a tiny random model in a process of its own; give its address."""
    folder = tmp_path_factory.mktemp("judge")
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, SERVER, folder / "judge.gguf"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log
        ) as server,
    ):
        try:
            yield _address(server, folder / "server.log")
        finally:
            server.terminate()


def _address(server: "subprocess.Popen[bytes]", log: Path) -> str:
    assert server.stdout is not None
    for line in server.stdout:
        if line.startswith(b"LISTEN "):
            return line.split()[1].decode()
    raise RuntimeError(f"the model server did not start:\n{log.read_text(errors='replace')}")
