"""Evaluators that are wrong in one way each."""

import attrs

from mutants import Mutant
from mutants.nodes import reasoned, subclassed, universal, unreadable
from orket.contracts import (
    CardStatus,
    FailureAction,
    FailureAnswer,
    FailureQuestion,
    SuccessAnswer,
    SuccessQuestion,
    TurnKind,
    WaitReason,
)
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.testing import EvaluatorContract


class Eager(DefaultEvaluatorNode):
    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        answer = super().evaluate_success(question)
        return attrs.evolve(answer, wish=CardStatus.DONE) if answer.wish is CardStatus.CODE_REVIEW else answer


class Waits(DefaultEvaluatorNode):
    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        answer = super().evaluate_success(question)
        return attrs.evolve(answer, wait_reason=WaitReason.REVIEW) if answer.wish is CardStatus.CODE_REVIEW else answer


class Silent(DefaultEvaluatorNode):
    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        answer = super().evaluate_success(question)
        return attrs.evolve(answer, reason="\n") if question.report.kind is TurnKind.REVIEW else answer


class Forgives(DefaultEvaluatorNode):
    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer:
        answer = super().evaluate_failure(question)
        return answer if answer.action is FailureAction.RETRY else attrs.evolve(answer, retry_count=0)


class Persists(DefaultEvaluatorNode):
    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer:
        answer = super().evaluate_failure(question)
        if answer.action is not FailureAction.ABORT:
            return answer
        return attrs.evolve(answer, action=FailureAction.RETRY, retry_count=question.issue.retry_count + 1)


class Blocks(DefaultEvaluatorNode):
    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer:
        answer = super().evaluate_failure(question)
        return answer if answer.action is FailureAction.ABORT else attrs.evolve(answer, wait_reason=None)


MUTANTS: tuple[Mutant, ...] = (
    *universal(
        EvaluatorContract, DefaultEvaluatorNode, other=reasoned, unstorable=unreadable, foreign=subclassed, also={}
    ),
    Mutant(rule="evaluator-20", make=Eager, how="calls work done that nobody has reviewed"),
    Mutant(rule="evaluator-21", make=Waits, how="gives a wait reason with a wish for review"),
    Mutant(rule="evaluator-22", make=Silent, how="gives a line break for a reason"),
    Mutant(rule="evaluator-23", make=Forgives, how="starts to count anew when it blocks"),
    Mutant(rule="evaluator-24", make=Persists, how="tries again when all retries are used up"),
    Mutant(rule="evaluator-25", make=Blocks, how="blocks without saying what is waited for"),
)
