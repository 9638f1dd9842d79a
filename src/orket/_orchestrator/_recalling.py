"""What an orchestrator offers to those who look for remembered decisions."""

from orket._orchestrator._opened import Opened
from orket.contracts import MemoryQuery, Remembered
from orket.errors import RecallError, RunError


class MemoryVerbs(Opened):
    """The verbs of an :class:`Orchestrator` that search what was remembered."""

    __slots__ = ()

    async def recall(self, text: str, *, limit: int = 10) -> tuple[Remembered, ...]:
        """Return the remembered decisions that go with a text, of all builds in the store.

        What other orchestrators have written on the same store by now is found, too.

        Args:
            text: in any words.
            limit: of how many at most.

        Returns:
            The most relevant first; of equals the newest.

        Raises:
            RunError: an argument is of no use.
            RecallError: the pipeline wiring gives no memory, or it failed or broke its contract.
            StoreError: the record could not be read.
        """
        engine = self._opened()
        if type(text) is not str or type(limit) is not int or limit < 1:
            raise RunError(f"recall({text!r:.80}, limit={limit!r:.80}); valid: a text, and a whole number from 1 on")
        recollection = engine.services.recollection
        if recollection.memory is None:
            raise RecallError(
                "this orchestrator has no memory; its pipeline-wiring node's create_memory gives None: let it return "
                "the stock one, or another"
            )
        await recollection.look_again(limit=engine.limits.node)
        return await recollection.search(MemoryQuery(text=text, limit=limit), limit=engine.limits.node)
