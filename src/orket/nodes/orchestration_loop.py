"""The stock loop policy: the bounds of the loop and what its edges mean."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orket.contracts import (
    INTEGRITY_GUARD,
    BoardCounts,
    CardStatus,
    Issue,
    LoopQuestion,
    MissingSeat,
    Rest,
    RestAnswer,
    Team,
)

_REVIEWED: Final = frozenset({CardStatus.CODE_REVIEW, CardStatus.READY_FOR_TESTING})
_LARGEST: Final = 999_999_999


class DefaultOrchestrationLoopPolicyNode:
    """Bound the loop by the environment, else the organization's process rules, else these options.

    The settings are ``ORKET_CONCURRENCY``, ``ORKET_CONTEXT_WINDOW`` and ``ORKET_TURN_BUDGET`` in the environment, and
    ``concurrency``, ``context_window`` and ``turn_budget`` in the process rules. An empty variable is one that is not
    set; anything else but a whole number from 1 to 999999999 is a ``ValueError`` that names its source.

    Args:
        concurrency: turns at once.
        context_window: entries of an issue's history in a prompt.
        turns_per_issue: what each issue of the board adds to the turn budget.
        least_turns: the turn budget of a small board.
    """

    contract_version = 1
    # For a setting that is no number.
    contract_powers: Mapping[str, object] = MappingProxyType({"errors": (ValueError,)})

    def __init__(
        self, *, concurrency: int = 3, context_window: int = 10, turns_per_issue: int = 10, least_turns: int = 30
    ) -> None:
        self._concurrency = _check(concurrency, "option 'concurrency'")
        self._context_window = _check(context_window, "option 'context_window'")
        self._turns_per_issue = _check(turns_per_issue, "option 'turns_per_issue'")
        self._least_turns = _check(least_turns, "option 'least_turns'")

    def concurrency_limit(self, question: LoopQuestion, /) -> int:
        """Return how many turns may run at once.

        Raises:
            ValueError: the setting is not a whole number from 1 on.
        """
        return _read(question, "concurrency", self._concurrency)

    def turn_budget(self, question: LoopQuestion, /) -> int:
        """Return how many turns the run may take: what is set, else a number that grows with the board.

        Raises:
            ValueError: the setting is not a whole number from 1 on.
        """
        return _read(question, "turn_budget", max(self._least_turns, question.counts.total * self._turns_per_issue))

    def context_window(self, question: LoopQuestion, /) -> int:
        """Return how many entries of an issue's history enter a prompt.

        Raises:
            ValueError: the setting is not a whole number from 1 on.
        """
        return _read(question, "context_window", self._context_window)

    def is_review_turn(self, status: CardStatus, /) -> bool:
        """Return whether an issue in *status* is judged (rather than worked on) by its next turn."""
        return status in _REVIEWED

    def role_order(self, roles: tuple[str, ...], is_review: bool, /) -> tuple[str, ...]:
        """Return *roles*, on review turns led by ``integrity_guard``, which is added where it is missing."""
        if not is_review:
            return roles
        return (INTEGRITY_GUARD, *[role for role in roles if role != INTEGRITY_GUARD])

    def missing_seat(self, issue: Issue, team: Team, /) -> MissingSeat:
        """Return that an issue nobody can ever work on is canceled, and which seats there are."""
        seats = ", ".join(team.seats) or "none"
        return MissingSeat(
            status=CardStatus.CANCELED, reason=f"team {team.name!r} has no seat {issue.seat!r}; its seats: {seats}"
        )

    def is_done(self, counts: BoardCounts, /) -> bool:
        """Return whether every issue is done or canceled."""
        return counts.unfinished == 0

    def no_candidates(self, counts: BoardCounts, /) -> RestAnswer:
        """Return that a run whose unfinished issues all wait has stalled."""
        return RestAnswer(rest=Rest.STALLED, reason=f"none of the unfinished issues may take a turn: {_tell(counts)}")

    def exhausted(self, turns: int, counts: BoardCounts, /) -> RestAnswer:
        """Return that a run which used its whole turn budget has failed."""
        return RestAnswer(rest=Rest.FAILED, reason=f"the turn budget of {turns} turns is used up: {_tell(counts)}")


def _read(question: LoopQuestion, name: str, otherwise: int) -> int:
    """Return a setting from where it is said first."""
    variable = f"ORKET_{name.upper()}"
    if text := question.environ.get(variable, ""):
        return _check(text, f"environment variable {variable}")
    if (value := question.organization.process_rules.get(name)) is not None:
        return _check(value, f"process rule {name!r} of organization {question.organization.name!r}")
    return otherwise


def _check(value: object, source: str) -> int:
    """Return *value* as a number, or raise ValueError that names *source*."""
    if isinstance(value, str) and re.fullmatch(r"\s*[0-9]{1,9}\s*", value):
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST:
        return value
    raise ValueError(f"{source} is {value!r}; valid is a whole number from 1 to {_LARGEST}")


def _tell(counts: BoardCounts) -> str:
    return (
        f"{counts.unfinished} of {counts.total} unfinished ({counts.waiting} waiting, {counts.ready} ready, "
        f"{counts.review} in review, {counts.running} running)"
    )
