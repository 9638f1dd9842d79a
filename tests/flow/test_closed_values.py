"""What nodes are shown is what the law goes by, so they cannot change it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import Route, RouteQuestion, Toolset, ToolsetQuestion
from orket.nodes.router import DefaultRouterNode
from orket.nodes.tool_strategy import DefaultToolStrategyNode
from orket.organization import Role, Seat, Team

pytestmark = pytest.mark.anyio


async def test_nodes_cannot_change_what_the_law_goes_by(tmp_path: Path) -> None:
    """Seats and roles of the team, and the tools with their effect classes, are closed to whoever sees them."""
    refused: list[str] = []

    def attack(shown: Any) -> None:
        try:
            shown["coder"] = next(iter(shown.values()))
        except TypeError as error:
            refused.append(str(error))

    class Router(DefaultRouterNode):
        def route(self, question: RouteQuestion, /) -> Route:
            attack(question.team.seats)
            attack(question.team.roles)
            return super().route(question)

    class Tools(DefaultToolStrategyNode):
        def compose(self, question: ToolsetQuestion, /) -> Toolset:
            attack(question.available)
            return super().compose(question)

    nodes = {"router": Router, "tool_strategy": Tools}
    async with open_world(organization(tmp_path, [issue("a")]), diligent, nodes=nodes) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert len(refused) == 2 * 3


async def test_a_team_does_not_share_what_it_was_made_of() -> None:
    """Whoever made it keeps his own mappings, and may go on to change them."""
    seats, roles = {"a": Seat(id="a", name="a")}, {"coder": Role(name="coder")}
    team = Team(name="crew", seats=seats, roles=roles)
    seats.clear()
    roles.clear()
    kept: tuple[Mapping[str, Any], ...] = (team.seats, team.roles)
    assert [list(one) for one in kept] == [["a"], ["coder"]]
