"""The stock router: work goes to the issue's seat, reviews to a seat that holds ``integrity_guard``."""

from orket.contracts import INTEGRITY_GUARD, Route, RouteQuestion, TurnKind


class DefaultRouterNode:
    """Send each turn to the seat that the board and the team's roles name."""

    contract_version = 1

    def route(self, question: RouteQuestion, /) -> Route:
        """Choose the issue's seat, or on review turns a guard, where the team has one.

        Args:
            question: the issue, its team, the kind of turn, and which seats are busy.

        Returns:
            The seat's key. Of several guards: one that is not the issue's own seat, rather a free one, else the first
            in the team's order. None, with the reason, when the team has no seat for the issue.
        """
        team, wanted = question.team, question.issue.seat
        own = team.find_seat(wanted)
        if question.kind is TurnKind.REVIEW and (guards := team.seats_holding(INTEGRITY_GUARD)):
            guard = min(guards, key=lambda seat: (seat is own, seat.id in question.busy))
            return Route(seat=guard.id, reason=f"reviews go to a seat that holds {INTEGRITY_GUARD}")
        if own is None:
            seats = ", ".join(team.seats) or "none"
            return Route(seat=None, reason=f"team {team.name!r} has no seat {wanted!r}; its seats: {seats}")
        return Route(seat=own.id, reason=f"the issue names seat {wanted!r}")
