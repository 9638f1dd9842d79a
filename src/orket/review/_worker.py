"""Works off what deliveries have left pending, one effect of a pull request after the other."""

from collections.abc import Callable
from typing import Final

import anyio
import anyio.abc
from attrs import define, field

from orket.contracts import Clock, PendingEffect, PullReview
from orket.errors import StoreError
from orket.review._effects import AttemptError, Performer, time_for
from orket.review._pulls import (
    Change,
    Hold,
    Outcome,
    finish_first,
    hold_first,
    is_held,
    postpone_first,
)
from orket.review._record import PullRecord
from orket.review._signature import Secret

ATTEMPTS: Final = 6  # in a row; then the next delivery, or the next start, begins anew
LONGEST: Final = 60.0  # seconds between two attempts
MARGIN: Final = 30.0  # seconds beside its time limit that an effect is held for: its outcome has to be committed


@define(kw_only=True, repr=False, eq=False)
class Worker:
    """One task for each pull request that has something pending."""

    record: PullRecord
    performer: Performer
    secret: Secret
    clock: Clock
    owner: str
    tasks: anyio.abc.TaskGroup
    _busy: dict[str, bool] = field(factory=dict, init=False)  # pull request -> there is news of it
    _tried: set[str] = field(factory=set, init=False)  # keys of effects whose outcome is not on record
    _idle: anyio.Event | None = field(default=None, init=False)  # somebody waits for the next task to end

    def hold(self, effect: PendingEffect | None = None) -> Hold:
        """Return the right to try an effect, beginning now."""
        now = self.clock.now()
        seconds = time_for(effect.action.act) if effect else LONGEST
        return Hold(owner=self.owner, now=now, until=now + seconds + MARGIN)

    def wake(self, pull: PullReview, *, is_fresh: bool = False) -> None:
        """See to the effects of a pull request.

        Args:
            pull: which; its task looks how it stands by then.
            is_fresh: it stands like this: a task that begins with it need not look, because its first effect is held
                for this worker, and nobody withdraws what is held.
        """
        if pull.id in self._busy:
            self._busy[pull.id] = True
        else:
            self._busy[pull.id] = False
            self.tasks.start_soon(self._see_to, pull, is_fresh)

    async def settled(self) -> None:
        """Wait until nothing is under way."""
        while self._busy:
            idle = self._idle = self._idle or anyio.Event()
            await idle.wait()

    async def _see_to(self, pull: PullReview, is_fresh: bool) -> None:
        try:
            while True:
                is_fresh, self._busy[pull.id] = is_fresh and not self._busy[pull.id], False
                try:
                    await self._work_off(pull if is_fresh else await self._reload(pull))
                    is_fresh = False
                    if not self._busy[pull.id]:
                        return
                except StoreError:  # it is out of order: the next delivery, or the next start, finds what is left
                    return
        finally:
            del self._busy[pull.id]
            if self._idle is not None:
                self._idle.set()
                self._idle = None

    async def _work_off(self, pull: PullReview) -> None:
        """Try the pending effects, the oldest first."""
        failed = 0  # attempts in a row at the first pending effect
        while pull.pending:
            effect = pull.pending[0]
            held = None if await self._wait(effect) else await self._begin(pull, effect)
            if held is None:
                pull = await self._reload(pull)
                continue
            is_first = effect.owner == self.owner and effect.attempts == 0 and effect.key not in self._tried
            self._tried.add(effect.key)
            try:
                outcome = await self.performer.attempt(held, effect, ask=not is_first)
            except AttemptError as error:
                failed += 1
                given_up = error.refused and (not error.retryable or failed >= ATTEMPTS)
                if not given_up:
                    pull = await self._postpone(held, effect, error.detail, failed)
                    if failed >= ATTEMPTS:
                        return
                    continue
                outcome = Outcome(ok=False, text=error.detail)
            pull = await self._finish(held, effect, outcome)
            self._tried.discard(effect.key)
            failed = 0

    async def _reload(self, pull: PullReview) -> PullReview:
        return await self.record.load(pull.repository, pull.number)

    async def _wait(self, effect: PendingEffect) -> bool:
        """Wait until the effect may be tried; False: it may be now."""
        now = self.clock.now()
        is_foreign = effect.owner != self.owner and is_held(effect, now)
        until = effect.until if is_foreign else effect.after
        if until <= now:
            return False
        await self.clock.sleep(until - now)
        return True

    async def _begin(self, pull: PullReview, effect: PendingEffect) -> PullReview | None:
        """Take the right to try the effect, where it is not held long enough; None: somebody else was faster."""
        hold = self.hold(effect)
        if effect.owner == self.owner and effect.until >= hold.until:
            return pull
        return await self.record.swap(pull, hold_first(pull, hold))

    async def _postpone(self, pull: PullReview, effect: PendingEffect, detail: str, failed: int) -> PullReview:
        after = self.clock.now() + min(LONGEST, 2.0 ** (failed - 1))
        return await self._change(pull, effect, lambda now: postpone_first(now, detail, after))

    async def _finish(self, pull: PullReview, effect: PendingEffect, outcome: Outcome) -> PullReview:
        def key(index: int, _: object) -> str:
            return self.secret.key_of(effect.key, "then", index)

        return await self._change(pull, effect, lambda now: finish_first(now, outcome, key, self.hold()))

    async def _change(
        self, pull: PullReview, effect: PendingEffect, make: Callable[[PullReview], Change]
    ) -> PullReview:
        """Write what became of an effect, unless somebody else has done so; return the pull request as it is then."""
        while pull.pending and pull.pending[0].key == effect.key:
            changed = await self.record.swap(pull, make(pull))
            if changed is not None:
                return changed
            pull = await self._reload(pull)
        return pull
