"""Tool strategies that are wrong in one way each."""

from typing import Any

import attrs

from mutants import Mutant
from mutants.nodes import reasoned, subclassed, universal, unreadable
from orket.contracts import EffectClass, Toolset, ToolsetQuestion, ToolSpec, TurnKind
from orket.nodes.tool_strategy import DefaultToolStrategyNode
from orket.testing import ToolStrategyContract


class Invents(DefaultToolStrategyNode):
    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        offer = super().compose(question)
        if "ask_human" in question.available or question.kind is TurnKind.WORK:
            return offer
        return attrs.evolve(offer, tools=(*offer.tools, ToolSpec(name="ask_human", description="", parameters={})))


class Repeats(DefaultToolStrategyNode):
    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        tools = [
            question.available[name] for role in question.roles for name in role.tools if name in question.available
        ]
        return attrs.evolve(super().compose(question), tools=tuple(tools))


class Rewrites(DefaultToolStrategyNode):
    """Changes every tool that it offers on review turns; a subclass says how."""

    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        offer = super().compose(question)
        if question.kind is TurnKind.WORK:
            return offer
        return attrs.evolve(offer, tools=tuple(attrs.evolve(tool, **self.changes(tool)) for tool in offer.tools))

    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        raise NotImplementedError


class Understates(Rewrites):
    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        return {"effect": EffectClass.READ}


class Reassures(Rewrites):
    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        return {"destructive": tool.name == "write_file"}


class Silent(DefaultToolStrategyNode):
    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        offer = super().compose(question)
        return offer if offer.tools else attrs.evolve(offer, reason="")


class Unwraps(Rewrites):
    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        return {"parameters": dict(tool.parameters.get("properties", {}))}


class Computes(Rewrites):
    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        return {"parameters": {**tool.parameters, "maxProperties": float("inf")}}


class Marks(Rewrites):
    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        return {"parameters": {**tool.parameters, "required": True}}


class Unnames(Rewrites):
    def changes(self, tool: ToolSpec) -> dict[str, Any]:
        return {"description": None}


MUTANTS = (
    *universal(
        ToolStrategyContract,
        DefaultToolStrategyNode,
        other=reasoned,
        unstorable=unreadable,
        foreign=subclassed,
        also={},
    ),
    Mutant(rule="tool-strategy-20", make=Invents, how="offers a tool that does not exist"),
    Mutant(rule="tool-strategy-21", make=Repeats, how="offers a tool once for each role that lists it"),
    Mutant(rule="tool-strategy-22", make=Understates, how="says that every tool only reads"),
    Mutant(rule="tool-strategy-23", make=Reassures, how="has an opinion of its own about what is destructive"),
    Mutant(rule="tool-strategy-24", make=Silent, how="does not say why nothing is offered"),
    Mutant(rule="tool-strategy-25", make=Unwraps, how="offers the properties for the schema"),
    Mutant(
        rule="tool-strategy-26",
        make=Computes,
        how="writes a number into the schema that JSON does not have",
        also=("tool-strategy-10",),
    ),
    Mutant(rule="tool-strategy-27", make=Marks, how="writes required as JSON Schema had it before draft 4"),
    Mutant(rule="tool-strategy-28", make=Unnames, how="takes the description away", also=("tool-strategy-10",)),
)
