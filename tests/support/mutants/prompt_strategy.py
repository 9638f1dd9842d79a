"""Prompt strategies that are wrong in one way each."""

from typing import Any

import attrs

from mutants import Mutant
from mutants.nodes import reasoned, subclassed, universal, unreadable
from orket.contracts import (
    DialectChoice,
    DialectQuestion,
    Message,
    ModelChoice,
    ModelQuestion,
    Prompt,
    PromptQuestion,
    ToolCall,
    TurnKind,
)
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode
from orket.testing import PromptStrategyContract


class Blank(DefaultPromptStrategyNode):
    def select_model(self, question: ModelQuestion, /) -> ModelChoice:
        choice = super().select_model(question)
        return attrs.evolve(choice, model=" ") if question.user_preference and not question.host_override else choice


class PassesOn(DefaultPromptStrategyNode):
    def select_model(self, question: ModelQuestion, /) -> ModelChoice:
        try:
            return super().select_model(question)
        except LookupError:
            return ModelChoice(model=question.environment.model, reason="the environment")


class Guesses(DefaultPromptStrategyNode):
    def select_dialect(self, question: DialectQuestion, /) -> DialectChoice:
        choice = super().select_dialect(question)
        return attrs.evolve(choice, family=question.model.split(":")[0]) if choice.family == "generic" else choice


class Preferring(DefaultPromptStrategyNode):
    def select_model(self, question: ModelQuestion, /) -> ModelChoice:
        if question.user_preference:
            return ModelChoice(model=question.user_preference, reason="the user knows best")
        return super().select_model(question)


class Mute(DefaultPromptStrategyNode):
    def compose(self, question: PromptQuestion, /) -> Prompt:
        prompt = super().compose(question)
        return prompt if question.tools else attrs.evolve(prompt, messages=())


class Silent(DefaultPromptStrategyNode):
    def select_dialect(self, question: DialectQuestion, /) -> DialectChoice:
        choice = super().select_dialect(question)
        return attrs.evolve(choice, reason="") if choice.family == "generic" else choice


class Appends(DefaultPromptStrategyNode):
    """Adds a message of its own to prompts of review turns; a subclass says which."""

    message: Any = None

    def compose(self, question: PromptQuestion, /) -> Prompt:
        prompt = super().compose(question)
        if question.kind is TurnKind.WORK:
            return prompt
        return attrs.evolve(prompt, messages=(*prompt.messages, self.message))


class Develops(Appends):
    message = Message(role="developer", content="Be brief.")  # type: ignore[arg-type]


class CallsAsUser(Appends):
    message = Message(role="user", content="", calls=(ToolCall(name="read_file", arguments={"path": "x"}),))


class AnswersAsUser(Appends):
    message = Message(role="user", content="It says x.", call_id="call-1")


class Bytes(Appends):
    message = Message(role="user", content="Be brief.", name=None)  # type: ignore[arg-type]


MUTANTS = (
    *universal(
        PromptStrategyContract,
        DefaultPromptStrategyNode,
        other=reasoned,
        unstorable=unreadable,
        foreign=subclassed,
        also={},
    ),
    Mutant(rule="prompt-strategy-20", make=Blank, how="answers with a blank where the user says what they like"),
    Mutant(rule="prompt-strategy-21", make=PassesOn, how="passes on that the environment names no model"),
    Mutant(rule="prompt-strategy-22", make=Guesses, how="takes the model's name for its family"),
    Mutant(rule="prompt-strategy-23", make=Mute, how="says nothing when there is no tool"),
    Mutant(rule="prompt-strategy-24", make=Develops, how="speaks as developer", also=("prompt-strategy-10",)),
    Mutant(rule="prompt-strategy-25", make=CallsAsUser, how="lets the user call a tool"),
    Mutant(rule="prompt-strategy-26", make=AnswersAsUser, how="answers a call as the user"),
    Mutant(rule="prompt-strategy-27", make=Bytes, how="has None for a name", also=("prompt-strategy-10",)),
    Mutant(rule="prompt-strategy-28", make=Silent, how="does not say why the dialect is the generic one"),
    Mutant(rule="prompt-strategy-29", make=Preferring, how="asks the user before the host"),
)
