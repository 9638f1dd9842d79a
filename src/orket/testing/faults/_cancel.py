"""Cancel what a host does with a crew, at every step of its event loop, and see what that leaves behind."""

from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Final

from attrs import frozen

from orket._orchestrator import Orchestrator
from orket.testing.faults._crew import chains_and_fans
from orket.testing.faults._hosts import Host, in_scope
from orket.testing.faults._pulse import Place, Pulse
from orket.testing.faults._trial import Case, Scenario, Story, Trial

_SHOWN: Final = 20  # problems in an error's text
_MISSES: Final = 3  # stories in a row that were over before: threads make some longer than others


@frozen(kw_only=True)
class CancelReport:
    """What came of many cancellations.

    Attributes:
        steps: How many an undisturbed story has.
        cases: How often the host called it off.
        cancelled: How often that ended it; a story that is over at that moment is not cancelled.
        resumed: Records that were taken up again; those that had been left as another one was are not.
        settled: Effects that waited for somebody to say whether they had happened: the harness says what the ledger
            says.
        awaits: Where orket's own code was suspended at any step of the undisturbed story: file and line.
        problems: What is wrong, a sentence each, beginning with the step.
    """

    steps: int
    cases: int
    cancelled: int
    resumed: int
    settled: int
    awaits: frozenset[Place]
    problems: tuple[str, ...] = ()

    def check(self) -> None:
        """Pass.

        Raises:
            AssertionError: there are problems; says which.
        """
        if self.problems:
            more = len(self.problems) - _SHOWN
            shown = [*self.problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
            raise AssertionError(f"{self}\n  - " + "\n  - ".join(shown))

    def __str__(self) -> str:
        return (
            f"{self.cancelled} cancelled in {self.cases} cases, of {self.steps} steps: {len(self.problems)} problems, "
            f"{self.resumed} records taken up again, {self.settled} effects settled"
        )


async def run_launch(crew: Orchestrator) -> None:
    """Run the epic ``launch``."""
    await crew.run_epic("launch")


def cancel_everywhere(
    folder: Path,
    *,
    scenario: Scenario = chains_and_fans,
    story: Story = run_launch,
    host: Host = in_scope,
    backend: str = "asyncio",
    steps: Iterable[int] | None = None,
    again: int = 0,
    resume_all: bool = False,
) -> CancelReport:
    """Cancel a story at every step of its event loop, a case each, opening and closing the crew included.

    After each case no transaction is open, no thread, task, file or child is left, nothing is written any more, the
    host knows that it has cancelled, an oracle finds nothing wrong with the record, and the same story, told once more
    and undisturbed, ends as if nothing had happened.

    Args:
        folder: Where the records of all cases go; those without a problem are removed.
        scenario: The crew: a function of a folder and an :class:`~orket.testing.EffectLedger` for its tools, which
            returns an orchestrator that is not open yet.
        story: What the host does with the open crew. Told again where it broke off, it must come to the same end.
        host: How it is cancelled.
        backend: The event loop, ``"asyncio"`` or ``"trio"``.
        steps: Cancel only at these; None for all.
        again: Cancel a second time, so many steps after the first; 0: never.
        resume_all: Take up every record, and not only those that were left in a state of their own.

    Raises:
        AssertionError: it fails undisturbed.
    """
    trial = Trial(scenario=scenario, story=story, host=host, backend=backend)
    first = trial.case(folder / "case-0", Pulse(), resume=True)
    if first.problems:
        raise AssertionError("undisturbed, it fails already:\n  - " + "\n  - ".join(first.problems))
    trial.wanted = first
    cases: list[Case] = []
    missed = 0
    for at in count(1) if steps is None else steps:
        pulse = Pulse((at, at + again) if again else (at,))
        case = trial.case(folder / f"case-{at}", pulse, resume=resume_all)
        missed = 0 if pulse.fired else missed + 1
        if pulse.fired or case.problems:
            cases.append(case)
        if missed == _MISSES:
            break
    return CancelReport(
        steps=first.steps,
        cases=len(cases),
        cancelled=sum(case.cancelled for case in cases),
        resumed=sum(case.resumed for case in cases),
        settled=sum(case.settled for case in cases),
        awaits=frozenset(first.awaits),
        problems=tuple([f"steps=[{case.at}]: {it}" for case in cases for it in case.problems]),
    )
