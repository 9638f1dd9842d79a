"""Let a crew die at every point of its work, and see whether the record makes up for it."""

import random
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, TypeAlias

from attrs import field, frozen

from orket.testing.faults._cases import Nursery, check, check_first, differences, nurseries

_CREW: Final = "orket.testing.faults:chains_and_fans"
_Case: TypeAlias = tuple[Mapping[str, Any], dict[str, Any]]  # how it was to die, and what came of it


@frozen(kw_only=True)
class KillReport:
    """What came of many deaths.

    Attributes:
        points: Where an undisturbed run may die: before and after each of its store, model and tool calls.
        cases: Records that crews died over.
        deaths: Processes that died; a case whose run was over before counts none.
        settled: Effects that waited for somebody to say whether they had happened: at most once, and begun when the
            process died. The harness says what the ledger says.
        problems: What is wrong, a sentence each, beginning with where the process died.
    """

    points: int
    cases: int
    deaths: int
    settled: int
    problems: tuple[str, ...] = ()

    def check(self) -> None:
        """Pass.

        Raises:
            AssertionError: there are problems; says which.
        """
        check(self, self.problems)

    def __str__(self) -> str:
        return (
            f"{self.deaths} deaths in {self.cases} cases, at {self.points} points: "
            f"{len(self.problems)} problems, {self.settled} effects settled"
        )


@frozen(kw_only=True)
class Killing:
    """A crew that is to die, again and again, each time in processes of its own.

    Args:
        folder: Where the records of all cases go; those without a problem are removed.
        scenario: The crew, as ``module:function``; the function takes a folder and an
            :class:`~orket.testing.EffectLedger` for its tools, and returns an orchestrator with its record in there.
        card: What is run.
        options: Further arguments of the function.
        backend: The event loop, ``"asyncio"`` or ``"trio"``.
        workers: Cases at a time.
    """

    folder: Path
    scenario: str = _CREW
    card: str = "launch"
    options: Mapping[str, Any] = field(factory=dict)
    backend: str = "asyncio"
    workers: int = 1

    def everywhere(self, *, points: Iterable[int] | None = None, again: int = 0) -> KillReport:
        """Die at every point; the crew that takes over then works to the end.

        Args:
            points: Die only at these; None for all.
            again: Let the crew that takes over die too, and the next, each after so many points of its own; 0: never.
        """
        with nurseries(self.workers) as free:
            first = self._first(free)
            whole = len(first["points"])
            more = [{"at": again}] * (whole // again if again else 0)
            chosen = range(1, whole + 1) if points is None else points
            return _report(first, self._cases(free, [{"deaths": [{"at": at}, *more]} for at in chosen]))

    def in_relay(self, *, points: Iterable[int] | None = None, records: int = 1) -> KillReport:
        """Die at every point, each crew taking over where the one before died, until one finds no point that is left.

        Where :meth:`everywhere` runs the card once for each point, this runs it once in all: for cards that are long.
        The oracle looks at what each crew has left; board and effects are compared when all is done. Who dies takes
        along what others of its tasks are about to pass: points that nobody came to are tried again on new records.

        Args:
            points: Die only at these; None for all.
            records: How many records the points are dealt out to, so that as many :attr:`workers` have something to do.
        """
        with nurseries(self.workers) as free:
            first = self._first(free)
            left = list(first["points"] if points is None else [first["points"][number - 1] for number in points])
            cases: list[_Case] = []
            while left:
                dealt = [{"wanted": share} for share in _deal(left, records)]
                found = self._cases(free, dealt, len(cases) + 1)
                cases += found
                wanted, left = len(left), [place for _, case in found for place in case.get("missed", ())]
                if len(left) == wanted:
                    found[-1][1]["problems"] += [f"nobody came to die {place}" for place in left]
                    break
            return _report(first, cases)

    def at_random(self, times: int, *, seed: int = 0, deaths: int = 1) -> KillReport:
        """Let crews be killed by SIGKILL, at random moments between their birth and the end of an undisturbed run.

        Args:
            times: How many cases.
            seed: Chooses the moments; how far a process is by then is the machine's affair.
            deaths: How many crews are killed one after the other in each case.
        """
        chance = random.Random(seed)  # noqa: S311 - chosen, not secret
        with nurseries(self.workers) as free:
            first = self._first(free)
            # One may be held up: then its length is no measure of a life, and most deaths would come too late.
            whole = min([first["seconds"], *[self._case(free, 0, {})["seconds"] for _ in range(2)]])
            moments = [[{"seconds": chance.uniform(0, whole)} for _ in range(deaths)] for _ in range(times)]
            return _report(first, self._cases(free, [{"deaths": one} for one in moments]))

    def _first(self, free: SimpleQueue[Nursery]) -> dict[str, Any]:
        """Run a case in which nobody dies."""
        first = self._case(free, 0, {})
        check_first(first)
        return first

    def _cases(self, free: SimpleQueue[Nursery], fates: Sequence[Mapping[str, Any]], start: int = 1) -> list[_Case]:
        """Run a case for each fate, and return both."""
        with ThreadPoolExecutor(self.workers) as pool:
            found = pool.map(lambda it: self._case(free, *it), enumerate(fates, start))
            return list(zip(fates, found, strict=True))

    def _case(self, free: SimpleQueue[Nursery], number: int, fate: Mapping[str, Any]) -> dict[str, Any]:
        folder = self.folder / f"case-{number}"
        order = {
            "folder": str(folder),
            "scenario": self.scenario,
            "card": self.card,
            "options": dict(self.options),
            "backend": self.backend,
            "deaths": fate.get("deaths", ()),
            "wanted": fate.get("wanted", ()),
        }
        nursery = free.get()
        try:
            answer = nursery.ask(order)
        finally:
            free.put(nursery)
        if not answer["problems"]:
            shutil.rmtree(folder)
        return answer


def _deal(points: Sequence[str], records: int) -> list[list[str]]:
    """Deal points out, two neighbours at a time: they are before and after one call, as a rule."""
    shares = [[point for at, point in enumerate(points) if at // 2 % records == share] for share in range(records)]
    return [share for share in shares if share]


def _report(first: Mapping[str, Any], cases: Sequence[_Case]) -> KillReport:
    problems = [f"{_title(case, fate)}: {it}" for fate, case in cases for it in differences(case, first)]
    return KillReport(
        points=len(first["points"]),
        cases=len(cases),
        deaths=sum(case["deaths"] for _, case in cases),
        settled=sum(case.get("settled", 0) for _, case in cases),
        problems=tuple(problems),
    )


def _title(case: Mapping[str, Any], fate: Mapping[str, Any]) -> str:
    """Say where a case died, and how to see it again."""
    words = case["words"]
    if "wanted" in fate:
        return f"in relay, after {len(words)} deaths, the last one {words[-1] if words else 'nowhere'}"
    died = f"(died {'; '.join(words) or 'nowhere'})"
    first = fate["deaths"][0]
    place = f"points=[{first['at']}]" if "at" in first else f"killed after {first['seconds']:.4f} s"
    return f"{place} {died}"
