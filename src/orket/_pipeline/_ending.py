"""How an error ends a run."""

from orket.errors import RunError, StoreConflictError, StoreError
from orket.events import RunOutcome


def stopped_by(error: Exception) -> RunOutcome:
    """Return how a run ends that an error stops: only what ails the record is somebody else's to mend."""
    ails = isinstance(error, StoreError) and not isinstance(error, StoreConflictError)
    return RunOutcome.BLOCKED if ails else RunOutcome.FAILED


def as_run_error(error: Exception) -> RunError:
    """Return the error by which a host learns of what a port raised that it may not."""
    failure = RunError(f"a turn could not be run: {error!r}")
    failure.__cause__ = error
    return failure
