"""Which issues take a turn now."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Final

from orket.contracts import EMPTY, CardStatus, Issue, JsonValue, Plan, PlanQuestion, sanitize_name
from orket.nodes.planner import DefaultPlannerNode
from orket_critical_path_planner._paths import RemainingPaths

_NAMED: Final = 3  # issues whose paths a reason tells


class CriticalPathPlanner:
    """Start what most of the remaining work waits for, within the limits of each seat.

    Args:
        limits: by seat, as issues name it, how many of its issues may be in progress at once.
        default_limit: the same for all other seats; None: as many as there are slots.
        horizon: how many issues of the backlog are looked at for one plan; at least one for each candidate.

    Raises:
        TypeError, ValueError: an option cannot be read.
    """

    contract_version = 1

    def __init__(
        self, *, limits: Mapping[str, JsonValue] = EMPTY, default_limit: int | None = None, horizon: int = 1000
    ) -> None:
        if not isinstance(limits, Mapping):
            raise TypeError(f"option 'limits' is {limits!r:.80}; valid: an object with a number for each seat")
        self._limits = {sanitize_name(seat): _count(limit, f"the limit of {seat!r}") for seat, limit in limits.items()}
        self._default = None if default_limit is None else _count(default_limit, "option 'default_limit'")
        self._horizon = _count(horizon, "option 'horizon'")
        self._stock = DefaultPlannerNode()

    def plan(self, question: PlanQuestion, /) -> Plan:
        """Choose the candidates with the longest remaining paths.

        Args:
            question: the windows of candidates, what runs, and the backlog, of which ``horizon`` issues are looked at,
                the same share for each candidate. A target is left to the stock planner: there is nothing to choose.

        Returns:
            The chosen ids, the longest path first; empty while every seat that is asked for is at its limit.

        Raises:
            EstimateError: an issue's estimate is no number greater than 0.
        """
        if question.target_issue_id is not None:
            return self._stock.plan(question)
        running = {issue.id for issue in question.running}
        candidates = [issue for issue in chain(question.review, question.ready) if issue.id not in running]
        paths = RemainingPaths(question.backlog)
        share = max(1, self._horizon // max(1, len(candidates)))  # no deep branch leaves nothing to the others
        lengths = {issue.id: paths.length(issue, share) for issue in candidates}
        candidates.sort(key=lambda issue: -lengths[issue.id])  # stable: reviews first, then the order of the core
        reviews = {issue.id for issue in question.review}
        held: list[Issue] = []
        chosen = list(self._fitting(candidates, reviews, question, held))
        return Plan(issue_ids=tuple(chosen), reason=_reason(chosen, lengths, held, is_cut=paths.is_cut))

    def _fitting(
        self, candidates: Iterable[Issue], reviews: set[str], question: PlanQuestion, held: list[Issue]
    ) -> Iterator[str]:
        """Yield as many candidates as there are slots, and add to *held* those whose seat has enough to do."""
        busy = Counter(sanitize_name(it.seat) for it in question.running if it.status is not CardStatus.CODE_REVIEW)
        left = question.slots
        seen: set[str] = set()
        for issue in candidates:
            if not left:
                return
            if issue.id in seen:
                continue
            seen.add(issue.id)
            if issue.id not in reviews:
                seat = sanitize_name(issue.seat)
                limit = self._limits.get(seat, self._default)
                if limit is not None and busy[seat] >= limit:
                    held.append(issue)
                    continue
                busy[seat] += 1
            left -= 1
            yield issue.id


def _count(value: object, where: str) -> int:
    if type(value) is int and value >= 1:
        return value
    raise ValueError(f"{where} is {value!r:.80}; valid: a number, 1 or more")


def _reason(chosen: list[str], lengths: Mapping[str, float], held: list[Issue], *, is_cut: bool) -> str:
    parts = []
    if chosen:
        told = ", ".join(f"{name} ({lengths[name]:g})" for name in chosen[:_NAMED])
        more = f", {len(chosen) - _NAMED} more" if len(chosen) > _NAMED else ""
        parts.append(f"longest remaining path first: {told}{more}")
    if held:
        seats = ", ".join(sorted({issue.seat for issue in held}))
        parts.append(f"{len(held)} held back, at the limit: {seats}")
    if is_cut and chosen:
        parts.append("paths are cut at the horizon")
    return "; ".join(parts) or "no candidate is free"
