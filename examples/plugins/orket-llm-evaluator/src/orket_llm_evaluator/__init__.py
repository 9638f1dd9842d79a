"""An evaluator for orket that asks a language model for a verdict."""

from orket_llm_evaluator._evaluator import LLMEvaluator
from orket_llm_evaluator._verdict import Verdict, VerdictError

__all__ = ["LLMEvaluator", "Verdict", "VerdictError"]
