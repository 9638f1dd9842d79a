"""What came of simulations."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

_SHOWN: Final = 5  # problems of a seed in a text


@frozen(kw_only=True, repr=False)
class Simulated:
    """What came of one seed.

    Attributes:
        seed: Which.
        reproduction: The command that runs it again.
        problems: What is wrong, a sentence each.
        journal: The record, entry by entry, as JSON lines; the last line is its proof.
        trace: What happened when, by the world's seconds, a line each.
        seconds: How long it was, in simulated seconds.
        steps: How many steps its tasks took.
        counts: How often what happened: crashes, faults, acts of persons.
    """

    seed: int
    reproduction: str
    problems: tuple[str, ...]
    journal: bytes
    trace: tuple[str, ...]
    seconds: float
    steps: int
    counts: Mapping[str, int]

    def __repr__(self) -> str:
        return f"Simulated({self})"

    def __str__(self) -> str:
        happened = ", ".join(f"{count} × {what}" for what, count in sorted(self.counts.items())) or "nothing bad"
        verdict = f"{len(self.problems)} problems" if self.problems else "sound"
        return f"seed {self.seed}: {verdict} after {self.seconds:.0f} s and {self.steps} steps ({happened})"

    def check(self) -> None:
        """Pass.

        Raises:
            AssertionError: there are problems; says which, and how to see them again.
        """
        if self.problems:
            raise AssertionError(self.told)

    @property
    def told(self) -> str:
        """How to see it again, and the first problems."""
        more = len(self.problems) - _SHOWN
        shown = [*self.problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        return f"{self.reproduction}\n  - " + "\n  - ".join(shown)


@frozen(kw_only=True)
class SimulationReport:
    """What came of many seeds.

    Attributes:
        seeds: How many.
        failed: Those with problems.
        counts: How often what happened in all of them.
        seconds: How long they were, in simulated seconds.
    """

    seeds: int
    failed: tuple[Simulated, ...]
    counts: Mapping[str, int]
    seconds: float

    def __str__(self) -> str:
        happened = ", ".join(f"{count} × {what}" for what, count in sorted(self.counts.items()))
        return f"{self.seeds} seeds, {len(self.failed)} failed, {self.seconds / 3600:.0f} simulated hours: {happened}"

    def check(self) -> None:
        """Pass.

        Raises:
            AssertionError: seeds failed; each begins with the command that runs it again.
        """
        if self.failed:
            raise AssertionError("\n".join([str(self), *[one.told for one in self.failed]]))
