"""What the journal of a build needs to be taken up, and whether it is still there: looked at before anything runs."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Literal, TypeAlias

from attrs import define, field, frozen

from orket._board import is_running
from orket._codec import canonical_json, digest
from orket._flow import RecordedTurn, goes_on, read_open_turn
from orket._orchestrator._history import beginning
from orket._parse import parse_reply
from orket._pipeline import EpicAssets
from orket._value import Value
from orket._wiring import Wiring
from orket.cards import CardStatus, Issue
from orket.contracts import CONTRACT_VERSION, CardRow, RunRow, Store, Tool
from orket.errors import ConfigError, JournalError, ResumeError, StoreVersionError, ToolError
from orket.events import Resolution, RunOutcome, TurnKind

What: TypeAlias = Literal[
    "node", "version", "options", "contract", "asset", "seat", "role", "tool", "arguments", "format", "payload"
]
_DIED = (None, RunOutcome.BLOCKED)
_WIRING = ("node", "version", "options", "contract")


@frozen(kw_only=True, repr=False, eq=False)
class Obstacle(Value):
    """A thing that the journal of a build needs and that is not there any more.

    ``what`` is ``node`` (another node is wired), ``version`` (of its distribution), ``options`` (its options, or where
    it was chosen), ``contract`` (the version of the nodes' contracts), ``asset``, ``seat``, ``role``, ``tool``,
    ``arguments`` (the tool does not take those of a call that is to run), ``format`` (a newer orket wrote it: a status,
    a record, a version) or ``payload`` (a text is missing). ``name`` says which one, ``detail`` what was there and what
    is. ``card`` is None where it is about the whole build.
    """

    what: What
    name: str
    detail: str
    build: str
    card: str | None = None
    run: str | None = None


@define(kw_only=True, repr=False, eq=False)
class Preflight:
    """Looks at builds; see :meth:`obstacles`."""

    store: Store
    wiring: Wiring
    tools: Mapping[str, Tool]
    now: float
    active: frozenset[str]  # runs that are going on here
    load: Callable[[str, str], Awaitable[EpicAssets]]  # an epic of a department
    kind_of: Callable[[CardStatus], TurnKind]
    accept_new_wiring: bool
    _runs: dict[str, RunRow] = field(factory=dict)

    async def obstacles(self, build: str, target: str | None = None) -> tuple[Obstacle, ...]:
        """Return all that is in the way of taking up a build, or of one issue of it.

        Raises:
            StoreError: the record could not be read.
        """
        rows = await self.store.runs(build)
        if not rows:
            return ()
        self._runs = {row.id: row for row in rows}
        try:
            board = await self.store.load_board(build)
        except StoreVersionError as error:
            cards = error.cards or {"": error.message}
            return tuple([_format(build, why, card or None) for card, why in cards.items()])
        found: list[Obstacle] = []
        died = {rows[-1].id}
        for row in board:
            if row.token and target in (None, row.issue.id) and not self._is_resting(row):
                found += await self._of_card(build, row.issue, died)
        for run in died:
            found = [*await self._of_run(build, run), *found]
        return tuple(found)

    async def check(self, build: str, target: str | None = None) -> None:
        """Refuse to take up a build that something is in the way of.

        Raises:
            ResumeError: naming each thing.
        """
        if not (obstacles := await self.obstacles(build, target)):
            return
        lines = [f"{one.card or 'all'}: {one.detail}" for one in obstacles]
        if any(one.what in _WIRING for one in obstacles):
            lines.append("accept_new_wiring=True takes it up all the same, as far as nodes are concerned")
        raise ResumeError(
            "\n  - ".join((f"build {build} was left unfinished and cannot be taken up:", *lines)),
            build=build,
            obstacles=obstacles,
        )

    def _is_resting(self, row: CardRow) -> bool:
        """Return whether no turn of a card would be taken up now: it is at rest, waits, or somebody works on it."""
        return is_running(row, self.now) or row.issue.status.is_terminal or row.issue.wait_reason is not None

    async def _of_card(self, build: str, issue: Issue, died: set[str]) -> list[Obstacle]:
        """Return what an open turn of a card lacks; note the run that opened it."""
        try:
            turn = await read_open_turn(self.store, build, issue.id)
        except StoreVersionError as error:
            return [_format(build, error.message, issue.id)]
        except JournalError as error:
            return [Obstacle(what="payload", name=f"{error.seq}", detail=error.message, build=build, card=issue.id)]
        if turn is None or not goes_on(issue, turn, self.kind_of(issue.status)):
            return []
        died.add(turn.run)
        gone = [*await self._gone(turn), *self._unbound(turn)]
        said = f"a turn on {issue.id} that run {turn.run} left open needs it"
        return [
            Obstacle(what=what, name=name, detail=f"{detail}; {said}", build=build, card=issue.id, run=turn.run)
            for what, name, detail in gone
        ]

    async def _gone(self, turn: RecordedTurn) -> list[tuple[What, str, str]]:
        found: list[tuple[What, str, str]] = [
            ("tool", name, f"there is no tool {name!r} any more") for name in turn.tools if name not in self.tools
        ]
        run = self._runs.get(turn.run)
        if run is None:
            return found
        try:
            team = (await self.load(run.card, run.department)).team
        except ConfigError as error:
            found.append(("asset", run.card, f"epic {run.card!r} cannot be loaded any more: {error.message}"))
            return found
        if turn.seat not in team.seats:
            found.append(("seat", turn.seat, f"there is no seat {turn.seat!r} any more"))
        gone = [name for name in turn.roles if name not in team.roles]
        found.extend(("role", name, f"there is no role {name!r} any more") for name in gone)
        return found

    def _unbound(self, turn: RecordedTurn) -> Iterator[tuple[What, str, str]]:
        """Yield the calls of an open turn that were about to run, and whose tools do not take them any more."""
        for (number, index), intent in turn.intents.items():
            settled = turn.settled.get(intent.key)
            tool, reply = self.tools.get(intent.tool), turn.replies.get(number)
            if intent.key in turn.outputs or (settled and settled.ran) or tool is None or reply is None:
                continue
            call = parse_reply(reply).calls[index]
            if digest(canonical_json(call.arguments)) != intent.arguments:
                continue  # a conflict, which its turn reports
            try:
                tool.bind(call.arguments)
            except ToolError as error:
                yield "arguments", intent.tool, f"tool {intent.tool!r} does not take what it was called with: {error}"

    async def _of_run(self, build: str, run: str) -> list[Obstacle]:
        """Return how the nodes of a run that died differ from those wired now."""
        row = self._runs.get(run)
        if row is None or row.outcome not in _DIED or run in self.active or self.accept_new_wiring:
            return []
        try:
            started = await beginning(self.store, run)
        except StoreVersionError as error:
            return [_format(build, error.message, None)]
        if started is None:
            return []
        found: list[Obstacle] = []
        if started.contract != CONTRACT_VERSION:
            said = f"run {run} kept contract version {started.contract}, this orket has {CONTRACT_VERSION}"
            name = str(started.contract)
            found.append(Obstacle(what="contract", name=name, detail=said, build=build, run=run))
        before = {one.kind: one for one in started.resolutions}
        for now in self.wiring.resolutions:
            was = before.get(now.kind)
            if was is not None and was != now:
                what, detail = _difference(was, now, run)
                found.append(Obstacle(what=what, name=was.kind, detail=detail, build=build, run=run))
        return found


def _difference(was: Resolution, now: Resolution, run: str) -> tuple[What, str]:
    detail = (
        f"{now.kind}: run {run} had {was.name} {was.version} of {was.distribution}, now it is"
        f" {now.name} {now.version} of {now.distribution}"
    )
    if (was.name, was.distribution) != (now.name, now.distribution):
        return "node", detail
    if was.version != now.version:
        return "version", detail
    return "options", f"{detail}, with other options or chosen elsewhere ({was.source}, now {now.source})"


def _format(build: str, why: str, card: str | None) -> Obstacle:
    return Obstacle(what="format", name=card or build, detail=why, build=build, card=card)
