"""An orchestrator that cannot be opened says why, in orket's own words, as often as it is asked."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, organization

import orket
from orket.contracts import EnvironmentQuestion
from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode

pytestmark = pytest.mark.anyio

REFUSED: Mapping[str, tuple[Mapping[str, str], type[orket.OrketError], str]] = {
    "no dotenv file": ({"dotenv": "nowhere"}, orket.ConfigError, "nowhere cannot be read"),
    "a dotenv file that is no text": ({"dotenv": "bytes"}, orket.ConfigError, "is not UTF-8 text"),
    "a workspace that is a file": ({"workspace": "bytes"}, orket.StoreError, "cannot be made"),
    "a store below a file": ({"store": "bytes/journal.db"}, orket.StoreError, "cannot be made"),
    "a store that is something else": ({"store": "bytes"}, orket.StoreError, "no SQLite database"),
    "no organization": ({"config": "nowhere"}, orket.AssetNotFoundError, "organization"),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_what_cannot_be_opened_is_refused_each_time(tmp_path: Path, case: str) -> None:
    """The error is orket's own and the same at the second try; nothing is left half open."""
    given, error, words = REFUSED[case]
    organization(tmp_path, [issue("a")])
    (tmp_path / "bytes").write_bytes(b"\xff" * 1000)
    places = {"config": ".", "workspace": "space", "store": "record/journal.db"} | given
    orchestrator = orket.Orchestrator(
        model=diligent, environ={}, **{name: tmp_path / place for name, place in places.items()}
    )
    for _ in range(2):
        with pytest.raises(error, match=words):
            async with orchestrator:
                pass


async def test_an_open_orchestrator_is_not_opened_twice(tmp_path: Path) -> None:
    """Opening what is open is refused; after it was closed it can be opened again."""
    root = organization(tmp_path, [issue("a")])
    orchestrator = orket.Orchestrator(
        config=root, workspace=tmp_path / "space", store=tmp_path / "record" / "j.db", model=diligent, environ={}
    )
    async with orchestrator:
        with pytest.raises(orket.RunError, match="open already"):
            async with orchestrator:
                pass
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
    async with orchestrator:
        assert (await orchestrator.run_epic("launch")).turns == 0


class Chatty(DefaultEngineRuntimePolicyNode):
    """Raises with what it read."""

    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        raise ValueError(question.dotenv)


async def test_a_line_of_a_dotenv_file_that_is_none_is_told_by_its_number(tmp_path: Path) -> None:
    """The error names file and line and quotes nothing; of a node that is not the stock one it has no text at all."""
    root, dotenv = organization(tmp_path, [issue("a")]), tmp_path / "host.env"
    dotenv.write_text("ORKET_CONCURRENCY=1\nhush hush\n")
    options: dict[str, Any] = {"config": root, "workspace": tmp_path / "space", "model": diligent, "environ": {}}
    with pytest.raises(orket.ConfigError, match=r"host\.env cannot be read: line 2: valid: KEY=value") as stock:
        await orket.Orchestrator(**options, dotenv=dotenv).__aenter__()
    with pytest.raises(orket.NodeError, match=r"environment raised ValueError$") as foreign:
        await orket.Orchestrator(**options, dotenv=dotenv, nodes={"engine_runtime": Chatty}).__aenter__()
    assert not [caught for caught in (stock, foreign) if "hush" in str(caught.value)]
