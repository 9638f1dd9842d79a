"""What a run is asked to do, and how it came to rest."""

from collections.abc import Mapping

from attrs import frozen

from orket._value import Value
from orket._wiring import Wiring
from orket.cards import JsonValue
from orket.contracts import TurnExecutor
from orket.errors import OrketError, RunError, StoreConflictError, StoreError, WiringError
from orket.events import RunOutcome


@frozen(kw_only=True, repr=False, eq=False)
class RunResult(Value):
    """How a run came to rest.

    ``reasons`` says of every unfinished issue why it waits; ``turns`` and ``refused`` count the turns that this run has
    opened or taken up again, as its row in the record does, and the tool calls that the gate refused in them.
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


def known_run(run: str) -> RunError:
    """Return the error for a run that is on record already."""
    return RunError(f"the record has a run {run!r}; a further run of its build needs an id of its own", run=run)


def stopped_by(error: Exception) -> RunOutcome:
    """Return how a run ends that an error stops: only what ails the record is somebody else's to mend."""
    ails = isinstance(error, StoreError) and not isinstance(error, StoreConflictError)
    return RunOutcome.BLOCKED if ails else RunOutcome.FAILED


def as_orket_error(error: BaseException) -> OrketError:
    """Return what stopped a run as hosts know it; what a foreign port raised is chained."""
    if isinstance(error, OrketError):
        return error
    failure = RunError(f"a turn could not be run: {error!r}")
    failure.__cause__ = error
    return failure


def spec_of(wiring: Wiring) -> JsonValue:
    """Return the spec of a wiring, or None where the host brought a node: nobody else could build that one again."""
    try:
        return wiring.spec()
    except WiringError:
        return None
