"""What a prompt strategy owes."""

import contextlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    Dialect,
    DialectChoice,
    DialectQuestion,
    Environment,
    Epic,
    Issue,
    Message,
    ModelChoice,
    ModelQuestion,
    Organization,
    Prompt,
    PromptQuestion,
    PromptStrategyNode,
    Role,
    Seat,
    ToolSpec,
    TurnKind,
)
from orket.testing._nodes import Call, TurnNodeContract, calls_of
from orket.testing._suite import rule
from orket.testing._watch import Steps
from orket.testing.strategies import alone, dialect_questions, model_questions, prompt_questions

_SPEAKERS: Final = ("system", "user", "assistant", "tool")
_MANY: Final = 1000  # tools, and lines of history, of the largest questions
_FAMILIES: Final = 100


class PromptStrategyContract(TurnNodeContract[PromptStrategyNode]):
    """The rules of prompt strategies.

    Attributes:
        honours_host_override: Whether the model that the host names is the one that answers. A strategy that declares
            False chooses by its own lights, whatever the host says.
    """

    kind: ClassVar[str] = "prompt_strategy"
    prefix: ClassVar[str] = "prompt-strategy"
    honours_host_override: ClassVar[bool] = True

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {
            "select_model": alone(model_questions()),
            "select_dialect": alone(dialect_questions()),
            "compose": alone(prompt_questions()),
        }

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        prompt = _prompt_question(1)
        standard = Environment(name="standard", model="qwen3-coder:30b", params={})
        return {
            "select_model": (ModelQuestion(issue=prompt.issue, epic=prompt.epic, role="coder", environment=standard),),
            "select_dialect": (DialectQuestion(model=standard.model, families=("generic", "qwen")),),
            "compose": (prompt,),
        }

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return a question about a thousand tools and lines of history, and one about a hundred families."""
        families = ("generic", *(f"family-{index}" for index in range(_FAMILIES)))
        return {
            "select_dialect": alone(st.just(families).map(_dialect_question)),
            "compose": alone(st.just(_MANY).map(_prompt_question)),
        }

    async def messages(self, question: PromptQuestion) -> tuple[Message, ...]:
        """Return the messages that a new node writes; what is no tuple of messages is rule 11's."""
        prompt = await self.valid("compose", question, answer=Prompt)
        assume(type(prompt.messages) is tuple and all(type(it) is Message for it in prompt.messages))
        return prompt.messages

    @rule("20", question=model_questions())
    async def names_a_model(self, question: ModelQuestion) -> None:
        """A choice of model names one: it is not blank."""
        choice = await self.valid("select_model", question, answer=ModelChoice)
        assume(isinstance(choice.model, str))
        assert choice.model.strip()

    @rule("21", question=model_questions(said=False), share=0.2)
    async def never_passes_a_blank_on(self, question: ModelQuestion) -> None:
        """Where nobody names a model a strategy names one, or declines; it does not answer with a blank."""
        node = self.make_node()
        choice: Any = None
        with contextlib.suppress(Exception):
            choice = await Steps().watch(lambda: node.select_model(question))
        assert choice is None or not isinstance(choice.model, str) or choice.model.strip()

    @rule("22", question=dialect_questions())
    async def chooses_a_family_there_is(self, question: DialectQuestion) -> None:
        """A choice of dialect is one of the question's families."""
        choice = await self.valid("select_dialect", question, answer=DialectChoice)
        assert choice.family in question.families

    @rule("23", question=prompt_questions())
    async def says_something(self, question: PromptQuestion) -> None:
        """A prompt has at least one message."""
        assert await self.messages(question)

    @rule("24", question=prompt_questions())
    async def speaks_in_known_roles(self, question: PromptQuestion) -> None:
        """A message is of the role system, user, assistant or tool."""
        assert {message.role for message in await self.messages(question)} <= set(_SPEAKERS)

    @rule("25", question=prompt_questions())
    async def calls_only_as_assistant(self, question: PromptQuestion) -> None:
        """Only a message of the assistant carries calls."""
        found = await self.messages(question)
        assert [message.role for message in found if message.calls and message.role != "assistant"] == []

    @rule("26", question=prompt_questions())
    async def answers_calls_only_as_tool(self, question: PromptQuestion) -> None:
        """Only a message of a tool carries a call_id."""
        found = await self.messages(question)
        assert [message.role for message in found if message.call_id and message.role != "tool"] == []

    @rule("27", question=prompt_questions())
    async def writes_text(self, question: PromptQuestion) -> None:
        """The content of a message is text, and so are its name and its call_id."""
        for message in await self.messages(question):
            assert {type(it) for it in (message.content, message.name, message.call_id)} == {str}

    @rule("28", call=calls_of)
    async def gives_a_reason(self, call: Call) -> None:
        """A choice of model or dialect, and a prompt, says why, in words."""
        method, args = call
        answer = await self.ask(method, *args)
        assume(isinstance(getattr(answer, "reason", None), str))
        assert answer.reason.strip()

    @rule("29", needs="honours_host_override", question=model_questions(overridden=True))
    async def takes_the_model_that_the_host_names(self, question: ModelQuestion) -> None:
        """The model that the host names is chosen before all others."""
        choice = await self.valid("select_model", question, answer=ModelChoice)
        assume(isinstance(choice.model, str))
        assume(choice.model.strip())  # else rule 20 is broken
        assert choice.model == question.host_override


def _prompt_question(count: int) -> PromptQuestion:
    """Return a question with *count* tools, lines of history, remembered decisions and notes."""
    issue = Issue(id="I", name="Write it", seat="coder", requirements="A parser.", params={})
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    names = [f"tool_{index}" for index in range(count)]
    return PromptQuestion(
        issue=issue,
        epic=Epic(id="launch", name="Launch", team="core", environment="standard", params={}),
        organization=Organization(name="Acme", branding={}, contact={}, process_rules={}),
        seat=Seat(id="coder", name="Coder", roles=("coder",)),
        roles=(Role(name="coder", intent="Write what is asked for.", tools=tuple(names), policy={}),),
        kind=TurnKind.WORK,
        dialect=Dialect(model_family="generic"),
        tools=tuple(ToolSpec(name=name, description="Do it", parameters=dict(parameters)) for name in names),
        history=tuple(f"turn {index}: work by coder, ready" for index in range(count)),
        remembered=tuple(f"Use {index} tabs." for index in range(count)),
        notes=tuple(f"note by qa, on I: Beware of {index}." for index in range(count)),
    )


def _dialect_question(families: tuple[str, ...]) -> DialectQuestion:
    return DialectQuestion(model="house-7b", families=families)
