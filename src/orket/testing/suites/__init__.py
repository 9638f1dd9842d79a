"""One suite for each kind of node, and one for each port that packages offer."""

from orket.testing.suites.router import RouterContract

__all__ = ["RouterContract"]
