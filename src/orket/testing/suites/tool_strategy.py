"""What a tool strategy owes."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    CardStatus,
    EffectClass,
    Issue,
    Role,
    Seat,
    Toolset,
    ToolsetQuestion,
    ToolSpec,
    ToolStrategyNode,
    TurnKind,
)
from orket.testing._nodes import TurnNodeContract
from orket.testing._suite import rule
from orket.testing.strategies import alone, toolset_questions

_MANY: Final = 1000  # tools of the largest questions


class ToolStrategyContract(TurnNodeContract[ToolStrategyNode]):
    """The rules of tool strategies."""

    kind: ClassVar[str] = "tool_strategy"
    prefix: ClassVar[str] = "tool-strategy"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {"compose": alone(toolset_questions())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        return {"compose": (_question(1),)}

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return questions about a thousand tools, all of which the role lists."""
        return {"compose": alone(st.just(_MANY).map(_question))}

    async def offer(self, question: ToolsetQuestion) -> tuple[ToolSpec, ...]:
        """Return the tools that a new node offers; what is no tuple of tools is rule 11's."""
        toolset = await self.valid("compose", question, answer=Toolset)
        assume(type(toolset.tools) is tuple and all(type(tool) is ToolSpec for tool in toolset.tools))
        return toolset.tools

    async def pairs(self, question: ToolsetQuestion) -> list[tuple[ToolSpec, ToolSpec]]:
        """Return the tools that a new node offers, each beside the tool itself; unknown ones are rule 20's."""
        offered = await self.offer(question)
        return [(tool, question.available[tool.name]) for tool in offered if tool.name in question.available]

    async def schemas(self, question: ToolsetQuestion) -> list[Mapping[str, Any]]:
        """Return the schemas that a new node offers; what is no mapping of type object is rule 25's."""
        found = [offered.parameters for offered, _ in await self.pairs(question)]
        return [it for it in found if _is_object(it)]

    @rule("20", question=toolset_questions())
    async def offers_what_is_available(self, question: ToolsetQuestion) -> None:
        """An offer holds available tools only, each under its own name."""
        offered = await self.offer(question)
        assert [tool.name for tool in offered if tool.name not in question.available] == []

    @rule("21", question=toolset_questions())
    async def offers_no_tool_twice(self, question: ToolsetQuestion) -> None:
        """An offer holds each tool once."""
        names = [tool.name for tool in await self.offer(question)]
        assert len(set(names)) == len(names)

    @rule("22", question=toolset_questions())
    async def keeps_the_effect(self, question: ToolsetQuestion) -> None:
        """A tool is offered with the effect class that it has."""
        for offered, own in await self.pairs(question):
            assert offered.effect is own.effect

    @rule("23", question=toolset_questions())
    async def keeps_what_is_destructive(self, question: ToolsetQuestion) -> None:
        """A tool is offered as destructive where it is, and nowhere else."""
        for offered, own in await self.pairs(question):
            assert offered.destructive is own.destructive

    @rule("24", question=toolset_questions())
    async def gives_a_reason(self, question: ToolsetQuestion) -> None:
        """An offer says why, in words."""
        toolset = await self.valid("compose", question, answer=Toolset)
        assume(isinstance(toolset.reason, str))
        assert toolset.reason.strip()

    @rule("25", question=toolset_questions())
    async def keeps_schemas_of_objects(self, question: ToolsetQuestion) -> None:
        """The schema that is offered is a mapping, a JSON Schema of type object."""
        for offered, _ in await self.pairs(question):
            assert _is_object(offered.parameters)

    @rule("26", question=toolset_questions())
    async def keeps_schemas_json(self, question: ToolsetQuestion) -> None:
        """The schema that is offered is JSON data: text for keys, no number that is none, no objects of Python."""
        for schema in await self.schemas(question):
            try:
                text = json.dumps(_plain(schema), allow_nan=False)
            except (TypeError, ValueError, RecursionError) as error:
                raise AssertionError(f"a schema is no JSON: {error}") from error
            assert text

    @rule("27", question=toolset_questions())
    async def keeps_properties_and_required_readable(self, question: ToolsetQuestion) -> None:
        """Properties in the schema that is offered are a mapping, and what it requires is a list of names."""
        for schema in await self.schemas(question):
            assert isinstance(schema.get("properties", {}), Mapping)
            required = schema.get("required", [])
            assert isinstance(required, list | tuple)
            assert all(isinstance(name, str) for name in required)

    @rule("28", question=toolset_questions())
    async def describes_tools_in_words(self, question: ToolsetQuestion) -> None:
        """The description that is offered is text."""
        for offered, _ in await self.pairs(question):
            assert isinstance(offered.description, str)


def _question(count: int) -> ToolsetQuestion:
    """Return a question about *count* tools beside the one for the status."""
    names = ["update_issue_status", *(f"tool_{index}" for index in range(count))]
    parameters = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}
    available = {
        name: ToolSpec(name=name, description="Do it", parameters=dict(parameters), effect=EffectClass.NONE)
        for name in names
    }
    return ToolsetQuestion(
        issue=Issue(id="I", name="Write it", seat="coder", params={}),
        seat=Seat(id="coder", name="Coder", roles=("coder",)),
        roles=(Role(name="coder", tools=tuple(names), policy={}),),
        kind=TurnKind.WORK,
        available=available,
        wishes=(CardStatus.BLOCKED, CardStatus.CODE_REVIEW),
    )


def _is_object(schema: Any) -> bool:
    return isinstance(schema, Mapping) and schema.get("type") == "object"


def _plain(value: Any) -> Any:
    """Return data with every mapping as a dict, whose keys must be text: what json.dumps turns into text is none."""
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise TypeError(f"keys {[key for key in value if not isinstance(key, str)]!r}")
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
