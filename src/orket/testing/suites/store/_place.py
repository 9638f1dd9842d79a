"""Where the rules of stores are tried: a folder of their own, and the batches they commit to a store in it."""

import abc
import hashlib
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypeVar

import anyio
from attrs import define, evolve, field

from orket.cards import Issue
from orket.contracts import Batch, CardChange, CardRow, Claim, Digest, Receipt, Release, RunRow, Store
from orket.errors import StoreConflictError, StoreError
from orket.events import CommentAdded, JournalEntry
from orket.testing._suite import ContractSuite

E = TypeVar("E", bound=StoreError)
Tampering: TypeAlias = Literal["entry", "gone", "payload"]

RUN: Final = RunRow(id="run", build="build", card="epic", started_at=5.0, fingerprint="f" * 64)
CARD: Final = Issue(id="I-1", name="Do it", seat="coder", version=1)


@define
class Place:
    """A folder, and the stores that were opened in it."""

    folder: Path
    make: Callable[[Path], Store]
    opened: list[Store] = field(factory=list)

    async def open(self) -> Store:
        """Return another store, opened here."""
        store = self.make(self.folder)
        await store.open()
        self.opened.append(store)
        return store

    async def reopen(self) -> Store:
        """Close all stores, and return another one."""
        await self.close()
        return await self.open()

    async def close(self) -> None:
        """Close all stores."""
        while self.opened:
            await self.opened.pop().aclose()


class StoreRules(ContractSuite, abc.ABC):
    """What the rules of stores are asked of."""

    prefix: ClassVar[str] = "store"
    subject: ClassVar[str] = "make_store"
    durable: ClassVar[bool] = True
    shared: ClassVar[bool] = True
    tamperable: ClassVar[bool] = False
    patience: ClassVar[float] = 30.0

    @abc.abstractmethod
    def make_store(self, folder: Path) -> Store:
        """Return a new store, not yet opened, that keeps its record in *folder* (or nowhere)."""

    def tamper(self, folder: Path, what: Tampering, seq: int) -> None:
        """Change what the closed store in *folder* has stored, behind its back; for suites that are ``tamperable``.

        Args:
            folder: Where the store is.
            what: ``"entry"``: change what the record *seq* says; ``"gone"``: remove the batch of that record from the
                journal, and from wherever else it is named; ``"payload"``: change the text of every payload.
            seq: The first record of a batch, and not of the last one.
        """
        raise NotImplementedError("a suite that is tamperable defines tamper()")

    @asynccontextmanager
    async def place(self) -> AsyncIterator[Place]:
        """Return a fresh folder; what was opened in it is closed in the end."""
        with tempfile.TemporaryDirectory(prefix="orket-") as folder:
            place = Place(folder=Path(folder), make=self.make_store)
            try:
                yield place
            finally:
                with anyio.CancelScope(shield=True):
                    await place.close()

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Store]:
        """Return an open store in a fresh folder."""
        async with self.place() as place:
            yield await place.open()


def batch(op_id: str, **parts: Any) -> Batch:
    """Return a batch; of the run ``run`` on ``build`` at 10.0, unless *parts* say otherwise."""
    said: dict[str, Any] = {"op_id": op_id, "run": "run", "build": "build", "at": 10.0}
    return Batch(**(said | parts))


def comments(*texts: object) -> tuple[CommentAdded, ...]:
    """Return records, each with a text to know it by."""
    return tuple([CommentAdded(author="ann", text=str(text)) for text in texts])


def added(*ids: str, op_id: str = "add", build: str = "build") -> Batch:
    """Return a batch that adds cards."""
    changes = [CardChange(issue=evolve(CARD, id=card), expected=0) for card in ids or (CARD.id,)]
    return batch(op_id, build=build, changes=tuple(changes))


def changed(expected: int, token: int | None = None, **fields: Any) -> CardChange:
    """Return a change of the card ``I-1``."""
    return CardChange(issue=evolve(CARD, version=expected + 1, **fields), expected=expected, token=token)


def claim(owner: str, **fields: Any) -> Claim:
    """Return a claim on ``I-1`` from 10.0 until 20.0, unless *fields* say otherwise."""
    said: dict[str, Any] = {"card": CARD.id, "owner": owner, "now": 10.0, "until": 20.0}
    return Claim(**(said | fields))


async def taken(store: Store, op_id: str, owner: str, **fields: Any) -> int:
    """Claim ``I-1``, and return the token."""
    wish = claim(owner, **fields)
    receipt = await store.commit(batch(op_id, at=wish.now, claims=(wish,)))
    return receipt.tokens[CARD.id]


def given_back(token: int) -> tuple[Release, ...]:
    """Return the release of ``I-1``."""
    return (Release(card=CARD.id, token=token),)


async def refusal(store: Store, refused: Batch) -> StoreConflictError:
    """Return the conflict that a batch is refused with."""
    try:
        receipt = await store.commit(refused)
    except StoreConflictError as conflict:
        return conflict
    raise AssertionError(f"a batch that must be refused was granted: {receipt}")


@contextmanager
def refused(kind: type[E]) -> Iterator[list[E]]:
    """Demand that the body is ended by an error; return it in a list."""
    errors: list[E] = []
    try:
        yield errors
    except kind as error:
        errors.append(error)
    assert errors, f"what must be a {kind.__name__} went through"


async def at_once(store: Store | tuple[Store, ...], *batches: Batch) -> dict[int, Receipt | StoreConflictError]:
    """Commit batches at the same time, and return by position what became of each.

    Args:
        store: Where to; several take turns.
        batches: What to commit.
    """
    stores = store if isinstance(store, tuple) else (store,)
    answers: dict[int, Receipt | StoreConflictError] = {}

    async def commit(index: int, one: Batch) -> None:
        try:
            answers[index] = await stores[index % len(stores)].commit(one)
        except StoreConflictError as conflict:
            answers[index] = conflict

    async with anyio.create_task_group() as group:
        for index, one in enumerate(batches):
            group.start_soon(commit, index, one)
    return answers


async def entries(store: Store, since: int = 0, **wanted: str | None) -> list[JournalEntry]:
    """Return the entries that an iteration yields."""
    return [entry async for entry in store.events(since, **wanted)]


async def texts(store: Store, since: int = 0, **wanted: str | None) -> list[str]:
    """Return the texts of the comments that an iteration yields."""
    found = await entries(store, since, **wanted)
    return [entry.record.text for entry in found if isinstance(entry.record, CommentAdded)]


async def row(store: Store, card: str = CARD.id, build: str = "build") -> CardRow:
    """Return a card as stored."""
    (found,) = [it for it in await store.load_board(build) if it.issue.id == card]
    return found


async def bodies(store: Store, kind: str = "kind", prefix: str = "") -> dict[str, Any]:
    """Return the bodies of documents by their keys, in the order found."""
    return {found.key: found.body for found in await store.find(kind, prefix=prefix)}


def sha(text: str) -> Digest:
    """Return the digest that a text is stored under."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def payloads(*texts: str) -> Mapping[Digest, str]:
    """Return texts by their digests."""
    return {sha(text): text for text in texts}
