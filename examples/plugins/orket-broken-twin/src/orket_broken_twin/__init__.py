"""A router whose name another distribution has as well."""

from orket.nodes.router import DefaultRouterNode


class Clashing(DefaultRouterNode):
    """Would be right, were it alone."""
