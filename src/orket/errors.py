"""Every error orket raises on purpose.

The tree, one line per class; a host that wants one net catches :class:`OrketError`::

    OrketError
    ├── ConfigError                 assets that cannot be read or are wrong; carries every problem found
    │   ├── AssetNotFoundError      an asset that is named but exists nowhere on the search path
    │   └── DependencyCycleError    issues that wait for each other
    ├── WiringError                 nodes or ports that cannot be resolved; carries every problem found
    ├── NodeError                   a decision node raised, hung, or broke its contract
    ├── GovernanceError             the law refused
    │   ├── ComplexityError         an epic too large for its declared architecture
    │   ├── TransitionError         a status change that the transition table does not grant
    │   ├── SeparationOfDutiesError a review by the seat that did the work, where the host forbids it
    │   ├── EffectUnknownError      an at-most-once effect may or may not have happened
    │   └── EffectConflictError     an effect on record would be run again with other arguments
    ├── ModelError                  a model client could not answer
    │   ├── ModelConnectionError · ModelTimeoutError · ModelAuthenticationError
    │   └── ModelContextExceededError · ModelReplyError
    ├── ToolError                   a tool is defined or used wrongly
    ├── VerificationError           a fixture cannot be run as asked
    │   ├── FixtureRefusedError     a fixture that lies outside ``verification/``, or leads there
    │   ├── IsolationError          the machine isolates fixtures less than is demanded
    │   └── NoSandboxError          an endpoint is to be called, and no sandbox of the issue runs
    ├── SandboxError                a sandbox cannot be built, looked at or removed
    ├── RecallError                 remembered decisions cannot be searched
    ├── GiteaError                  Gitea did not do what it was asked to do
    ├── StoreError                  the record could not be read or written
    │   ├── StoreConflictError      somebody else changed or holds the card (compare-and-set, fencing)
    │   ├── StoreVersionError       written by a version of orket this one does not know
    │   └── JournalError            the hash chain, or a payload, does not hold
    ├── BugFixError                 a bug cannot be reported or resolved: no phase, or it is over
    ├── UnknownCardError            no such card on this board
    └── RunError                    a run cannot start or go on; carries what stopped it
        └── ResumeError             what the journal of a build needs is not there any more; carries each such thing
"""

import enum
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any


class OrketError(Exception):
    """Base of every error that orket raises on purpose.

    Keyword arguments become attributes, so that a host reads data instead of parsing messages.
    """

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data
        for name, value in data.items():
            setattr(self, name, value)


class ConfigError(OrketError):
    """Assets are wrong: ``problems`` says of each one file, JSON path, what was found and what is valid."""

    problems: "tuple[str, ...]" = ()

    def __init__(self, message: str, *, problems: Iterable[str] = (), **data: Any) -> None:
        listed = tuple(problems)
        text = "\n  - ".join((message, *listed)) if listed else message
        super().__init__(text, **data)
        self.problems = listed


class AssetNotFoundError(ConfigError):
    """No file for an asset: ``category``, ``name`` and the paths ``searched``, in order."""

    category: str
    name: str
    searched: "tuple[str, ...]"


class DependencyCycleError(ConfigError):
    """Issues wait for each other: ``cycle`` lists their ids, the first repeated at the end."""

    cycle: "tuple[str, ...]"


class WiringError(OrketError):
    """Nodes or ports cannot be resolved: ``problems`` lists all of them, each with what is installed instead."""

    problems: "tuple[str, ...]"

    def __init__(self, problems: Iterable[str], **data: Any) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  - ".join(("the wiring cannot be built:", *self.problems)), **data)


class NodeError(OrketError):
    """A decision node failed: ``kind``, ``node``, ``distribution``, ``version``, ``method``, ``question`` (digest)."""

    kind: str
    node: str
    distribution: str
    version: str
    method: str
    question: str


class GovernanceError(OrketError):
    """The law refused: ``rule`` names the rule."""

    rule: str = ""


class ComplexityError(GovernanceError):
    """An epic has more issues than its declared architecture allows."""


class TransitionError(GovernanceError):
    """A status change that the transition table does not grant."""


class SeparationOfDutiesError(GovernanceError):
    """A seat may not review its own work here."""


class EffectUnknownError(GovernanceError):
    """An at-most-once effect was begun and its outcome is not known: it is never run again by itself.

    ``key`` is the effect's. A tool raises it itself where it cannot know whether it acted: a server that hung up.
    """

    key: str


