"""What an orchestrator offers to people: acts on cards, and on effects of unknown outcome; and what is on record."""

from collections.abc import AsyncIterator

from orket._flow import UnsettledEffect
from orket._orchestrator._arguments import check_cursor
from orket._orchestrator._causes import Explanation
from orket._orchestrator._history import history
from orket._orchestrator._opened import Opened
from orket._orchestrator._operator import cancel, operate, reopen, reprioritize, unblock
from orket._orchestrator._settling import settle, unsettled
from orket._orchestrator._views import BoardView, explain, view_board
from orket.cards import Issue
from orket.contracts import Settlement
from orket.events import JournalEntry


class OperatorVerbs(Opened):
    """The verbs of an :class:`Orchestrator` that are for people."""

    __slots__ = ()

    async def unblock(self, card_id: str, *, actor: str, reason: str = "", build: str | None = None) -> Issue:
        """Let a waiting card take turns again, its retries begun anew; its next prompt quotes the reason.

        Like every action of an operator it is judged by the law and recorded under the name of the actor. The next run
        of the build works on it; a run that is going may have ended before it looks at the card again.

        Args:
            card_id: an issue's id.
            actor: the person who acts.
            reason: why, or the answer that the card waited for.
            build: the board that the card is on; None where only one board has it.

        Returns:
            The card as it is now.

        Raises:
            UnknownCardError: no board has such a card.
            RunError: several boards have one, or an argument is of no use.
            TransitionError: the law refuses.
            EffectUnknownError: an effect of the card is not settled.
            StoreConflictError: a turn holds the card, or somebody else changed it meanwhile.
        """
        return await operate(self._opened(), card_id, build, unblock, actor=actor, reason=reason, tell=True)

    async def reopen(self, card_id: str, *, actor: str, reason: str = "", build: str | None = None) -> Issue:
        """Let a done or canceled card take turns again; otherwise as :meth:`unblock`."""
        return await operate(self._opened(), card_id, build, reopen, actor=actor, reason=reason, tell=True)

    async def cancel(self, card_id: str, *, actor: str, reason: str = "", build: str | None = None) -> Issue:
        """Call off an unfinished card; arguments and errors as in :meth:`unblock`."""
        return await operate(self._opened(), card_id, build, cancel, actor=actor, reason=reason)

    async def reprioritize(
        self, card_id: str, priority: float, *, actor: str, reason: str = "", build: str | None = None
    ) -> Issue:
        """Give a card another priority, larger is more urgent; otherwise as :meth:`unblock`."""
        return await operate(self._opened(), card_id, build, reprioritize(priority), actor=actor, reason=reason)

    async def unsettled(self, *, build: str | None = None) -> tuple[UnsettledEffect, ...]:
        """Return the at-most-once effects whose outcome nobody knows, the oldest first.

        Their cards wait until :meth:`settle` says of each whether it ran, or their tool does. An effect in a turn that
        is still going is none of them.

        Args:
            build: of this board only; None: of all. A build that no run has worked on has none.
        """
        return await unsettled(self._opened(), build)

    async def settle(
        self,
        effect: UnsettledEffect | str,
        *,
        ran: bool,
        actor: str,
        output: str = "",
        ok: bool = True,
        reason: str = "",
    ) -> Issue:
        """Say whether an effect of unknown outcome ran; its turn is taken up by the next run of the build.

        Args:
            effect: one of :meth:`unsettled`, or its key.
            ran: True: it is never run again, and the model is told the output. False: the turn runs it now; say so only
                when whatever began it cannot act any more.
            actor: the person who says so.
            output: of an effect that ran, what the model is told.
            ok: of an effect that ran, whether it went well.
            reason: how this is known, for the record.

        Returns:
            The card as it is now.

        Raises:
            RunError: no such effect waits to be settled, or an argument is of no use.
            StoreConflictError: a turn holds the card, or somebody else changed it meanwhile.
        """
        answer = Settlement(ran=ran, ok=ok, output=output)
        return await settle(self._opened(), effect, answer, actor=actor, reason=reason)


class RecordVerbs(Opened):
    """The verbs of an :class:`Orchestrator` that read the record."""

    __slots__ = ()

    async def board(self, build: str | None = None) -> BoardView:
        """Return the board of a build (None: of all builds in the store).

        Raises:
            UnknownCardError: no run has worked on this build.
        """
        engine = self._opened()
        return await view_board(engine.store, build, engine.clock.now(), engine.is_review)

    def history(
        self, *, since: int = 0, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        """Iterate over the journal's entries with ``seq`` > *since* that match, to its present end.

        Those about a card begin with the one with which it joined its board.

        Raises:
            RunError: *since* is no number of an entry.
        """
        check_cursor(since)
        return history(self._opened().store, since, run=run, build=build, card=card)

    async def explain(self, card: str, *, build: str | None = None) -> Explanation:
        """Return why a card stands where it stands, with everything that led there.

        Args:
            card: an issue's id.
            build: the board that the card is on; None where only one board has it.

        Raises:
            UnknownCardError: no board has such a card.
            RunError: several boards have one.
        """
        engine = self._opened()
        return await explain(engine.store, card, build, engine.clock.now(), engine.is_review)
