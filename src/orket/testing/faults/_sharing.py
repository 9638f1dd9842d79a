"""Let several orchestrators share one record, and see whether each piece of work is done, and done once."""

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import anyio
from attrs import field, frozen

from orket._orchestrator import Orchestrator
from orket._pipeline import RunResult
from orket.contracts import Store
from orket.testing.fakes import EffectLedger
from orket.testing.faults._again import store_of
from orket.testing.faults._cases import check, check_first, differences, nurseries
from orket.testing.faults._crowd import sharing
from orket.testing.faults._front import FrontStore
from orket.testing.faults._lives import hire, tell
from orket.testing.faults._oracle import Oracle
from orket.testing.faults._witness import CommitLog


@frozen(kw_only=True)
class SharingReport:
    """What came of sharing.

    Attributes:
        crews: How many worked, those included that took the place of killed ones.
        claims: Claims that were granted, renewals not counted.
        shares: Of these, by run, how many each got.
        stopped: How often a process was stopped for longer than its lease, and went on.
        killed: How many processes were killed.
        taken_over: Claims on what somebody else had claimed before and not given back.
        fenced: Commits that were refused because their writer had lost its claim.
        settled: Effects that waited for somebody to say whether they had happened.
        problems: What is wrong, a sentence each.
    """

    crews: int
    claims: int
    shares: Mapping[str, int]
    stopped: int = 0
    killed: int = 0
    taken_over: int = 0
    fenced: int = 0
    settled: int = 0
    problems: tuple[str, ...] = ()

    def check(self) -> None:
        """Pass.

        Raises:
            AssertionError: there are problems; says which.
        """
        check(self, self.problems)

    def __str__(self) -> str:
        return (
            f"{self.claims} claims of {self.crews} crews ({', '.join(map(str, self.shares.values()))}), "
            f"{self.stopped} stopped and {self.killed} killed: {len(self.problems)} problems, "
            f"{self.taken_over} claims taken over, {self.fenced} commits fenced out, {self.settled} effects settled"
        )


