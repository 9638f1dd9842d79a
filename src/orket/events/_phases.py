"""Records of the bug-fix phase of a rock, which is the record's ``card``."""

from attrs import frozen

from orket._value import Value


@frozen(kw_only=True, repr=False, eq=False)
class BugFixPhaseStarted(Value):
    """A rock's run was done, and the rock's bug-fix phase began; ``number`` counts the rock's phases."""

    number: int
    run: str
    began_at: float
    ends_at: float


@frozen(kw_only=True, repr=False, eq=False)
class BugReported(Value):
    """Somebody found a bug in a finished rock; ``found_in`` is the issue that it is in, "" where nobody said."""

    bug: str
    title: str
    severity: str
    by: str
    found_in: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class BugResolved(Value):
    """A bug is a bug no more: it was mended, or was none."""

    bug: str
    by: str
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class BugFixPhaseExtended(Value):
    """A bug-fix phase goes on: too many bugs came in, or too many critical ones are open."""

    number: int
    ends_at: float
    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class BugFixPhaseEnded(Value):
    """A bug-fix phase is over. ``remaining`` bugs are the issues of the rock ``sequel``; "" where none remain."""

    number: int
    reason: str
    remaining: tuple[str, ...] = ()
    sequel: str = ""
