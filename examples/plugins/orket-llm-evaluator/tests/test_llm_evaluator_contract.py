"""The evaluator keeps its contract, whoever the model is."""

import json
from typing import ClassVar

import pytest
from hypothesis import settings
from orket_llm_evaluator import LLMEvaluator, VerdictError

from orket.contracts import ModelRequest
from orket.errors import ModelError
from orket.testing import EvaluatorContract
from orket.testing.fakes import ScriptedModel


def judge(request: ModelRequest) -> str:
    """Choose the first status that is offered."""
    assert request.response_schema is not None
    properties = request.response_schema["properties"]
    chosen = {name: it["enum"][0] for name, it in properties.items() if "enum" in it}
    return json.dumps({**chosen, "reason": "it looks right"})


class TestLLMEvaluator(EvaluatorContract):
    """Asking a model that always judges alike."""

    errors = (VerdictError, ModelError)

    def make_node(self) -> LLMEvaluator:
        """Return it with a scripted model."""
        return LLMEvaluator(client=ScriptedModel(judge))


class TestLLMEvaluatorWithModel(EvaluatorContract):
    """Asking a real model over HTTP: few examples, each answered by a server."""

    errors = (VerdictError, ModelError)
    deterministic = False
    settings = settings(max_examples=4)
    url: ClassVar[str] = ""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _served(cls, judge_url: str) -> None:
        cls.url = judge_url

    def make_node(self) -> LLMEvaluator:
        """Return it with the address of the server."""
        return LLMEvaluator(base_url=self.url, temperature=1, seed=7)
