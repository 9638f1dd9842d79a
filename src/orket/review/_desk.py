"""The review desk: a function of headers and bytes, and what follows from it."""

import os
from collections.abc import Collection
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Any, Final, Self
from weakref import WeakValueDictionary

import anyio
import anyio.abc
import anyio.to_thread
from attrs import define, evolve, field

from orket._clock import SystemClock
from orket.contracts import (
    Clock,
    Delivery,
    GiteaClient,
    PullReview,
    ReviewAction,
    ReviewPolicy,
    ReviewQuestion,
    ReviewStarter,
    SandboxDeployer,
    Store,
)
from orket.errors import RunError, StoreError, WiringError
from orket.review._delivery import read_delivery
from orket.review._effects import Performer
from orket.review._judging import judge
from orket.review._payload import MAX_BODY, read_object
from orket.review._policy import DefaultReviewPolicy
from orket.review._pulls import Change, accept, take_in
from orket.review._record import PullRecord, Seen
from orket.review._response import RefusedError, Response, answer
from orket.review._signature import Headers, Secret, digest_of
from orket.review._window import RateLimit, SlidingWindow
from orket.review._worker import Worker

_QUICK: Final = 64 * 1024  # bytes that are hashed and read in some 2 ms; more is done in a worker thread
_NAME: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


def _repositories(names: Collection[str]) -> frozenset[str]:
    listed = names if not isinstance(names, str) and isinstance(names, Collection) else ()
    wrong = [name for name in listed if not is_repository(name)]
    if wrong or not listed:
        raise WiringError(
            [f"repositories: a list of at least one 'owner/name' is valid, found {wrong or names!r:.100}"]
        )
    return frozenset(listed)


def is_repository(name: Any) -> bool:
    """Return whether a text is ``owner/name`` as Gitea has it, and means no other path."""
    parts = name.split("/") if isinstance(name, str) else ()
    return len(parts) == 2 and all(part.strip(".") and _NAME.issuperset(part) for part in parts)


