"""What a host gets wrong is said at once, in orket's own words."""

from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization, write_json

import orket
from orket.errors import AssetNotFoundError, ConfigError, RunError, ToolError, UnknownCardError, WiringError

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


@pytest.mark.parametrize("model", [7, ["qwen"], {"name": "qwen"}])
async def test_a_default_model_that_is_no_name_is_refused(tmp_path: Path, model: object) -> None:
    """It is not passed over for the environment's: who wrote it meant something."""
    root = organization(tmp_path, [issue("a")], process_rules={"default_model": model})
    with pytest.raises(ConfigError, match=r"process rule .default_model. of .* is .*; valid: a model"):
        async with open_world(root, diligent):
            pass


@pytest.mark.parametrize("field", ["team", "environment"])
async def test_an_asset_that_is_nowhere_says_who_names_it(tmp_path: Path, field: str) -> None:
    """The epic that names a missing team or environment stands in the error, beside what there is."""
    root = organization(tmp_path, [issue("a")], **{field: "nowhere"})
    async with open_world(root, diligent) as crew:
        with pytest.raises(AssetNotFoundError) as caught:
            await crew.run_epic("launch")
    assert caught.value.problems == (f'the epic "launch" names it as its {field}',)
    assert (caught.value.category, caught.value.name) == (f"{field}s", "nowhere")


async def test_strict_refuses_an_issue_without_a_seat(tmp_path: Path) -> None:
    """With strict a seat that the team lacks is an error before anything is written."""
    root = organization(tmp_path, [issue("a", seat="codr")])
    async with open_world(root, diligent, strict=True) as crew:
        with pytest.raises(ConfigError, match='no seat "codr"'):
            await crew.run_epic("launch")
        assert await crew.store.runs() == ()


async def test_a_tool_that_nobody_brought_is_told(tmp_path: Path) -> None:
    """A role that lists an unknown tool is a warning with what was meant, and an error with strict."""
    root = organization(tmp_path, [issue("a")], tools=["update_issue_status", "writefile"])
    crew = open_world(root, diligent)
    async with crew:
        assert (await crew.run_epic("launch")).done == 1
    said = 'teams/crew: role "coder" lists "writefile", which is no tool here; did you mean "write_file"?'
    assert crew.warnings == (said,)
    async with open_world(root, diligent, strict=True) as crew:
        with pytest.raises(ConfigError, match="no tool here"):
            await crew.run_epic("launch")
        assert await crew.store.runs() == ()


async def test_a_fixture_that_is_no_file_is_told(tmp_path: Path) -> None:
    """A fixture that does not exist is a warning that names the path, and an error with strict."""
    proofs = [("a", "verification/a.py"), ("b", "b.py"), ("c", "c.py")]
    issues = [issue(name, verification={"fixture": file}) for name, file in proofs]
    issues[2]["status"] = "done"
    root = organization(tmp_path, issues)
    folder = root / "work" / "space" / "verification"
    folder.mkdir(parents=True)
    (folder / "a.py").write_text("def verify(): return True")
    crew = open_world(root, diligent)
    async with crew:
        await crew.run_epic("launch")
    (warning,) = crew.warnings
    assert warning == f'epics/launch: issue "b": its fixture "b.py" is no file; expected {folder / "b.py"}'
    async with open_world(root, diligent, strict=True) as crew:
        with pytest.raises(ConfigError, match='issue "b": its fixture'):
            await crew.run_epic("launch")


async def test_a_card_that_is_almost_known_is_suggested(tmp_path: Path) -> None:
    """An unknown name is answered with the closest epic, issue of an asset, or card of a board."""
    async with open_world(organization(tmp_path, [issue("publish")]), diligent) as crew:
        for name, meant in (("lunch", "launch"), ("publsh", "publish")):
            with pytest.raises(UnknownCardError, match=rf"issue '{name}'; did you mean '{meant}'[?] rocks: none"):
                await crew.run_card(name)
        await crew.run_epic("launch")
        with pytest.raises(UnknownCardError, match=r"on any board; did you mean 'publish'[?] some that are: publish"):
            await crew.explain("publsh")
        with pytest.raises(UnknownCardError, match=r"issue 'zzz'; rocks: none; epics: launch"):
            await crew.run_card("zzz")


async def test_cards_outside_the_target_are_called_so(tmp_path: Path) -> None:
    """A run for one issue says of the others that they are no part of it, not that they wait for a slot."""
    root = organization(tmp_path, [issue("a"), issue("b"), issue("c", status="code_review"), issue("d", "b")])
    async with open_world(root, diligent) as crew:
        result = await crew.run_epic("launch", target_issue_id="a")
    outside = "is no part of this run, which is only for a"
    assert result.reasons == {"b": f"resource: {outside}", "c": f"review: {outside}", "d": "dependency: b is ready"}


async def test_a_wait_without_a_word_is_said_to_be_one(tmp_path: Path) -> None:
    """A wait reason that nobody explained does not end in a dangling colon."""
    root = organization(tmp_path, [issue("a", status="blocked", wait_reason="input")])
    async with open_world(root, diligent) as crew:
        assert (await crew.run_epic("launch")).reasons == {"a": "input: nobody said what for"}


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


async def test_a_department_that_there_is_not_runs_nothing(tmp_path: Path) -> None:
    """A misspelt department is an error, although all that it does not define itself would be core's."""
    root = organization(tmp_path, [issue("a")])
    write_json(root / "config" / "organization.json", {"name": "Small", "vision": "v", "departments": ["design"]})
    async with open_world(root, diligent) as crew:
        for run in (crew.run_epic, crew.start, crew.run_card):
            with pytest.raises(AssetNotFoundError, match="no department 'desing'; did you mean 'design'") as caught:
                await run("launch", department="desing")
            assert (caught.value.category, caught.value.name) == ("departments", "desing")
        assert await crew.store.runs() == ()
        assert (await crew.run_epic("launch", department="design")).outcome is orket.RunOutcome.DONE


async def test_a_rock_that_lists_a_department_that_there_is_not_runs_nothing(tmp_path: Path) -> None:
    """A misspelt department in a rock's file is refused with the rock and the epic, before the first epic runs."""
    root = organization(tmp_path, [issue("a")])
    write_json(root / "config" / "organization.json", {"name": "Small", "vision": "v", "departments": ["design"]})
    epics = [{"epic": "launch"}, {"epic": "launch", "department": "desing"}]
    write_json(root / "model" / "core" / "rocks" / "moon.json", {"name": "moon", "epics": epics})
    said = "rock moon, epic launch: no department 'desing'; did you mean 'design'"
    async with open_world(root, diligent) as crew:
        with pytest.raises(AssetNotFoundError, match=said) as caught:
            await crew.run_rock("moon")
        assert (caught.value.category, caught.value.name) == ("departments", "desing")
        assert await crew.store.runs() == ()


@pytest.mark.parametrize("file", ["model/labs/epics/own.json", "config/departments/labs.json"])
async def test_a_department_that_nobody_declares_has_something_of_its_own(tmp_path: Path, file: str) -> None:
    """An asset in its folder, or a file that describes it, makes a department."""
    root = organization(tmp_path, [issue("a")])
    (root / file).parent.mkdir(parents=True)
    (root / file).write_text('{"name": "labs"}')
    async with open_world(root, diligent) as crew:
        assert (await crew.run_epic("launch", department="labs")).outcome is orket.RunOutcome.DONE
