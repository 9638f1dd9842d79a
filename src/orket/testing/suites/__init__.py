"""One suite for each kind of node, and one for each port that packages offer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from orket.testing._nodes import NodeContract
from orket.testing.suites.router import RouterContract

NODE_SUITES: Final[Mapping[str, type[NodeContract[Any]]]] = MappingProxyType(
    {suite.kind: suite for suite in (RouterContract,)}  # type: ignore[type-abstract]  # subclassed, never called
)

__all__ = ["NODE_SUITES", "RouterContract"]
