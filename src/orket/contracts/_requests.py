"""What a tool may ask of the board. The core applies it in the turn's next commit, as far as the law grants it."""

from typing import TypeAlias

from attrs import frozen

from orket.cards import CardStatus, WaitReason


@frozen(kw_only=True)
class StatusWish:
    """A wish for a status; it ends the turn."""

    status: CardStatus
    reason: str = ""
    wait_reason: WaitReason | None = None


@frozen(kw_only=True)
class CommentRequest:
    """A comment on the turn's issue."""

    text: str


@frozen(kw_only=True)
class IssueRequest:
    """A new issue on the same build."""

    summary: str
    seat: str
    priority: float = 2.0
    note: str = ""
    depends_on: tuple[str, ...] = ()


@frozen(kw_only=True)
class NominationRequest:
    """A proposal of work that is not on the board."""

    kind: str
    summary: str
    reason: str = ""


@frozen(kw_only=True)
class CreditsRequest:
    """A report of cost, in credits."""

    amount: float
    detail: str = ""


@frozen(kw_only=True)
class RefinementRequest:
    """A proposal to change an asset of the organization."""

    target: str
    proposal: str


BoardRequest: TypeAlias = (
    StatusWish | CommentRequest | IssueRequest | NominationRequest | CreditsRequest | RefinementRequest
)
