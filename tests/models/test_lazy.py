"""``orket.models`` imports no HTTP library until a client that needs one is asked for."""

import subprocess
import sys

import pytest

import orket.models
from orket.errors import WiringError
from orket.models.ollama import OllamaModel
from orket.models.openai_compatible import OpenAICompatibleModel


def test_every_name_is_there() -> None:
    """All public names can be listed and read; another name is an AttributeError that names it."""
    assert set(orket.models.__all__) <= set(dir(orket.models))
    assert orket.models.OllamaModel is OllamaModel
    assert orket.models.OpenAICompatibleModel is OpenAICompatibleModel
    with pytest.raises(AttributeError, match="'GeminiModel'"):
        _ = orket.models.GeminiModel


def test_importing_the_package_imports_no_http_library() -> None:
    """A fresh interpreter that imports orket and orket.models has not imported httpx2."""
    code = "import sys, orket, orket.models; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_making_a_client_imports_all_it_needs() -> None:
    """What is slow to import is imported when a client is made, not by its first exchange on an event loop."""
    code = (
        "import sys, orket.models; orket.models.OpenAICompatibleModel('http://x'); before = set(sys.modules); "
        "import httpcore2, h11, ssl; sys.exit(len(set(sys.modules) - before))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_without_the_http_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without httpx2 the clients are a WiringError that names the extra, and CallableModel still works."""
    for name in [name for name in sys.modules if name.startswith("orket.models.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "httpx2", None)
    for name in ("OpenAICompatibleModel", "OllamaModel"):
        with pytest.raises(WiringError, match=r"pip install 'orket\[http\]'"):
            getattr(orket.models, name)
    assert orket.models.CallableModel(lambda _request: "hi")
