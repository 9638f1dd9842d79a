"""Where pull requests are kept: documents of a store, changed by compare-and-set.

A store has no compare-and-set for documents, but it applies a batch once for each ``op_id``, and says whether it did so
before. So the change of a pull request to version *n* has an ``op_id`` made of *n*: of two that want to be the same
version the first is applied.

What stands between two versions is known to whoever made the later one. So pull requests are remembered as they were
last seen here, and one that never was is taken for a new one: a change of what is no longer so is not applied, and only
then is there a look at the store. What changes nothing must not rest on that: see :attr:`Seen.is_fresh`.
"""

from typing import Final

from attrs import evolve, field, frozen

from orket._codec import codec
from orket._value import Value
from orket.contracts import Batch, Clock, Document, PullReview, Store
from orket.events import Digest
from orket.review._pulls import Change

PULLS: Final = "review_pull"  # a pull request, and beside it the deliveries that were taken in
PENDING: Final = "review_pending"  # one for each pull request that has something pending
PLACE: Final = "review"  # run and build of what the desk records
REMEMBERED: Final = 256  # pull requests
_STATE: Final = "!"  # sorts, and compares, apart from every digest


@frozen(kw_only=True, repr=False, eq=False)
class Seen(Value):
    """A pull request, and the deliveries that were taken in about it.

    ``is_fresh``: it was just read. Otherwise it stood like this before, and may have changed; a delivery that was taken
    in then was taken in.
    """

    pull: PullReview
    deliveries: frozenset[Digest] = field(factory=frozenset)
    is_fresh: bool = False


class PullRecord:
    """The pull requests of a store, which its owner opens and closes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._remembered: dict[str, Seen] = {}  # by id of the pull request; what was changed last comes last

    async def load(self, repository: str, number: int) -> PullReview:
        """Return a pull request; of version 0 where nothing is known of it."""
        found = await self._store.find(PULLS, prefix=_key(repository, number, _STATE))
        return _pull(repository, number, found)

    def recall(self, repository: str, number: int) -> Seen:
        """Return a pull request as it is remembered, or else as one of which nothing is known."""
        new = PullReview(repository=repository, number=number)
        return self._remembered.get(new.id) or Seen(pull=new)

    async def look(self, repository: str, number: int) -> Seen:
        """Return a pull request as it is now: one look at the store."""
        found = await self._store.find(PULLS, prefix=_key(repository, number))
        pull, start = _pull(repository, number, found), len(_key(repository, number))
        seen = Seen(pull=pull, deliveries=frozenset([document.key[start:] for document in found]) - {_STATE})
        self._remember(seen)
        return evolve(seen, is_fresh=True)

    async def unfinished(self) -> list[PullReview]:
        """Return the pull requests that have something pending."""
        return [codec().load(document.body, PullReview) for document in await self._store.find(PENDING)]

    async def swap(self, before: PullReview, change: Change) -> PullReview | None:
        """Apply a change of *before*, and return what it is then.

        Returns:
            None where somebody else has changed it meanwhile, and nothing was applied.

        Raises:
            StoreError: the change may be applied, or not.
        """
        pull = evolve(change.pull, version=before.version + 1)
        batch = Batch(
            op_id=f"{PLACE}:{pull.id}:{pull.version}",
            run=PLACE,
            build=PLACE,
            at=self._clock.now(),
            card=pull.id,
            records=change.records,
            documents=self._documents(before, pull, change.delivery),
            payloads=dict(change.payloads),
        )
        seen = self.recall(pull.repository, pull.number)
        self._remembered.pop(pull.id, None)  # until it is certain how it is
        if (await self._store.commit(batch)).repeated:
            return None
        if seen.pull.version == before.version:
            delivered = () if change.delivery is None else (change.delivery,)
            self._remember(Seen(pull=pull, deliveries=seen.deliveries.union(delivered)))
        return pull

    def _remember(self, seen: Seen) -> None:
        self._remembered.pop(seen.pull.id, None)
        self._remembered[seen.pull.id] = seen
        if len(self._remembered) > REMEMBERED:
            del self._remembered[next(iter(self._remembered))]

    def _documents(self, before: PullReview, pull: PullReview, delivery: Digest | None) -> tuple[Document, ...]:
        place = pull.repository, pull.number
        documents = [Document(kind=PULLS, key=_key(*place, _STATE), body=codec().dump(pull))]
        if delivery is not None:
            documents.append(Document(kind=PULLS, key=_key(*place, delivery), body={"at": self._clock.now()}))
        if before.pending or pull.pending:
            body = {"repository": pull.repository, "number": pull.number} if pull.pending else None
            documents.append(Document(kind=PENDING, key=_key(*place), body=body))
        return tuple(documents)


def _pull(repository: str, number: int, found: tuple[Document, ...]) -> PullReview:
    state = [document for document in found if document.key == _key(repository, number, _STATE)]
    return codec().load(state[0].body, PullReview) if state else PullReview(repository=repository, number=number)


def _key(repository: str, number: int, of: str = "") -> str:
    """Return a key; that of one pull request is no beginning of another one's."""
    return f"{repository}#{number}/{of}"
