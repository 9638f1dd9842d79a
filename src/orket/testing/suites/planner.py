"""What a planner owes."""

import contextlib
import copy
import gc
import weakref
from collections.abc import Mapping, Set
from typing import Any, ClassVar

import attrs
from hypothesis import assume
from hypothesis.strategies import SearchStrategy

from orket.contracts import CardStatus, Issue, Plan, PlannerNode, PlanQuestion
from orket.testing._nodes import TurnNodeContract
from orket.testing._suite import rule
from orket.testing._watch import Steps
from orket.testing.strategies import Backlog, alone, large_plan_questions, plan_question, plan_questions


class PlannerContract(TurnNodeContract[PlannerNode]):
    """The rules of planners."""

    kind: ClassVar[str] = "planner"
    prefix: ClassVar[str] = "planner"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {"plan": alone(plan_questions())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        return {"plan": (plan_question([Issue(id="I", name="Write it", seat="coder")]),)}

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return questions about 10,000 candidates."""
        return {"plan": alone(large_plan_questions())}

    async def plan(self, question: PlanQuestion) -> Plan:
        """Return the plan that a new node makes."""
        return await self.valid("plan", question, answer=Plan)

    @rule("20", question=plan_questions())
    async def chooses_candidates(self, question: PlanQuestion) -> None:
        """A plan names issues that may take a turn: of review and ready, or of the backlog in code review, or ready
        with all dependencies done.
        """
        plan = await self.plan(question)
        running = {issue.id for issue in question.running}
        chosen = [name for name in plan.issue_ids if name not in running]  # rule 25 is about the others
        assert [name for name in chosen if not _may_take_a_turn(name, question, _shown(question))] == []

    @rule("21", question=plan_questions())
    async def names_no_issue_twice(self, question: PlanQuestion) -> None:
        """A plan names no issue twice."""
        plan = await self.plan(question)
        assert len(set(plan.issue_ids)) == len(plan.issue_ids)

    @rule("22", question=plan_questions())
    async def fills_no_more_than_the_slots(self, question: PlanQuestion) -> None:
        """A plan names at most as many issues as there are slots."""
        plan = await self.plan(question)
        assert len(set(plan.issue_ids)) <= question.slots

    @rule("23", question=plan_questions(targeted=True))
    async def keeps_to_the_target(self, question: PlanQuestion) -> None:
        """A plan names nothing but the target, where there is one."""
        plan = await self.plan(question)
        assert set(plan.issue_ids) <= {question.target_issue_id}

    @rule("24", question=plan_questions())
    async def gives_a_reason(self, question: PlanQuestion) -> None:
        """A plan says why, in words."""
        plan = await self.plan(question)
        assume(isinstance(plan.reason, str))
        assert plan.reason.strip()

    @rule("25", question=plan_questions())
    async def starts_nothing_that_runs(self, question: PlanQuestion) -> None:
        """A plan names no issue whose turn runs."""
        plan = await self.plan(question)
        assert {issue.id for issue in question.running}.isdisjoint(plan.issue_ids)

    @rule("26", question=plan_questions())
    async def forgets_what_it_passed_over(self, question: PlanQuestion) -> None:
        """A planner plans rightly when the issues that it passed over come in another order, or come no more."""
        node = self.make_node()
        first = await self.ask("plan", question, node=node)
        again = _later(question, first)
        assume(_is_right(await self.plan(again), again))  # else another rule is broken
        plan: Any = None
        with contextlib.suppress(Exception):
            plan = await Steps().watch(lambda: node.plan(copy.copy(again)))
        assert type(plan) is Plan
        assert _is_right(plan, again)

    @rule("27", question=plan_questions(), share=0.5)
    async def keeps_no_backlog(self, question: PlanQuestion) -> None:
        """A planner lets go of the backlog once it has answered."""
        backlog = Backlog(question.backlog)
        kept = weakref.ref(backlog)
        node = self.make_node()
        await self.ask("plan", attrs.evolve(question, backlog=backlog), node=node)
        del backlog
        if kept() is not None:
            gc.collect()
        assert kept() is None

    @rule("28", question=large_plan_questions(), share=0.05)
    async def plans_ten_thousand(self, question: PlanQuestion) -> None:
        """A plan for 10,000 candidates keeps the same rules as a plan for ten."""
        plan = await self.plan(question)
        assert _is_right(plan, question)


def _shown(question: PlanQuestion) -> Set[str]:
    return {issue.id for issue in (*question.review, *question.ready)}


def _may_take_a_turn(name: str, question: PlanQuestion, shown: Set[str]) -> bool:
    if name in shown:
        return True
    issue = question.backlog.get(name)
    if issue is None:
        return False
    before = [question.backlog.get(it) for it in issue.depends_on]
    is_freed = all(it is not None and it.status is CardStatus.DONE for it in before)
    return issue.status is CardStatus.CODE_REVIEW or (issue.status is CardStatus.READY and is_freed)


def _is_right(plan: Plan, question: PlanQuestion) -> bool:
    """Return whether a plan keeps the clauses that rules 20 to 23 and 25 name."""
    chosen, shown = set(plan.issue_ids), _shown(question)
    return (
        len(chosen) == len(plan.issue_ids) <= question.slots
        and chosen.isdisjoint(issue.id for issue in question.running)
        and (question.target_issue_id is None or chosen <= {question.target_issue_id})
        and all(_may_take_a_turn(name, question, shown) for name in chosen)
    )


def _later(question: PlanQuestion, plan: Plan) -> PlanQuestion:
    """Return the question of some time later: what was chosen is done, every second of the others was canceled, and the
    rest come in another order.
    """
    chosen = set(getattr(plan, "issue_ids", ()))
    passed = [it.id for it in (*question.review, *question.ready) if it.id not in chosen]
    fate = {
        **dict.fromkeys(chosen, CardStatus.DONE),
        **dict.fromkeys(passed[::2], CardStatus.CANCELED),
    }
    board = [attrs.evolve(it, status=fate.get(it.id, it.status), version=it.version + 1) for it in question.backlog]
    running = [issue.id for issue in question.running]
    later = plan_question(board, running=running, slots=question.slots, target=question.target_issue_id)
    return attrs.evolve(later, review=later.review[::-1], ready=later.ready[::-1])