class EffectConflictError(GovernanceError):
    """An effect is on record and would run again with other arguments: ``key``, ``tool``, ``found``, ``known``."""

    key: str


class ModelError(OrketError):
    """A model client could not answer.

    ``retryable`` says whether the very same request may succeed later: a client asks again within the exchange.
    ``permanent`` says that no further turn can succeed until somebody repairs something.
    """

    retryable = False
    permanent = False


class ModelConnectionError(ModelError):
    """The model server could not be reached, or hung up."""

    retryable = True


class ModelTimeoutError(ModelError):
    """The model did not answer within its time limit (seconds)."""

    retryable = True


class ModelAuthenticationError(ModelError):
    """The model server refused the credentials."""

    permanent = True


class ModelContextExceededError(ModelError):
    """The prompt is longer than the model's context."""

    permanent = True


class ModelReplyError(ModelError):
    """The model server answered something that is not a reply."""


class ToolError(OrketError):
    """A tool is defined or used wrongly."""


class VerificationError(OrketError):
    """A verification fixture cannot be run as asked."""


class FixtureRefusedError(VerificationError):
    """A fixture lies outside ``verification/``, by its path or by a link: nothing of it ran."""

    rule = "fixture_outside"
    remedy = "name a fixture below verification/, without links on its path, then unblock the issue"


class IsolationError(VerificationError):
    """The machine isolates fixtures less than is demanded: nothing ran.

    ``needed`` and ``found`` are levels; ``missing`` says of each stronger level why there is none.
    """

    rule = "isolation_too_weak"
    remedy = "run the build on a machine with this isolation, or lower the demand; then unblock the issue"
    needed: str = ""
    missing: Mapping[str, str] = MappingProxyType({})


class NoSandboxError(VerificationError):
    """A scenario calls an endpoint, and no sandbox of the issue runs."""

    rule = "no_sandbox"


class SandboxError(OrketError):
    """A sandbox cannot be built, looked at or removed: ``sandbox`` is its id ("": none).

    What its commands said is in the message, without secrets. ``retryable``: the engine did not answer, or ran out of
    time; the same call may succeed later.
    """

    sandbox: str = ""
    retryable: bool = False


class RecallError(OrketError):
    """Remembered decisions cannot be searched: there is no memory, it failed, or it broke its contract."""


class GiteaError(OrketError):
    """Gitea (or Forgejo) did not do what it was asked to do: ``status`` is what it answered (None: nothing).

    ``refused``: it has said no, and nothing was changed; otherwise it may have been done. ``retryable``: the same
    request may succeed later.
    """

    refused: bool = False
    retryable: bool = False
    status: "int | None" = None


class StorageFault(enum.StrEnum):
    """What is wrong with the place where the record is kept."""

    FULL = "full"
    IO = "io"
    READ_ONLY = "read_only"
    LOCKED = "locked"
    CORRUPT = "corrupt"
    MISSING = "missing"


class StoreError(OrketError):
    """The record could not be read or written; nothing was half applied.

    ``fault`` says what is wrong with its storage (None: something else), ``advice`` what helps. A run that it stops is
    ``blocked``: it can be continued when the cause is gone.
    """

    fault: StorageFault | None = None
    advice: str = ""


class StoreConflictError(StoreError):
    """Somebody else changed or holds the card: ``card``, ``expected`` and ``found``."""

    card: str


class StoreVersionError(StoreError):
    """The stored data has a version that this orket does not know: ``found`` and ``known``.

    Of a board ``cards`` says of each card that cannot be read why.
    """

    found: Any
    known: Any
    cards: "Mapping[str, str]" = MappingProxyType({})


class JournalError(StoreError):
    """The journal does not hold: ``seq`` is the first entry that is wrong.

    ``last`` is above it where it is one of the entries from ``seq`` to ``last``: they were written as one.
    """

    seq: int
    last: int = 0


class BugFixError(OrketError):
    """A bug cannot be reported or resolved: ``rock`` has no bug-fix phase, it is over, or does not have this bug.

    ``sequel`` is the rock that what remained of the phase went to; "" where there is none.
    """

    rock: str
    sequel: str = ""


class UnknownCardError(OrketError):
    """No such card: ``card`` is what was asked for, ``known`` some of what there is."""

    card: str


class RunError(OrketError):
    """A run cannot start or go on; the cause is chained."""


class ResumeError(RunError):
    """A build cannot be taken up: ``obstacles`` names each thing that its journal needs and that is gone."""

    obstacles: "tuple[Any, ...]"
