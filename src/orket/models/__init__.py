"""Model clients: a Python function, or a model server over HTTP.

:class:`CallableModel` needs nothing but orket. The HTTP clients need the extra ``orket[http]`` and are
imported on first use.
"""

import importlib
from typing import Any

from orket.models.callables import CallableModel

__all__ = ["CallableModel", "OllamaModel", "OpenAICompatibleModel"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import an HTTP client when it is first asked for, so that importing orket needs no HTTP library."""
    match name:
        case "OllamaModel":
            return importlib.import_module("orket.models.ollama").OllamaModel
        case "OpenAICompatibleModel":
            return importlib.import_module("orket.models.openai_compatible").OpenAICompatibleModel
        case _:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
