"""What a tool may ask of the board. The core applies it in the turn's next commit, as far as the law grants it.

A host's tools make these too, so they check the types of what they are given: a misfit fails the tool that made it, and
nothing behind it.
"""

import math
from typing import Any, Final, TypeAlias

from attrs import field, frozen
from attrs.validators import deep_iterable, instance_of, optional

from orket._value import Value
from orket.cards import CardStatus, WaitReason

_TEXT: Final = instance_of(str)


def _finite(_request: object, attribute: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise TypeError(f"{attribute.name!r} must be a finite number, found {value!r:.100}")


@frozen(kw_only=True, repr=False, eq=False)
class StatusWish(Value):
    """A wish for a status; it ends the turn."""

    status: CardStatus = field(validator=instance_of(CardStatus))
    reason: str = field(default="", validator=_TEXT)
    wait_reason: WaitReason | None = field(default=None, validator=optional(instance_of(WaitReason)))


@frozen(kw_only=True, repr=False, eq=False)
class CommentRequest(Value):
    """A comment on the turn's issue."""

    text: str = field(validator=_TEXT)


@frozen(kw_only=True, repr=False, eq=False)
class NoteRequest(Value):
    """A note for later turns of the build: ``to`` is a seat of the team, a role of it, or ``all``."""

    to: str = field(validator=_TEXT)
    text: str = field(validator=_TEXT)


@frozen(kw_only=True, repr=False, eq=False)
class IssueRequest(Value):
    """A new issue on the same build."""

    summary: str = field(validator=_TEXT)
    seat: str = field(validator=_TEXT)
    priority: float = field(default=2.0, validator=_finite)
    note: str = field(default="", validator=_TEXT)
    depends_on: tuple[str, ...] = field(default=(), validator=deep_iterable(_TEXT, instance_of(tuple)))


@frozen(kw_only=True, repr=False, eq=False)
class NominationRequest(Value):
    """A proposal of work that is not on the board."""

    kind: str = field(validator=_TEXT)
    summary: str = field(validator=_TEXT)
    reason: str = field(default="", validator=_TEXT)


@frozen(kw_only=True, repr=False, eq=False)
class CreditsRequest(Value):
    """A report of cost, in credits."""

    amount: float = field(validator=_finite)
    detail: str = field(default="", validator=_TEXT)


@frozen(kw_only=True, repr=False, eq=False)
class RefinementRequest(Value):
    """A proposal to change an asset of the organization."""

    target: str = field(validator=_TEXT)
    proposal: str = field(validator=_TEXT)


BoardRequest: TypeAlias = (
    StatusWish | CommentRequest | NoteRequest | IssueRequest | NominationRequest | CreditsRequest | RefinementRequest
)
