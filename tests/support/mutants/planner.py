"""Planners that are wrong in one way each."""

import attrs

from mutants import Mutant
from mutants.nodes import reasoned, subclassed, universal, unreadable
from orket.contracts import CardStatus, Plan, PlanQuestion
from orket.nodes.planner import DefaultPlannerNode
from orket.testing import PlannerContract

FEW = 100  # issues of a board that is no large one


def extended(plan: Plan, question: PlanQuestion, names: list[str]) -> Plan:
    """Fill the slots that a plan leaves free, within the target."""
    wanted = [name for name in names if question.target_issue_id in (None, name) and name not in plan.issue_ids]
    return attrs.evolve(plan, issue_ids=(*plan.issue_ids, *wanted)[: question.slots])


class Impatient(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        busy = {issue.id for issue in question.running}
        ready = [it.id for it in question.backlog if it.status is CardStatus.READY and it.id not in busy]
        return extended(super().plan(question), question, ready)


class Insistent(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        plan = super().plan(question)
        if len(plan.issue_ids) < question.slots and len(question.backlog) < FEW:
            return attrs.evolve(plan, issue_ids=(*plan.issue_ids, *plan.issue_ids[:1]))
        return plan


class Greedy(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        slots = question.slots + 1 if len(question.backlog) < FEW else question.slots
        return super().plan(attrs.evolve(question, slots=slots))


class Distracted(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        plan = super().plan(question)
        if question.target_issue_id is None or plan.issue_ids:
            return plan
        reviews = [it.id for it in question.backlog if it.status is CardStatus.CODE_REVIEW]
        busy = {issue.id for issue in question.running}
        return attrs.evolve(plan, issue_ids=tuple([it for it in reviews if it not in busy][: question.slots]))


class Silent(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        plan = super().plan(question)
        return plan if plan.issue_ids else attrs.evolve(plan, reason="")


class Restless(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        return extended(super().plan(question), question, [issue.id for issue in question.running])


class Nostalgic(DefaultPlannerNode):
    """Puts what it passed over on a list of its own, and goes on with that."""

    def __init__(self) -> None:
        self._passed: list[str] = []

    def plan(self, question: PlanQuestion, /) -> Plan:
        plan = super().plan(question)
        known = {issue.id for issue in question.backlog}
        kept = [name for name in self._passed if name in known and question.target_issue_id in (None, name)]
        shown = (*question.review, *question.ready)
        self._passed = [issue.id for issue in shown if issue.id not in plan.issue_ids]
        chosen = dict.fromkeys((*kept, *plan.issue_ids))
        return attrs.evolve(plan, issue_ids=tuple(chosen)[: question.slots])


class Attached(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        self._backlog = question.backlog
        return super().plan(question)


class Overwhelmed(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        candidates = len(question.review) + len(question.ready)
        return super().plan(question if candidates < FEW else attrs.evolve(question, slots=candidates))


MUTANTS = (
    *universal(
        PlannerContract,
        DefaultPlannerNode,
        other=reasoned,
        unstorable=unreadable,
        foreign=subclassed,
        also={"04": ("planner-27",)},
    ),
    Mutant(rule="planner-20", make=Impatient, how="starts what is ready before its dependencies are done"),
    Mutant(rule="planner-21", make=Insistent, how="names its first choice twice while slots are free"),
    Mutant(rule="planner-22", make=Greedy, how="counts one slot too many"),
    Mutant(rule="planner-23", make=Distracted, how="takes other reviews while the target may not run"),
    Mutant(rule="planner-24", make=Silent, how="does not say why nothing is chosen"),
    Mutant(rule="planner-25", make=Restless, how="fills free slots with what runs already"),
    Mutant(
        rule="planner-26",
        make=Nostalgic,
        how="goes on with a list of what it passed over",
        attributes={"stateful": True},
    ),
    Mutant(rule="planner-27", make=Attached, how="remembers the last backlog"),
    Mutant(rule="planner-28", make=Overwhelmed, how="forgets the slots when there are many candidates"),
)