@define(kw_only=True, eq=False, repr=False)
class ReviewDesk:
    """Takes in Gitea's deliveries about pull requests, and does what follows; open it with ``async with``.

    The desk is no server: any framework calls :meth:`handle` with what it received, and sends back what that returns.
    What follows is done after the response, in tasks of its own; what is left when the desk is closed, or dies, is
    taken up when a desk is opened on the same store.

    Args:
        secret: what Gitea signs deliveries with; at least 16 bytes.
        repositories: the ones that deliveries may be about, as ``owner/name``.
        store: an open store, of an orchestrator or of the desk's own; it is not closed.
        gitea: where pull requests are merged, closed and commented.
        reviews: starts review turns, as an orchestrator does; None: nothing is started.
        sandboxes: deploys what was merged; None: nothing is deployed.
        policy: what follows from deliveries.
        limit: how many verified deliveries are taken in within a time.
        clock: the source of time.

    Raises:
        WiringError: the secret is too short, or no repository is named.
    """

    _secret: Secret = field(alias="secret", converter=Secret)
    _repositories: frozenset[str] = field(alias="repositories", converter=_repositories)
    _store: Store = field(alias="store")
    _gitea: GiteaClient = field(alias="gitea")
    _reviews: ReviewStarter | None = field(alias="reviews", default=None)
    _sandboxes: SandboxDeployer | None = field(alias="sandboxes", default=None)
    _policy: ReviewPolicy = field(alias="policy", factory=DefaultReviewPolicy)
    _limit: RateLimit = field(alias="limit", factory=RateLimit)
    _clock: Clock = field(alias="clock", factory=SystemClock)
    _record: PullRecord = field(init=False)
    _window: SlidingWindow = field(init=False)
    _worker: Worker | None = field(init=False, default=None)
    _open: AsyncExitStack = field(init=False, factory=AsyncExitStack)
    _locks: WeakValueDictionary[str, anyio.Lock] = field(init=False, factory=WeakValueDictionary)

    def __attrs_post_init__(self) -> None:
        self._record = PullRecord(self._store, self._clock)
        self._window = SlidingWindow(self._limit)

    async def __aenter__(self) -> Self:
        """Take up what earlier desks have left pending.

        Raises:
            RunError: the desk is open already.
            StoreError: the store cannot be read.
        """
        if self._worker is not None:
            raise RunError("the review desk is open already")
        unfinished = await self._record.unfinished()
        async with AsyncExitStack() as opening:
            tasks = await opening.enter_async_context(_Tasks())
            self._worker = self._make_worker(tasks.group)
            for pull in unfinished:
                self._worker.wake(pull)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what is under way; it is asked for, and finished, when a desk is opened on the store again."""
        self._worker = None
        await self._open.aclose()

    async def handle(self, headers: Headers, body: bytes) -> Response:
        """Take in a delivery.

        Args:
            headers: of the request, as a mapping or as pairs.
            body: the raw bytes of the request: what is signed.

        Returns:
            202: it is on record, with all that follows from it. 200: nothing follows, or it was taken in before. 4xx:
            it is turned away, and nothing has changed. 500: the policy failed; 503: the store did; deliver it again.

        Raises:
            RunError: the desk is not open.
        """
        worker = self._opened()
        try:
            delivery = await self._read(headers, body)
            if delivery is None:
                return answer(200, "ignored", "nothing follows from such an event")
            return await self._take_in(worker, delivery)
        except RefusedError as refused:
            return refused.response()
        except StoreError:
            return answer(503, "failed", "the record could not be written; deliver it again", retry_after=30)

    async def pull(self, repository: str, number: int) -> PullReview:
        """Return what is known of a pull request, and what is pending; of version 0 where nothing is known.

        Raises:
            StoreError: the store cannot be read.
        """
        return await self._record.load(repository, number)

    async def settled(self) -> None:
        """Wait until everything pending is done, or has been tried often enough for now."""
        await self._opened().settled()

    async def _read(self, headers: Headers, body: bytes) -> Delivery | None:
        if len(body) > MAX_BODY:
            raise RefusedError(413, f"the body has more than {MAX_BODY} bytes")
        is_large = len(body) > _QUICK
        if is_large:
            await anyio.to_thread.run_sync(self._secret.check, headers, body)
        else:
            self._secret.check(headers, body)
        # Only what is signed counts: nobody else can use up the window.
        if (seconds := self._window.admit(self._clock.now())) is not None:
            raise RefusedError(429, "too many deliveries", retry_after=seconds)
        payload = await anyio.to_thread.run_sync(read_object, body) if is_large else read_object(body)
        return read_delivery(payload, digest_of(body), self._repositories)

    async def _take_in(self, worker: Worker, delivery: Delivery) -> Response:
        place = f"{delivery.repository}#{delivery.number}"
        lock = self._locks.get(place) or self._locks.setdefault(place, anyio.Lock(fast_acquire=True))
        async with lock:
            response = await self._respond(worker, delivery, self._record.recall(delivery.repository, delivery.number))
            while response is None:
                seen = await self._record.look(delivery.repository, delivery.number)
                response = await self._respond(worker, delivery, seen)
        return response

    async def _respond(self, worker: Worker, delivery: Delivery, seen: Seen) -> Response | None:
        """Take a delivery in if the pull request still is as it was seen; None: it is not, or may not be."""
        if delivery.digest in seen.deliveries:
            if seen.pull.pending:
                worker.wake(seen.pull)
            return answer(200, "duplicate", "this delivery was taken in before")
        taken = take_in(seen.pull, delivery, self._clock.now())
        if taken is None:
            return answer(200, "ignored", f"the pull request is {seen.pull.status.value}") if seen.is_fresh else None
        try:
            change, reason = self._decide(worker, seen.pull, taken, delivery)
        except RefusedError:
            if seen.is_fresh:
                raise
            return None
        after = await self._commit(worker, seen.pull, change)
        return None if after is None else answer(202 if after.pending else 200, "accepted", reason)

    async def _commit(self, worker: Worker, before: PullReview, change: Change) -> PullReview | None:
        after = None
        try:
            with anyio.CancelScope(shield=True):  # a commit that is begun ends, and then is seen to
                after = await self._record.swap(before, change)
        finally:  # where the store failed, too, the intents may be on record
            if change.pull.pending:
                worker.wake(after or before, is_fresh=after is not None)
        return after

    def _decide(self, worker: Worker, before: PullReview, taken: PullReview, delivery: Delivery) -> tuple[Change, str]:
        said = judge(self._policy, ReviewQuestion(pull=taken, delivery=delivery))
        possible = tuple([action for action in said.actions if worker.performer.can(action.act)])
        if len(possible) < len(said.actions):
            missing = sorted({it.act.value for it in said.actions} - {it.act.value for it in possible})
            said = evolve(said, actions=possible, reason=f"{said.reason} (nobody here to {', '.join(missing)})")

        def key(index: int, action: ReviewAction) -> str:
            return self._secret.key_of(delivery.repository, delivery.number, delivery.digest, index, action.act.value)

        return accept(before, taken, delivery, said, key, worker.hold()), said.reason

    def _make_worker(self, group: anyio.abc.TaskGroup) -> Worker:
        performer = Performer(gitea=self._gitea, policy=self._policy, reviews=self._reviews, sandboxes=self._sandboxes)
        return Worker(
            record=self._record,
            performer=performer,
            secret=self._secret,
            clock=self._clock,
            owner=f"review-desk-{os.urandom(8).hex()}",
            tasks=group,
        )

    def _opened(self) -> Worker:
        if self._worker is None:
            raise RunError("the review desk is not open; use it with `async with`")
        return self._worker


class _Tasks:
    """A task group that is cancelled when it is left, and lets the errors of the body stay bare."""

    async def __aenter__(self) -> Self:
        self.group = anyio.create_task_group()
        await self.group.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.group.cancel_scope.cancel()
        await self.group.__aexit__(None, None, None)
