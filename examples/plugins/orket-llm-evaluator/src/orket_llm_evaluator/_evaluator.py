"""What a turn's outcome means, as a model sees it."""

import os
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from attrs import evolve

from orket.contracts import (
    EMPTY,
    CardStatus,
    FailureAnswer,
    FailureQuestion,
    JsonValue,
    ModelClient,
    ModelRequest,
    SuccessAnswer,
    SuccessQuestion,
)
from orket.errors import ModelError
from orket.models import OpenAICompatibleModel
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket_llm_evaluator._prompt import compose
from orket_llm_evaluator._verdict import VerdictError, read_verdict, schema_of

_VERDICTS: Final = ("code_review", "done", "ready")


class LLMEvaluator:
    """Ask a model for a verdict on every turn that ended well; judge failures by the stock rules.

    Args:
        base_url: a server that speaks the chat completions protocol; "" reads ``LLM_EVALUATOR_URL``.
        model: the model's name there; "" reads ``LLM_EVALUATOR_MODEL``.
        api_key_variable: the environment variable that holds the key, if there is one.
        verdicts: statuses that the model may choose from, beside the one that the turn asked for.
        temperature: of the model.
        seed: of the model.
        timeout: seconds for one verdict, all attempts together.
        retries: further attempts after a failure that may pass.
        params: further fields of every request.
        client: asks the model instead of an HTTP client of its own; for hosts and tests.

    Raises:
        ValueError: there is no server to ask, or an option cannot be used.
    """

    contract_version = 1
    contract_powers: ClassVar[Mapping[str, object]] = MappingProxyType(
        {"deterministic": False, "errors": (VerdictError, ModelError)}
    )

    def __init__(
        self,
        *,
        base_url: str = "",
        model: str = "",
        api_key_variable: str = "LLM_EVALUATOR_API_KEY",
        verdicts: Sequence[str] = _VERDICTS,
        temperature: float = 0.0,
        seed: int | None = None,
        timeout: float = 30.0,
        retries: int = 2,
        params: Mapping[str, JsonValue] = EMPTY,
        client: ModelClient | None = None,
    ) -> None:
        url = base_url or os.environ.get("LLM_EVALUATOR_URL", "")
        if client is None and not url:
            raise ValueError("no server to ask; give the option 'base_url', or set LLM_EVALUATOR_URL")
        self._client = client or OpenAICompatibleModel(
            url, api_key=os.environ.get(api_key_variable) or None, params=params, retries=retries
        )
        self._request = ModelRequest(
            model=model or os.environ.get("LLM_EVALUATOR_MODEL", ""),
            messages=(),
            temperature=temperature,
            seed=seed,
            timeout=timeout,
        )
        self._verdicts = frozenset(CardStatus(status) for status in verdicts)
        self._stock = DefaultEvaluatorNode()

    async def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        """Judge a turn that ended well.

        Args:
            question: the issue, what its turn came to, and the statuses that the law could grant.

        Returns:
            The status that the model chose, with its reason. No wish, and no question to the model, where the law
            could grant none of the statuses that the model may choose from.

        Raises:
            VerdictError: the model gave no verdict, or none that was asked for.
            ModelError: the model could not be asked.
        """
        stock = self._stock.evaluate_success(question)
        choices = self._choices(question)
        if not choices:
            reason = f"nothing to judge: of {', '.join(question.wishes) or 'no wishes'} none is the model's to choose"
            return evolve(stock, wish=None, wait_reason=None, sandbox=False, reason=reason)
        request = evolve(self._request, messages=compose(question, choices), response_schema=schema_of(choices))
        reply = await self._client.complete(request)
        verdict = read_verdict(reply, choices)
        judge = reply.model or request.model or "the model"
        return evolve(
            stock,
            wish=verdict.status,
            wait_reason=verdict.wait_reason,
            sandbox=stock.sandbox and verdict.status is CardStatus.DONE,
            reason=f"{judge} judged: {verdict.reason or 'without a reason'}",
        )

    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer:
        """Judge a turn that failed, by the stock rules.

        Args:
            question: the issue with its retries so far, what went wrong, and the turn's report.

        Returns:
            The stock evaluator's answer.
        """
        return self._stock.evaluate_failure(question)

    def _choices(self, question: SuccessQuestion) -> tuple[CardStatus, ...]:
        """Return what the law could grant and the model may choose; no verdict goes against a failed verification."""
        report = question.report
        allowed = self._verdicts | {report.wish}
        if report.verification is not None and not report.verification.passed:
            allowed -= {CardStatus.DONE}
        return tuple([status for status in question.wishes if status in allowed])
