"""The bug-fix phases of finished rocks: when they begin, and what a host does with them."""

from collections.abc import Mapping

from orket._config import VALID_ID, is_issue_id
from orket._orchestrator._arguments import check
from orket._orchestrator._engine import Engine
from orket._orchestrator._opened import Opened
from orket._orchestrator._operator import check_person
from orket._orchestrator._phasing import begin_phases, manager_of
from orket.bugfix import find_sequels
from orket.bugfix._phases import no_phase
from orket.contracts import Bug, BugFixManager, BugFixPhase, BugSeverity, EpicReference
from orket.errors import BugFixError, UnknownCardError


class BugFixVerbs(Opened):
    """The verbs of an :class:`Orchestrator` for the time after a rock is done."""

    __slots__ = ()

    async def report_bug(
        self,
        rock: str,
        bug_id: str,
        title: str,
        *,
        severity: BugSeverity | str,
        actor: str,
        detail: str = "",
        card: str = "",
        department: str = "core",
    ) -> BugFixPhase:
        """Report a bug of a finished rock; the same one reported again changes nothing.

        Args:
            rock: whose bug-fix phase goes on.
            bug_id: the bug's id, and that of its issue if it remains.
            title: what is wrong, in a line.
            severity: a :class:`~orket.contracts.BugSeverity`, or its value.
            actor: who found it.
            detail: what else helps to mend it.
            card: the issue of the rock that it is in: its epic and seat are to mend the bug. Without, the rock's first
                epic and the seat of the first issue there.
            department: of the rock.

        Returns:
            The phase with the bug.

        Raises:
            BugFixError: the rock has no phase, it is over, or has another bug of this id.
            UnknownCardError: the rock has no such issue.
            RunError: an argument is of no use.
            StoreError: the bug may be on record, or not; report it again.
        """
        engine = self._opened()
        _check_bug(bug_id, title, severity, detail)
        check_person(actor, "")
        manager = await _manager(engine)
        phase = await manager.find(rock, department)
        if phase is None:
            raise no_phase(rock)
        epic, home, seat = await _place(engine, phase, card)
        bug = Bug(
            id=bug_id,
            title=title,
            severity=BugSeverity(severity),
            by=actor,
            found_at=engine.clock.now(),
            detail=detail,
            card=card,
            epic=epic,
            department=home,
            seat=seat,
        )
        return await manager.report(rock, department, bug)

    async def resolve_bug(
        self, rock: str, bug_id: str, *, actor: str, reason: str = "", department: str = "core"
    ) -> BugFixPhase:
        """Say that a bug is none any more; one that is resolved stays as it is.

        Args:
            rock: whose bug-fix phase goes on.
            bug_id: which.
            actor: who says so.
            reason: what was done, for the record.
            department: of the rock.

        Returns:
            The phase without it among its open bugs.

        Raises:
            BugFixError: the rock has no phase, it is over, or has no such bug.
            RunError: an argument is of no use.
            StoreError: it may be on record, or not; resolve it again.
        """
        check_person(actor, reason)
        manager = await _manager(self._opened())
        return await manager.resolve(rock, department, bug_id, actor, reason)

    async def bug_fix_phase(self, rock: str, *, department: str = "core") -> BugFixPhase | None:
        """Return the last bug-fix phase of a rock as it is by now, or None: no run of the rock is done.

        Raises:
            StoreError: the record could not be read or written.
        """
        return await (await _manager(self._opened())).find(rock, department)

    async def advance_bug_fixes(self) -> tuple[BugFixPhase, ...]:
        """See to all bug-fix phases: extend or end those whose time is up, and return them as they are now.

        Every other verb and every run of a rock does so by itself. A host that wants to know at once calls this now and
        then; nothing runs in the background.

        Raises:
            StoreError: the record could not be read or written.
        """
        return await (await _manager(self._opened())).advance()


async def _manager(engine: Engine) -> BugFixManager:
    """Return the manager, after the phases of all rocks that are done have begun."""
    manager = manager_of(engine.services)
    await begin_phases(manager, engine.store, engine.clock)
    return manager


def _check_bug(bug_id: object, title: object, severity: object, detail: object) -> None:
    check("bug_id", bug_id, is_valid=is_issue_id(bug_id), valid=VALID_ID)
    check("title", title, is_valid=isinstance(title, str) and bool(title.strip()), valid="a text")
    check("severity", severity, is_valid=severity in tuple(BugSeverity), valid=", ".join(BugSeverity))
    check("detail", detail, is_valid=isinstance(detail, str), valid="a text")


async def _place(engine: Engine, phase: BugFixPhase, card: str) -> tuple[str, str, str]:
    """Return the epic whose bug it is, that epic's department, and the seat that is to mend it.

    Raises:
        UnknownCardError: no board of the rock has the card.
        BugFixError: the rock has no issue at all.
    """
    rows = [row for row in await engine.store.runs() if row.parent == phase.run]
    sources = await _sources(engine)
    for row in rows:
        for held in await engine.store.load_board(row.build):
            if card in ("", held.issue.id):
                own = EpicReference(epic=row.card, department=row.department)
                source = sources.get((row.card, row.department), own)
                return source.epic, source.department, held.issue.seat
    if card:
        raise UnknownCardError(f"rock {phase.rock} has no issue {card!r:.100} on its boards", card=card)
    raise BugFixError(f"rock {phase.rock} has no issue, so that nobody could mend a bug of it", rock=phase.rock)


async def _sources(engine: Engine) -> Mapping[tuple[str, str], EpicReference]:
    """Return by name and department of each epic that holds bugs the one that they are in."""
    return {
        (epic.epic, epic.department): sequel.source_of(epic.epic, epic.department)
        for sequel in await find_sequels(engine.store)
        for epic in sequel.as_rock().epics
    }