@frozen(kw_only=True)
class Sharing:
    """A crew of which several work on one record at the same time.

    All of them run the same card on the same build. Afterwards

    * the board is that of a crew that worked alone, and so are the effects; no issue was finished twice;
    * the oracle finds nothing: no card had two live claims, nobody wrote who had lost his;
    * each crew that worked from beginning to end got a share, and ended when there was nothing left that it could do;
    * where nobody was stopped or killed, no claim was taken over.

    Args:
        folder: Where the records go; those without a problem are removed.
        scenario: The crew, as of :class:`Killing`.
        card: What is run.
        options: Further arguments of the scenario.
        backend: The event loop, ``"asyncio"`` or ``"trio"``.
        lease: Seconds of a claim, instead of the crew's own.
        pause: Seconds that the model takes for each answer, so that the work of several overlaps.
        patience: Seconds after which processes that have not ended are a problem.
    """

    folder: Path
    scenario: str = "orket.testing.faults:chains_and_fans"
    card: str = "launch"
    options: Mapping[str, Any] = field(factory=dict)
    backend: str = "asyncio"
    lease: float = 30.0
    pause: float = 0.02
    patience: float = 300.0

    def in_processes(self, count: int, *, stops: int = 0, kills: int = 0, seed: int = 0) -> SharingReport:
        """Share among processes, some of which do not live to the end.

        Args:
            count: How many processes there are at a time.
            stops: How often one of them is stopped, by SIGSTOP, for longer than its lease, and goes on.
            kills: How many of them are killed, by SIGKILL; a new one takes the place of each.
            seed: Chooses who, and when; how far a process is by then is the machine's affair.
        """
        order = self._order()
        crowd = {"crowd": count, "stops": stops, "kills": kills, "seed": seed}
        folder = self.folder / "shared"
        with nurseries(1) as free:
            nursery = free.get()
            alone = nursery.ask({**order, "folder": str(self.folder / "alone"), "deaths": (), "wanted": ()})
            check_first(alone)
            told = nursery.ask({**order, **crowd, "folder": str(folder)})
        report = _report(told, alone, CommitLog(folder / "commits.jsonl"), count)
        self._clear(report)
        return report

    async def in_one_process(self, count: int) -> SharingReport:
        """Share among orchestrators on the event loop that runs.

        Each has a store of its own on the file of the record; a store that has no file is opened once, for all.
        """
        alone = await self._together(self.folder / "alone", 1)
        check_first(alone)
        told = await self._together(self.folder / "shared", count)
        report = _report(told, alone, CommitLog(self.folder / "shared" / "commits.jsonl"), count)
        self._clear(report)
        return report

    async def _together(self, folder: Path, count: int) -> dict[str, Any]:
        folder.mkdir(parents=True)  # noqa: ASYNC240 - before anything runs
        order, commits = self._order(), CommitLog(folder / "commits.jsonl")
        ledger = EffectLedger(folder / "ledger.jsonl")
        hired = [hire(order, folder, ledger) for _ in range(count)]
        common = _common(hired[0])
        results: dict[int, RunResult] = {}
        async with AsyncExitStack() as opened:
            crews = [await opened.enter_async_context(sharing(one, order, commits, common)) for one in hired]

            async def run(number: int) -> None:
                results[number] = await crews[number].run_card(self.card)

            async with anyio.create_task_group() as group:
                for number in range(count):
                    group.start_soon(run, number)
            told = await tell(crews[0], results[0], ledger)
            problems = await Oracle(ledger=ledger, commits=commits).examine(crews[0].store)
        runs = [
            {"number": number, "run": one.run, "outcome": one.outcome, "reasons": one.reasons}
            for number, one in results.items()
        ]
        return {**told, "problems": [*problems], "processes": count, "runs": runs, "stopped": 0, "killed": 0}

    def _order(self) -> dict[str, Any]:
        return {
            "scenario": self.scenario,
            "card": self.card,
            "options": dict(self.options),
            "backend": self.backend,
            "lease": self.lease,
            "pause": self.pause,
            "patience": self.patience,
        }

    def _clear(self, report: SharingReport) -> None:
        shutil.rmtree(self.folder / "alone")
        if not report.problems:
            shutil.rmtree(self.folder / "shared")


class _Common(FrontStore):
    """A store that several open and close: it is opened once, and closed by the last one."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._users = 0

    async def open(self) -> None:
        """Open it, for the first one."""
        self._users += 1
        if self._users == 1:
            await super().open()

    async def aclose(self) -> None:
        """Close it, after the last one."""
        self._users -= 1
        if not self._users:
            await super().aclose()


def _common(crew: Orchestrator) -> Store | None:
    """Return the store that several must share because it has no file, or None."""
    store = store_of(crew)
    return _Common(store) if store.location is None else None


def _report(told: Mapping[str, Any], alone: Mapping[str, Any], commits: CommitLog, count: int) -> SharingReport:
    shares = Counter({grant.claim: grant.owner.rpartition("/")[2] for grant in commits.grants}.values())
    taken_over = commits.taken_over
    problems = [*differences(told, alone), *_wrong(told["runs"], shares, count)]
    if taken_over and not told["stopped"] and not told["killed"]:
        problems.append(
            f"{len(taken_over)} claims were lost by who had neither stopped nor died, as of {taken_over[0][1]}"
        )
    return SharingReport(
        crews=told["processes"],
        claims=shares.total(),
        shares=dict(shares),
        stopped=told["stopped"],
        killed=told["killed"],
        taken_over=len(taken_over),
        fenced=len(commits.fenced),
        settled=told.get("settled", 0),
        problems=tuple(problems),
    )


def _wrong(runs: list[dict[str, Any]], shares: Mapping[str, int], count: int) -> Iterator[str]:
    """Say who worked from beginning to end without a share, and who ended while there was something left to do."""
    for told in runs:
        if told["number"] < count and not shares.get(told["run"]):
            yield f"crew {told['number']} got no claim"
        for card, why in told["reasons"].items():
            if not why.startswith(("system", "dependency")):
                yield f"crew {told['number']} ended ({told['outcome']}) while {card} waited: {why}"
