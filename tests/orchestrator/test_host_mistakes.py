"""What a host gets wrong is said at once, in orket's own words."""

from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.errors import ConfigError, RunError, ToolError, WiringError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("below", ["", "inner"])
async def test_agents_may_not_write_where_their_roles_are(tmp_path: Path, below: str) -> None:
    """Assets inside the workspace are refused: an agent could give its own role more tools."""
    root = organization(tmp_path / below, [issue("a")])
    with pytest.raises(ConfigError, match="inside the workspace"):
        async with orket.Orchestrator(config=root, workspace=tmp_path, model=diligent, store=orket.MemoryStore()):
            pass


async def test_warnings_stay_when_the_orchestrator_is_closed(tmp_path: Path) -> None:
    """A host that reads warnings after the run finds them, a seat that the team lacks among them."""
    root = organization(tmp_path, [issue("a", seat="codr")])
    crew = open_world(root, diligent)
    assert crew.warnings == ()
    async with crew:
        await crew.run_epic("launch")
    (warning,) = crew.warnings
    assert 'no seat "codr"; it has: coder, guard' in warning


async def test_strict_refuses_an_issue_without_a_seat(tmp_path: Path) -> None:
    """With strict a seat that the team lacks is an error before anything is written."""
    root = organization(tmp_path, [issue("a", seat="codr")])
    async with open_world(root, diligent, strict=True) as crew:
        with pytest.raises(ConfigError, match='no seat "codr"'):
            await crew.run_epic("launch")
        assert await crew.store.runs() == ()


@pytest.mark.parametrize(
    "bounds", [{"rounds": 0}, {"rounds": 1.5}, {"lease": 0}, {"tool": -1}, {"node": "x"}, {"rule": True}]
)
def test_limits_are_above_zero(bounds: dict[str, Any]) -> None:
    """A bound that is none is refused by name."""
    with pytest.raises(WiringError, match=next(iter(bounds))):
        orket.Limits(**bounds)


def test_an_effect_is_an_effect_class() -> None:
    """A word that is no effect class is refused when the tool is defined."""
    with pytest.raises(ToolError, match=r"EffectClass\.READ"):
        orket.tool(effect="reads")  # type: ignore[call-overload]


async def test_run_sync_in_a_loop_says_what_to_do(tmp_path: Path) -> None:
    """Where a loop runs already, run_sync names the coroutine to await."""
    root = organization(tmp_path, [issue("a")])
    with pytest.raises(RunError, match="await run_card"):
        orket.run_sync(open_world(root, diligent), "launch")
