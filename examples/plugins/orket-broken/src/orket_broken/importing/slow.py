"""Takes its time; the node is right."""

import time

from orket.nodes.router import DefaultRouterNode as Router

time.sleep(0.2)

__all__ = ["Router"]
