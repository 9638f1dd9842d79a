"""How effects are tried: who may have acted before is asked first, so that nothing is done twice."""

from typing import Any, Final

import anyio
from attrs import define

from orket.contracts import (
    DeployedSandbox,
    DeployRequest,
    GiteaClient,
    PendingEffect,
    PullReview,
    ReviewAct,
    ReviewAction,
    ReviewPolicy,
    ReviewStarter,
    SandboxDeployer,
)
from orket.errors import GiteaError, OrketError, RunError, SandboxError, StoreError
from orket.review._judging import announcement
from orket.review._pulls import Outcome

CALL: Final = 20.0  # seconds that one attempt at Gitea may take
DEPLOYMENT: Final = 900.0
_STARTED: Final = frozenset({ReviewAct.START_REVIEW, ReviewAct.DEPLOY})
_SKEW: Final = 86_400.0  # seconds that Gitea's clock may be behind ours


class AttemptError(Exception):
    """An attempt did not end well. ``refused``: nothing has happened; otherwise nobody knows."""

    def __init__(self, detail: str, *, refused: bool, retryable: bool = True) -> None:
        super().__init__(detail)
        self.detail = detail
        self.refused = refused
        self.retryable = retryable


def time_for(act: ReviewAct) -> float:
    """Return how many seconds an attempt may take."""
    return DEPLOYMENT if act is ReviewAct.DEPLOY else CALL


def marker_of(effect: PendingEffect) -> str:
    """Return what a text of ours carries, so that it is found again; nobody can guess it."""
    return f"<!-- orket:{effect.key} -->"


def _may_help(error: OrketError) -> bool:
    """Return whether trying again may: an orchestrator is closed, or a container engine does not answer."""
    return isinstance(error, RunError) or (isinstance(error, SandboxError) and error.retryable)


@define(kw_only=True, repr=False, eq=False)
class Performer:
    """Tries effects through the ports that there are."""

    gitea: GiteaClient
    policy: ReviewPolicy
    reviews: ReviewStarter | None
    sandboxes: SandboxDeployer | None

    def can(self, act: ReviewAct) -> bool:
        """Return whether there is a port for an action."""
        match act:
            case ReviewAct.START_REVIEW:
                return self.reviews is not None
            case ReviewAct.DEPLOY:
                return self.sandboxes is not None
            case _:
                return True

    async def attempt(self, pull: PullReview, effect: PendingEffect, *, ask: bool) -> Outcome:
        """Try an effect.

        Args:
            pull: the pull request that it is about.
            effect: one of its pending ones.
            ask: somebody may have tried before: ask Gitea what it has.

        Raises:
            AttemptError: it did not happen, or nobody knows.
        """
        try:
            with anyio.fail_after(time_for(effect.action.act)):
                return await self._attempt(pull, effect, ask=ask)
        except GiteaError as error:
            raise AttemptError(error.message, refused=error.refused, retryable=error.retryable) from error
        except OrketError as error:
            # Who starts reviews or deploys has said no; a client of Gitea's, or a store, may have done anything.
            refused = effect.action.act in _STARTED and not isinstance(error, StoreError)
            raise AttemptError(error.message, refused=refused, retryable=_may_help(error)) from error
        except TimeoutError as error:
            raise AttemptError(f"{effect.action.act.value} took too long", refused=False) from error
        except Exception as error:
            text = f"{effect.action.act.value} raised {type(error).__name__}"
            raise AttemptError(text, refused=False) from error

    async def _attempt(self, pull: PullReview, effect: PendingEffect, *, ask: bool) -> Outcome:
        match effect.action.act:
            case ReviewAct.START_REVIEW:
                return await self._start_review(effect)
            case ReviewAct.MERGE:
                return await self._merge(pull, effect, ask)
            case ReviewAct.COMMENT:
                return await self._comment(pull, effect, ask)
            case ReviewAct.CLOSE:
                return await self._close(pull, ask)
            case ReviewAct.OPEN_ISSUE:
                return await self._open_issue(pull, effect, ask)
            case ReviewAct.DEPLOY:
                return await self._deploy(pull, effect)

    async def _start_review(self, effect: PendingEffect) -> Outcome:
        if self.reviews is None:
            return Outcome(ok=False, text="nobody starts reviews here any more")
        said: Any = await self.reviews.start_review(effect.action.card, f"review-{effect.key[:32]}")
        return Outcome(ok=True, text=said if isinstance(said, str) else "started")

    async def _merge(self, pull: PullReview, effect: PendingEffect, ask: bool) -> Outcome:
        if ask and (known := await self._merged(pull)):
            return known
        try:
            await self.gitea.merge(pull.repository, pull.number, effect.head)
        except GiteaError as error:
            if error.refused and (known := await self._merged(pull)):  # a merged one is refused, too
                return known
            raise
        return Outcome(ok=True, text="merged")

    async def _merged(self, pull: PullReview) -> Outcome | None:
        now = await self.gitea.pull(pull.repository, pull.number)
        if now.is_merged:
            return Outcome(ok=True, text="Gitea has merged it", found=True)
        return None if now.is_open else Outcome(ok=False, text="it is closed")

    async def _close(self, pull: PullReview, ask: bool) -> Outcome:
        if ask and not (await self.gitea.pull(pull.repository, pull.number)).is_open:
            return Outcome(ok=True, text="Gitea has closed it", found=True)
        await self.gitea.close(pull.repository, pull.number)
        return Outcome(ok=True, text="closed")

    async def _comment(self, pull: PullReview, effect: PendingEffect, ask: bool) -> Outcome:
        marker = marker_of(effect)
        if ask and await self.gitea.has_comment(pull.repository, pull.number, marker):
            return Outcome(ok=True, text="Gitea has the comment", found=True)
        await self.gitea.comment(pull.repository, pull.number, f"{effect.action.text}\n\n{marker}")
        return Outcome(ok=True, text="commented")

    async def _open_issue(self, pull: PullReview, effect: PendingEffect, ask: bool) -> Outcome:
        marker = marker_of(effect)
        if ask:
            since = max(0.0, effect.decided_at - _SKEW)
            if (number := await self.gitea.find_issue(pull.repository, marker, since)) is not None:
                return Outcome(ok=True, text=f"Gitea has issue #{number}", found=True)
        action = effect.action
        number = await self.gitea.open_issue(pull.repository, action.title, f"{action.text}\n\n{marker}")
        return Outcome(ok=True, text=f"opened issue #{number}")

    async def _deploy(self, pull: PullReview, effect: PendingEffect) -> Outcome:
        if self.sandboxes is None:
            return Outcome(ok=False, text="there are no sandboxes here any more")
        request = DeployRequest(
            key=effect.key, repository=pull.repository, number=pull.number, head=effect.head, card=effect.action.card
        )
        sandbox: Any = await self.sandboxes.deploy(request)
        if not isinstance(sandbox, DeployedSandbox):
            return Outcome(ok=False, text=f"deploy returned {type(sandbox).__name__}; valid: DeployedSandbox")
        text, problem = announcement(self.policy, pull, sandbox)
        comment = (ReviewAction(act=ReviewAct.COMMENT, text=text),) if text else ()
        said = f"sandbox {sandbox.id} at {sandbox.url}"
        return Outcome(ok=True, text=f"{said}; not announced: {problem}" if problem else said, follows=comment)
