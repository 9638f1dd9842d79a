"""What a run is asked to do, and how it came to rest."""

from collections.abc import Mapping

from attrs import frozen

from orket._value import Value
from orket.contracts import TurnExecutor
from orket.events import RunOutcome


@frozen(kw_only=True, repr=False, eq=False)
class RunResult(Value):
    """How a run came to rest.

    ``reasons`` says of every unfinished issue why it waits; ``turns`` and ``refused`` count this run's turns and the
    tool calls that the gate refused in them.
    """

    run: str
    build: str
    card: str
    outcome: RunOutcome
    reason: str
    cards: int = 0
    done: int = 0
    canceled: int = 0
    turns: int = 0
    refused: int = 0
    reasons: Mapping[str, str]


@frozen(kw_only=True, repr=False, eq=False)
class RunOrder(Value):
    """What a run is asked to do. ``parent`` is the rock's run."""

    card: str
    target: str | None = None
    parent: str | None = None
    environ: Mapping[str, str]
    executor: TurnExecutor | None = None
