"""Which seat takes the turn."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from orket.contracts import EMPTY, INTEGRITY_GUARD, Issue, JsonValue, Route, RouteQuestion, Seat, TurnKind
from orket_cost_router._tariff import Tariff, TariffError

_NAMED: Final = 3  # seats that a reason compares with; a team may have a thousand


class CostAwareRouter:
    """Send work to the cheapest seat that has the skills the issue asks for, and reviews to the cheapest guard.

    Args:
        prices: by a seat's key, what one turn costs; any unit, 0 or more. Wins over the ``policy.price`` of roles.
        skills: by a seat's key, what it can do, beside the ``policy.skills`` of its roles.
        busy_surcharge: added to the price of a seat whose turn runs now.
        label: labels of an issue that begin with it ask for the skill that follows.

    Raises:
        TariffError: an option cannot be read.
    """

    contract_version = 1

    def __init__(
        self,
        *,
        prices: Mapping[str, JsonValue] = EMPTY,
        skills: Mapping[str, JsonValue] = EMPTY,
        busy_surcharge: float = 0.0,
        label: str = "skill:",
    ) -> None:
        if type(busy_surcharge) not in (int, float) or not 0 <= busy_surcharge < math.inf:
            raise TariffError(f"option 'busy_surcharge' is {busy_surcharge!r:.80}; valid: a number, 0 or more")
        if type(label) is not str or not label:
            raise TariffError(f"option 'label' is {label!r:.80}; valid: how labels that ask for a skill begin")
        self._tariff = Tariff(prices=prices, skills=skills)
        self._surcharge = busy_surcharge
        self._label = label

    def route(self, question: RouteQuestion, /) -> Route:
        """Choose a seat.

        Args:
            question: the issue, its team, the kind of turn, and which seats are busy.

        Returns:
            The seat's key, and what its price was compared with. None when the team has no seat with the skills, or
            none that the issue names.

        Raises:
            TariffError: the policy of a role cannot be read.
        """
        team, issue = question.team, question.issue
        own = team.find_seat(issue.seat)
        if question.kind is TurnKind.REVIEW:
            guards = team.seats_holding(INTEGRITY_GUARD)
            if guards:
                return self._review(question, guards, own)
        elif wanted := self._wanted(issue):
            able = [seat for seat in team.seats.values() if wanted <= self._tariff.skills_of(seat, team)]
            return self._work(question, able, own, ", ".join(sorted(wanted)))
        if own is None:
            return Route(seat=None, reason=f"team {team.name!r} has no seat {issue.seat!r}, and no skill is asked for")
        return Route(seat=own.id, reason=f"no skill is asked for, and the issue names seat {own.id!r}")

    def _wanted(self, issue: Issue) -> frozenset[str]:
        names = [label.removeprefix(self._label).strip() for label in issue.labels if label.startswith(self._label)]
        return frozenset(filter(None, names))

    def _review(self, question: RouteQuestion, guards: Sequence[Seat], own: Seat | None) -> Route:
        costs = {seat.id: self._tariff.price_of(seat, question.team) for seat in guards}
        chosen = min(guards, key=lambda seat: (seat == own, seat.id in question.busy, costs[seat.id]))
        return Route(seat=chosen.id, reason=f"reviews go to a guard: {_comparison(chosen.id, costs)}")

    def _work(self, question: RouteQuestion, able: Sequence[Seat], own: Seat | None, skills: str) -> Route:
        if not able:
            return Route(seat=None, reason=f"no seat of team {question.team.name!r} has {skills}")
        costs = {seat.id: self._cost(seat, question) for seat in able}
        chosen = min(able, key=lambda seat: (costs[seat.id], seat != own))
        return Route(seat=chosen.id, reason=_comparison(chosen.id, costs, f" with {skills}"))

    def _cost(self, seat: Seat, question: RouteQuestion) -> float:
        surcharge = self._surcharge if seat.id in question.busy else 0.0
        return self._tariff.price_of(seat, question.team) + surcharge


def _comparison(chosen: str, costs: Mapping[str, float], condition: str = "") -> str:
    """Say what the chosen seat costs, and what the others would have cost."""
    others = [seat for seat in sorted(costs, key=lambda seat: costs[seat]) if seat != chosen]
    said = f"{chosen} costs {_amount(costs[chosen])}"
    if not others:
        return f"{said}, the only one{condition}"
    is_cheapest = costs[chosen] <= costs[others[0]]
    rank = f"the cheapest of {len(costs)}" if is_cheapest else f"the best placed of {len(costs)}"
    return f"{said}, {rank}{condition} ({_listed(others, costs)})"


def _listed(seats: Sequence[str], costs: Mapping[str, float]) -> str:
    named: Iterable[str] = (f"{seat} {_amount(costs[seat])}" for seat in seats[:_NAMED])
    more = len(seats) - _NAMED
    return ", ".join(named) + (f", {more} more" if more > 0 else "")


def _amount(cost: float) -> str:
    return "an unknown price" if cost == math.inf else f"{cost:g}"
