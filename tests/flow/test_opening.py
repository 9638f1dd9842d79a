"""An orchestrator that cannot be opened says why, in orket's own words, as often as it is asked."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from small_world import diligent, issue, organization

import orket

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
