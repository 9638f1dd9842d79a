"""The stock manager of bug-fix phases."""

from collections.abc import Callable

from orket.bugfix._phases import Change, advance, begin, no_phase, report, resolve
from orket.bugfix._record import PhaseRecord
from orket.bugfix._rules import BugFixRules
from orket.contracts import Bug, BugFixPhase, Clock, FinishedRock, Store


class DefaultBugFixManager:
    """Keep the phases in a store; several managers may share one.

    Args:
        store: where; opened and closed by its owner.
        clock: what time it is.
        entropy: returns so many random bytes.
        rules: how long phases last.
    """

    def __init__(self, store: Store, clock: Clock, entropy: Callable[[int], bytes], rules: BugFixRules) -> None:
        self._record = PhaseRecord(store, clock, entropy)
        self._clock = clock
        self._rules = rules

    async def begin(self, finished: FinishedRock, /) -> BugFixPhase:
        """Begin the phase of a rock whose run is done, and return it; where the rock has one, return that.

        Raises:
            StoreError: it may have begun, or not.
        """
        phase, _ = await self._change(
            finished.rock, finished.department, lambda phase: begin(phase, finished, self._rules)
        )
        return _known(phase, finished.rock)

    async def report(self, rock: str, department: str, bug: Bug, /) -> BugFixPhase:
        """Add a bug to the phase of a rock. The same bug reported again changes nothing.

        Raises:
            BugFixError: the rock has no phase, it is over, or has another bug of this id.
            StoreError: the bug may be on record, or not; report it again.
        """
        phase, _ = await self._change(rock, department, lambda phase: report(_known(phase, rock), bug))
        return _known(phase, rock)

    async def resolve(self, rock: str, department: str, bug: str, actor: str, reason: str, /) -> BugFixPhase:
        """Resolve a bug. One that is resolved stays as it is.

        Raises:
            BugFixError: the rock has no phase, it is over, or has no such bug.
            StoreError: it may be on record, or not; resolve it again.
        """
        phase, _ = await self._change(
            rock,
            department,
            lambda phase: resolve(_known(phase, rock), bug, actor=actor, reason=reason, now=self._clock.now()),
        )
        return _known(phase, rock)

    async def find(self, rock: str, department: str, /) -> BugFixPhase | None:
        """Return the last phase of a rock as it is by now, or None.

        Raises:
            StoreError: the record could not be read or written.
        """
        phase, _ = await self._change(rock, department, lambda _phase: None)
        return phase

    async def advance(self) -> tuple[BugFixPhase, ...]:
        """Extend or end every phase whose time is up, and return these phases as they are now.

        Raises:
            StoreError: the record could not be read or written.
        """
        found = [
            await self._change(rock, department, lambda _phase: None)
            for rock, department in await self._record.open_places()
        ]
        return tuple([phase for phase, is_new in found if phase is not None and is_new])

    async def aclose(self) -> None:
        """Do nothing: the store is its owner's to close."""

    async def _change(
        self, rock: str, department: str, make: Callable[[BugFixPhase | None], Change | None]
    ) -> tuple[BugFixPhase | None, bool]:
        """Let a phase be what it is by now, then change it; return it, and whether its time was up.

        What somebody else changes meanwhile is looked at again.
        """
        was_due = False
        while True:
            phase = await self._record.load(rock, department)
            due = advance(phase, self._rules, self._clock.now()) if phase is not None else None
            change = due or make(phase)
            if change is None:
                return phase, was_due
            changed = await self._record.swap(phase, change)
            if due is not None:
                was_due = was_due or changed is not None
            elif changed is not None:
                return changed, was_due


def _known(phase: BugFixPhase | None, rock: str) -> BugFixPhase:
    if phase is None:
        raise no_phase(rock)
    return phase
