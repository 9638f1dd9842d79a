"""The review of pull requests on Gitea or Forgejo: a function of headers and bytes that any framework calls.

:class:`GiteaHttpClient` needs the extra ``orket[http]`` and is imported on first use.
"""

import importlib
from typing import Any

from orket.review._desk import ReviewDesk
from orket.review._policy import DefaultReviewPolicy
from orket.review._response import Response
from orket.review._window import RateLimit

__all__ = ["DefaultReviewPolicy", "GiteaHttpClient", "RateLimit", "Response", "ReviewDesk"]  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    """Import the HTTP client when it is first asked for, so that importing orket needs no HTTP library."""
    if name == "GiteaHttpClient":
        return importlib.import_module("orket.review.gitea").GiteaHttpClient
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
