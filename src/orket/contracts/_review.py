"""The review of pull requests: what a delivery says, what becomes of it, and the ports through which it is done."""

import enum
from typing import Protocol, runtime_checkable

from attrs import frozen

from orket._value import Value
from orket.events import Digest


class PullEvent(enum.StrEnum):
    """What a delivery says happened to a pull request."""

    OPENED = "opened"
    SYNCHRONIZED = "synchronized"
    REOPENED = "reopened"
    APPROVED = "approved"
    CHANGES_REQUESTED = "changes_requested"
    MERGED = "merged"
    CLOSED = "closed"


class PullStatus(enum.StrEnum):
    """Where a pull request stands, as far as deliveries have said."""

    OPEN = "open"
    MERGED = "merged"
    CLOSED = "closed"


@frozen(kw_only=True, repr=False, eq=False)
class Delivery(Value):
    """A verified delivery about a pull request.

    ``digest`` is the SHA-256 of the signed bytes, ``sender`` who did it, ``author`` whose pull request it is, ``head``
    the commit at its tip, ``comment`` what a reviewer said.
    """

    digest: Digest
    repository: str
    number: int
    event: PullEvent
    sender: str
    author: str
    title: str
    head: str
    comment: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ReviewCycle(Value):
    """Changes were requested: by whom, why, of which commit, and when (seconds since the epoch)."""

    reviewer: str
    reason: str
    head: str
    at: float


class ReviewAct(enum.StrEnum):
    """What may follow from a delivery."""

    START_REVIEW = "start_review"
    MERGE = "merge"
    COMMENT = "comment"
    CLOSE = "close"
    OPEN_ISSUE = "open_issue"
    DEPLOY = "deploy"


@frozen(kw_only=True, repr=False, eq=False)
class ReviewAction(Value):
    """Something to be done: start a review of ``card``, comment ``text``, open an issue of ``title`` and ``text``."""

    act: ReviewAct
    card: str = ""
    title: str = ""
    text: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class PendingEffect(Value):
    """An action that was decided and whose outcome is not on record.

    ``key`` identifies it. ``owner`` may try until ``until``; ``attempts`` were made before whose outcome nobody knows,
    and the next one begins at ``after``. ``head`` is the commit that it is about.
    """

    key: Digest
    action: ReviewAction
    head: str
    decided_at: float
    owner: str | None = None
    until: float = 0.0
    after: float = 0.0
    attempts: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class PullReview(Value):
    """What is known of a pull request: how it stands, how often changes were requested, and what is yet to be done.

    ``version`` grows with every change.
    """

    repository: str
    number: int
    title: str = ""
    head: str = ""
    card: str = ""
    status: PullStatus = PullStatus.OPEN
    cycles: tuple[ReviewCycle, ...] = ()
    pending: tuple[PendingEffect, ...] = ()
    version: int = 0

    @property
    def id(self) -> str:
        """How people write it: ``owner/repository#7``."""
        return f"{self.repository}#{self.number}"


@frozen(kw_only=True, repr=False, eq=False)
class ReviewQuestion(Value):
    """What follows from a delivery? ``pull`` is the pull request with the delivery taken in, as if it counted."""

    pull: PullReview
    delivery: Delivery


@frozen(kw_only=True, repr=False, eq=False)
class ReviewAnswer(Value):
    """What follows, in this order; ``card`` is the one that the pull request is about, "" for none.

    ``counts`` False: changes were requested by somebody whose word is no cycle.
    """

    actions: tuple[ReviewAction, ...]
    reason: str
    card: str = ""
    counts: bool = True


@frozen(kw_only=True, repr=False, eq=False)
class DeployRequest(Value):
    """What is to be deployed: a merged commit. ``key`` is the same when the same request is made again."""

    key: Digest
    repository: str
    number: int
    head: str
    card: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class DeployedSandbox(Value):
    """A sandbox that runs: its id and the address under which people reach it. Neither may hold a secret."""

    id: str
    url: str


@runtime_checkable
class ReviewPolicy(Protocol):
    """Decides what follows from deliveries. Plain functions without effects: the same question, the same answer."""

    def judge(self, question: ReviewQuestion, /) -> ReviewAnswer:
        """Return what follows from a delivery.

        May name any actions, at most sixteen; a merge only after an approval, a deployment only after a merge. Is not
        asked about pull requests that are merged or closed, but for the delivery that says so. May be asked about one
        as it was before somebody else changed it; then the answer has no effect, and it is asked again.
        """
        ...

    def announce(self, pull: PullReview, sandbox: DeployedSandbox, /) -> str:
        """Return the comment that tells where a merged pull request runs; "" for none."""
        ...


@runtime_checkable
class ReviewStarter(Protocol):
    """Starts review turns; an orchestrator does."""

    async def start_review(self, card: str, run: str, /) -> str:
        """Start a run that reviews *card*, and return what came of it, in a sentence.

        Must be quick: the run goes on by itself. Must do nothing where a run of this id was started before. A card that
        is in no review status is left alone, and the sentence says so.

        Raises:
            OrketError: it cannot be started, and never will be.
        """
        ...


@runtime_checkable
class SandboxDeployer(Protocol):
    """Deploys merged pull requests into sandboxes."""

    async def deploy(self, request: DeployRequest, /) -> DeployedSandbox:
        """Deploy, and return the sandbox; for a key that was deployed before, the sandbox that there is.

        Raises:
            OrketError: it cannot be deployed.
        """
        ...


@frozen(kw_only=True, repr=False, eq=False)
class GiteaPull(Value):
    """A pull request as Gitea has it now."""

    number: int
    is_open: bool
    is_merged: bool
    head: str


@runtime_checkable
class GiteaClient(Protocol):
    """What the review desk needs of Gitea (or Forgejo). ``repository`` is ``owner/name``.

    Each method makes the change when it is called and raises ``GiteaError`` otherwise: with ``refused`` where Gitea has
    said no and nothing was changed; else whether it happened is not known.
    """

    async def pull(self, repository: str, number: int, /) -> GiteaPull:
        """Return a pull request."""
        ...

    async def merge(self, repository: str, number: int, head: str, /) -> None:
        """Merge a pull request. Must be refused when its tip is not the commit *head* any more."""
        ...

    async def close(self, repository: str, number: int, /) -> None:
        """Close a pull request without merging it."""
        ...

    async def comment(self, repository: str, number: int, text: str, /) -> None:
        """Comment on a pull request."""
        ...

    async def has_comment(self, repository: str, number: int, marker: str, /) -> bool:
        """Return whether a comment on a pull request contains *marker*."""
        ...

    async def open_issue(self, repository: str, title: str, text: str, /) -> int:
        """Open an issue and return its number."""
        ...

    async def find_issue(self, repository: str, marker: str, since: float, /) -> int | None:
        """Return the number of an issue that contains *marker*, open or closed, changed after *since*; or None."""
        ...
