"""What an evaluator owes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import assume
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    CardStatus,
    EvaluatorNode,
    FailureAction,
    FailureAnswer,
    FailureKind,
    FailureQuestion,
    Issue,
    SuccessAnswer,
    SuccessQuestion,
    TurnKind,
    TurnReport,
    WaitReason,
)
from orket.testing._nodes import Call, TurnNodeContract, calls_of
from orket.testing._suite import rule
from orket.testing.strategies import alone, failure_questions, success_questions


class EvaluatorContract(TurnNodeContract[EvaluatorNode]):
    """The rules of evaluators."""

    kind: ClassVar[str] = "evaluator"
    prefix: ClassVar[str] = "evaluator"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {"evaluate_success": alone(success_questions()), "evaluate_failure": alone(failure_questions())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        issue = Issue(id="I", name="Write it", seat="coder", status=CardStatus.IN_PROGRESS, params={})
        wish = CardStatus.CODE_REVIEW
        report = TurnReport(
            turn=1, kind=TurnKind.WORK, seat="coder", roles=("coder",), rounds=1, text="It is written.", wish=wish
        )
        ended_well = SuccessQuestion(issue=issue, report=report, wishes=(CardStatus.BLOCKED, wish))
        failed = FailureQuestion(issue=issue, report=report, kind=FailureKind.MODEL, detail="the model does not answer")
        return {"evaluate_success": (ended_well,), "evaluate_failure": (failed,)}

    async def judge(self, question: SuccessQuestion) -> SuccessAnswer:
        """Return what a new node says of a turn that ended well."""
        return await self.valid("evaluate_success", question, answer=SuccessAnswer)

    async def judge_failure(self, question: FailureQuestion) -> FailureAnswer:
        """Return what a new node says of a turn that failed; a count that is no number is rule 11's."""
        answer = await self.valid("evaluate_failure", question, answer=FailureAnswer)
        assume(type(answer.retry_count) is int)
        return answer

    @rule("20", question=success_questions())
    async def wishes_for_what_is_legal(self, question: SuccessQuestion) -> None:
        """An answer wishes for one of the question's wishes, or for nothing."""
        answer = await self.judge(question)
        assert answer.wish is None or answer.wish in question.wishes

    @rule("21", question=success_questions())
    async def waits_only_where_waiting_is_wished_for(self, question: SuccessQuestion) -> None:
        """A wait reason goes with a wish for blocked or waiting_for_developer, and with no other answer."""
        answer = await self.judge(question)
        waits = answer.wish in (CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER)
        assert answer.wait_reason is None or waits

    @rule("22", call=calls_of)
    async def gives_a_reason(self, call: Call) -> None:
        """An answer says why, in words."""
        method, args = call
        answer = await self.ask(method, *args)
        assume(isinstance(getattr(answer, "reason", None), str))
        assert answer.reason.strip()

    @rule("23", question=failure_questions())
    async def never_forgets_a_retry(self, question: FailureQuestion) -> None:
        """The retry count of an answer is not smaller than the issue's."""
        answer = await self.judge_failure(question)
        assert answer.retry_count >= question.issue.retry_count

    @rule("24", question=failure_questions())
    async def retries_within_the_limit(self, question: FailureQuestion) -> None:
        """An answer that retries has a retry count of at most max_retries."""
        answer = await self.judge_failure(question)
        assert answer.action is not FailureAction.RETRY or answer.retry_count <= question.issue.max_retries

    @rule("25", question=failure_questions())
    async def says_what_is_waited_for(self, question: FailureQuestion) -> None:
        """An answer that does not retry names a wait reason."""
        answer = await self.judge_failure(question)
        assert answer.action is FailureAction.RETRY or answer.wait_reason in tuple(WaitReason)
