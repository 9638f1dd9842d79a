"""Where pull requests are kept: documents of a store, changed by compare-and-set.

A store has no compare-and-set for documents, but it applies a batch once for each ``op_id``. So the change of a pull
request to version *n* has an ``op_id`` made of *n*: of two that want to be the same version the first is applied, and
the stamps that are read back say whose it was.
"""

import os
from typing import Final

from attrs import evolve

from orket._codec import codec
from orket.contracts import Batch, Clock, Document, PullReview, Store
from orket.events import Digest
from orket.review._pulls import Change

PULLS: Final = "review_pull"  # a pull request, and beside it the deliveries that were taken in
PENDING: Final = "review_pending"  # one for each pull request that has something pending
PLACE: Final = "review"  # run and build of what the desk records
_STAMPS: Final = 16  # further changes that may come between a commit and its reading back
_STATE: Final = "!"  # sorts, and compares, apart from every digest


class PullRecord:
    """The pull requests of a store, which its owner opens and closes."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def load(self, repository: str, number: int) -> PullReview:
        """Return a pull request; of version 0 where nothing is known of it."""
        found = await self._store.find(PULLS, prefix=_key(repository, number, _STATE))
        return _pull(repository, number, found)

    async def look_up(self, repository: str, number: int, delivery: Digest) -> tuple[PullReview, bool]:
        """Return a pull request, and whether a delivery about it was taken in before: one look at the store."""
        found = await self._store.find(PULLS, prefix=_key(repository, number))
        is_known = any(document.key == _key(repository, number, delivery) for document in found)
        return _pull(repository, number, found), is_known

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
        version, stamp = before.version + 1, os.urandom(8).hex()
        pull = evolve(change.pull, version=version, stamps=(*before.stamps, stamp)[-_STAMPS:])
        batch = Batch(
            op_id=f"{PLACE}:{pull.id}:{version}",
            run=PLACE,
            build=PLACE,
            at=self._clock.now(),
            card=pull.id,
            records=change.records,
            documents=self._documents(before, pull, change.delivery),
            payloads=dict(change.payloads),
        )
        await self._store.commit(batch)
        now = await self.load(pull.repository, pull.number)
        return pull if stamp in now.stamps else None

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
