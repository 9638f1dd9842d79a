"""What was remembered, kept up with the record: the seam that calls foreign memories.

A memory owns no record. It is told of all decisions in the store when it is first asked, then of each that is committed
here. What other orchestrators write shows in the receipts: the records of a store are counted, so a number that no
commit of ours has is somebody else's. Only then is the journal read, from there on, and at most once a second: who is
alone on a store pays for no company.
"""

from collections.abc import Awaitable, Iterable
from typing import Final, TypeVar

import anyio
import anyio.lowlevel
from attrs import define, field

from orket._answers import wrong_recollection
from orket.contracts import Clock, Document, Memory, MemoryQuery, Receipt, Remembered, Store
from orket.errors import RecallError, StoreError
from orket.events import DecisionRemembered

KIND: Final = "memory"  # of the documents
_CHUNK: Final = 100  # decisions that a memory is told of at once: small enough not to keep the event loop
_SELDOM: Final = 1.0  # seconds between two looks at what others have written
A = TypeVar("A")


def as_document(one: Remembered) -> Document:
    """Return how a decision is kept in the store; its key is ``build/card/run/turn``."""
    return Document(kind=KIND, key=one.key, body={"text": one.text, "at": one.at})


def as_remembered(document: Document) -> Remembered:
    """Return the decision that a document keeps.

    Raises:
        StoreError: it keeps none.
    """
    build, _, rest = document.key.partition("/")
    match document.body:
        case {"text": str() as text, "at": float() | int() as at}:
            return Remembered(key=document.key, text=text, build=build, card=rest.rsplit("/", 2)[0], at=at)
        case _:
            raise StoreError(f"document {document.key!r} of kind {KIND!r} holds no remembered decision")


@define(repr=False, eq=False)
class Horizon:
    """Up to which record everything is known, and which later ones are our own."""

    known: int = 0
    _own: dict[int, int] = field(factory=dict)  # first -> last, of commits behind somebody else's

    def add(self, first: int, last: int) -> None:
        """Take over that the records from *first* to *last* are ours."""
        if first > self.known + 1:
            self._own[first] = last
            return
        self.known = max(self.known, last)
        while self._own and (joined := self._own.pop(self.known + 1, 0)):
            self.known = joined

    def reach(self, last: int) -> None:
        """Take over that everything up to *last* is known."""
        own, self._own = self._own, {}
        self.known = max(self.known, last)
        for first, end in sorted(own.items()):
            self.add(first, end)

    @property
    def is_behind(self) -> bool:
        """Whether somebody else has written, as far as we know."""
        return bool(self._own)


@define(kw_only=True, repr=False, eq=False)
class Recollection:
    """The memory of one orchestrator; None where its pipeline wiring wants none."""

    memory: Memory | None
    store: Store
    clock: Clock
    _horizon: Horizon = field(factory=Horizon)
    _new: list[Remembered] = field(factory=list)  # what the memory has not been told of yet
    _is_loaded: bool = False
    _looked: float = float("-inf")
    _busy: anyio.Lock = field(factory=anyio.Lock)

    def saw(self, receipt: Receipt) -> None:
        """Take over where a commit of ours went."""
        if receipt.first_seq and self.memory is not None:
            self._horizon.add(receipt.first_seq, receipt.last_seq)

    def learn(self, remembered: Iterable[Remembered]) -> None:
        """Take over what a commit of ours has put on record."""
        if self.memory is not None:
            self._new.extend(remembered)

    def begin(self) -> None:
        """Let the next search know all that others have written by now, as a run does that begins."""
        self._looked = float("-inf")

    async def look_again(self, *, limit: float) -> None:
        """Learn what others have written, whether or not a receipt has shown that they have.

        Raises:
            RecallError: the memory failed.
            StoreError: the record could not be read.
        """
        if self.memory is not None and self._is_loaded:
            async with self._busy:
                await self._read_on()
                await self._tell(self.memory, limit)

    async def search(self, query: MemoryQuery, *, limit: float) -> tuple[Remembered, ...]:
        """Return what the memory finds; nothing where there is none.

        Args:
            query: what is sought.
            limit: seconds that an awaitable answer may take.

        Raises:
            RecallError: the memory raised, hung, or broke its contract.
            StoreError: the record could not be read.
        """
        if self.memory is None:
            return ()
        if not self._is_loaded or self._new or self._is_due():
            async with self._busy:
                await self._catch_up(self.memory, limit)
        try:
            answer = self.memory.search(query)
            found = await _within(limit, answer) if isinstance(answer, Awaitable) else answer
        except RecallError:
            raise
        except (Exception, SystemExit) as error:
            raise RecallError(f"the memory raised {error!r:.500}") from error
        if wrong := wrong_recollection(found, query.limit):
            raise RecallError(f"the memory broke its contract: {wrong}")
        return found

    def _is_due(self) -> bool:
        return self._horizon.is_behind and self.clock.now() >= self._looked + _SELDOM

    async def _catch_up(self, memory: Memory, limit: float) -> None:
        if not self._is_loaded:
            await self._read_all()
            self._is_loaded = True
        elif self._is_due():
            self._looked = self.clock.now()
            await self._read_on()
        await self._tell(memory, limit)

    async def _tell(self, memory: Memory, limit: float) -> None:
        """Tell the memory what it does not know; what it fails on stays to be told."""
        while chunk := tuple(self._new[:_CHUNK]):
            try:
                told = memory.add(chunk)
                if isinstance(told, Awaitable):
                    await _within(limit, told)
            except RecallError:
                raise
            except (Exception, SystemExit) as error:
                raise RecallError(f"the memory raised {error!r:.500}") from error
            del self._new[: len(chunk)]
            if self._new:
                await anyio.lowlevel.checkpoint()

    async def _read_all(self) -> None:
        last = await self.store.last_seq()
        self._new = [*_in_order(await self.store.find(KIND)), *self._new]
        self._horizon.reach(last)

    async def _read_on(self) -> None:
        """Read what was remembered since everything was known, by whomever."""
        last = self._horizon.known
        homes: dict[str, None] = {}
        async for entry in self.store.events(last):
            last = entry.seq
            if isinstance(entry.record, DecisionRemembered):
                homes[f"{entry.build}/{entry.card}/"] = None
        found = [one for home in homes for one in await self.store.find(KIND, prefix=home)]
        self._new = [*_in_order(found), *self._new]
        self._horizon.reach(last)


def _in_order(documents: Iterable[Document]) -> list[Remembered]:
    return sorted([as_remembered(one) for one in documents], key=lambda one: (one.at, one.key))


async def _within(limit: float, answer: Awaitable[A]) -> A:
    with anyio.move_on_after(limit):
        return await answer
    raise RecallError(f"the memory did not answer within {limit:g} s")
