"""A store whose k-th call fails."""

from collections.abc import Awaitable, Callable
from typing import Literal, TypeAlias, TypeVar

from orket.contracts import Batch, Store
from orket.errors import StoreError
from orket.testing.faults._front import FrontStore

T = TypeVar("T")
Outcome: TypeAlias = Literal["before", "after", "unknown"]


class FaultyStore(FrontStore):
    """Let the k-th call of a store fail, once or for good.

    Every verb counts but closing. What the failing call does is the *outcome*:

    * ``"before"``: nothing;
    * ``"after"``: it is done, and yet the caller is told that it failed;
    * ``"unknown"``: the caller is told so at once, while what it commits is still on its way: it arrives after the next
      call, or when the store is closed, as over a network. A read fails as ``"before"``.

    Args:
        store: The store behind.
        at: Which call fails, from 1; 0 none, which counts the calls of an undisturbed run.
        outcome: What becomes of the call.
        lasting: Every later call fails, too, before it does anything.

    Attributes:
        calls: The verbs that were called so far, in order.
        fired: Whether the fault has happened.
    """

    def __init__(self, store: Store, *, at: int, outcome: Outcome = "before", lasting: bool = False) -> None:
        if at < 0 or outcome not in ("before", "after", "unknown"):
            raise ValueError(f"at={at!r}, outcome={outcome!r}; valid: 0 or more; 'before', 'after', 'unknown'")
        super().__init__(store)
        self.calls: list[str] = []
        self.fired: bool = False
        self._at = at
        self._outcome: Outcome = outcome
        self._lasting = lasting
        self._late: Batch | None = None

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        """Make a call, or fail."""
        self.calls.append(verb)
        number, late = len(self.calls), self._late
        if number == self._at or (self.fired and self._lasting):
            raise await self._fail(number, verb, call, batch)
        try:
            return await call()
        finally:
            if late is not None:
                await self._arrive()

    async def aclose(self) -> None:
        """Close the store behind; what is still on its way arrives before."""
        await self._arrive()
        await super().aclose()

    async def _fail(
        self, number: int, verb: str, call: Callable[[], Awaitable[object]], batch: Batch | None
    ) -> StoreError:
        if not self.fired and self._outcome == "after":
            await call()
        if not self.fired and self._outcome == "unknown":
            self._late = batch
        self.fired = True
        return StoreError(
            f"injected: call {number}, {verb}, fails ({self._outcome})",
            advice="it is a test: give the store behind to the next run",
        )

    async def _arrive(self) -> None:
        late, self._late = self._late, None
        if late is None:
            return
        try:
            await self.inner.commit(late)
        except StoreError:
            return  # others were faster, or the store is closed: the batch is lost, whole
