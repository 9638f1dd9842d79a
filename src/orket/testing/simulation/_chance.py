"""One seed decides everything: independent streams of chance, and the weather of a simulation."""

import random
from typing import Final

from attrs import frozen

_CALM: Final = 0.3  # how often a kind of fault does not occur in a simulation at all


class Chance(random.Random):
    """A stream of chance: the same for the same seed and name, whatever other streams are asked."""

    def __init__(self, seed: object, name: str = "") -> None:
        super().__init__(f"{seed}/{name}")

    def happens(self, rate: float) -> bool:
        """Whether something happens that happens at this rate, from 0 to 1."""
        return rate > 0 and self.random() < rate

    def around(self, seconds: float) -> float:
        """Return a delay from a tenth to ten times as long; small ones are as likely as large ones."""
        return float(seconds * 10.0 ** self.uniform(-1.0, 1.0))


@frozen(kw_only=True)
class Weather:
    """How bad it gets in a simulation, the rates per call: most seeds are calm in something and bad in something else.

    Attributes:
        crews: How many orchestrators work on the store at once.
        storm: How long there are faults, in simulated seconds; afterwards everything must come to rest.
        slow: How often a call takes much longer than usual.
        store: How often a call of the store fails: before it is done, after it, or while it is under way.
        model: How often a model errs, refuses, talks nonsense or says nothing in time.
        tool: How often a tool fails, before or after it has acted.
        crash: How often a process dies at a call of a port.
        lives: Seconds after which a process dies, about; 0: it dies at calls only.
        jump: Seconds between two jumps of somebody's wall clock, about; 0: none.
        cut: How often a machine is cut off from its store for a while, after a commit and before it hears of it.
        person: Seconds between two acts of a person, about; 0: none.
    """

    crews: int
    storm: float
    slow: float
    store: float
    model: float
    tool: float
    crash: float
    lives: float
    jump: float
    cut: float
    person: float

    @classmethod
    def forecast(cls, chance: Chance) -> "Weather":
        """Return the weather of a seed."""

        def bad(worst: float) -> float:
            return 0.0 if chance.happens(_CALM) else worst * 10.0 ** chance.uniform(-1.0, 0.0)

        def every(seconds: float) -> float:
            return 0.0 if chance.happens(_CALM) else chance.around(seconds)

        return cls(
            crews=chance.choice((1, 1, 2, 2, 3)),
            storm=chance.uniform(20.0, 150.0),
            slow=bad(0.2),
            store=bad(0.05),
            model=bad(0.5),
            tool=bad(0.4),
            crash=bad(0.03),
            lives=every(100.0),
            jump=chance.choice((0.0, chance.around(100.0))),
            cut=bad(0.1),
            person=every(20.0),
        )
