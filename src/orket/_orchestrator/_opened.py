"""What the verbs of an orchestrator stand on."""

from abc import abstractmethod

from orket._orchestrator._engine import Engine


class Opened:
    """Something that has an engine while it is open."""

    __slots__ = ()

    @abstractmethod
    def _opened(self) -> Engine:
        """Return the engine.

        Raises:
            RunError: it is not open.
        """
