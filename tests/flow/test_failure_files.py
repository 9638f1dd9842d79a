"""The file beside a failure report: what the record says, and never through what somebody has planted there."""

import json
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from ports import StoreDouble
from small_world import diligent, issue, open_world, organization

import orket
from orket import _files
from orket._flow._filing import UNFILED
from orket._flow._report import file_name
from orket.contracts import Batch, Claim, ModelRequest, Receipt, Store, ToolCall
from orket.errors import StoreError
from orket.events import FailureReported, JournalEntry, ReportUnwritten, TurnClosed
from orket.stores import SQLiteStore
from orket.testing import SimulatedClock
from orket.testing.faults import FaultyStore, Outcome

pytestmark = pytest.mark.anyio
SHORT = orket.Limits(lease=0.1)  # how long a claim stays that could not be given back
NAME = "policy_violation_a.json"


def trespasser(request: ModelRequest) -> ToolCall:
    """Write outside the workspace."""
    return ToolCall(name="write_file", arguments={"path": f"../{request.brief.turn}", "content": "x"})


def folder(root: Path) -> Path:
    """Return where reports lie."""
    return root / "work" / "space" / "agent_output"


def names(place: Path) -> list[str]:
    """Return what lies in a folder."""
    return sorted(path.name for path in place.iterdir())


async def reports(store: Store) -> list[JournalEntry]:
    """Return the failure reports on record."""
    return [entry async for entry in store.events() if isinstance(entry.record, FailureReported)]


async def unwritten(store: Store) -> list[ReportUnwritten]:
    """Return what is on record of files that could not be written."""
    return [entry.record async for entry in store.events() if isinstance(entry.record, ReportUnwritten)]


def said(path: Path) -> dict[str, Any]:
    """Return what a file says, apart from its note."""
    body = json.loads(path.read_text("ascii"))
    assert "FailureReported in the journal" in body.pop("note")
    assert body.pop("at") > 0
    return body


def expected(entry: JournalEntry) -> dict[str, Any]:
    """Return what the file of a report must say."""
    record = entry.record
    assert isinstance(record, FailureReported)
    return {
        "card": entry.card,
        "build": entry.build,
        "run": entry.run,
        "turn": record.turn,
        "violation": record.violation,
        "detail": record.detail,
        "attempted_action": record.attempted,
        "roles": list(record.roles),
        "remedy": record.remedy,
        "retryable": record.retryable,
    }


async def test_a_failed_turn_leaves_its_report_as_a_file(tmp_path: Path) -> None:
    """The file says what the newest report on record says; nothing is due any more, and nobody holds the card."""
    root = organization(tmp_path, [issue("a"), issue("b")])
    store = orket.MemoryStore()

    def agent(request: ModelRequest) -> object:
        return "" if request.brief.issue.id == "a" else diligent(request)

    async with open_world(root, agent, store=store) as crew:
        result = await crew.run_epic("launch")
        assert result.outcome is not orket.RunOutcome.DONE
        found = await reports(store)
        assert len(found) == 4  # the first, and three retries
        newest = said(folder(root) / NAME)
        assert newest == expected(found[-1])
        assert (newest["violation"], newest["attempted_action"], newest["roles"]) == ("reply", "", ["coder"])
        assert names(folder(root)) == [NAME]
        assert not await store.find(UNFILED)
        assert all(row.owner is None for row in await store.load_board("build-launch"))


async def test_turns_that_go_well_cost_nothing_more(tmp_path: Path) -> None:
    """A good turn gives its card back in the commit that closes it, and makes no folder."""
    seen: list[Batch] = []

    async def around(batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        seen.append(batch)
        return await commit()

    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, diligent, store=StoreDouble(around=around)) as crew:
        await crew.run_epic("launch")
        closing = [
            (record.ok, bool(batch.releases), bool(batch.documents))
            for batch in seen
            for record in batch.records
            if isinstance(record, TurnClosed)
        ]
    assert closing == [(True, True, False)] * 4
    assert not folder(root).exists()


async def test_another_commit_follows_a_failed_turn_only(tmp_path: Path) -> None:
    """The commit after the one that closes a failed turn gives the card back, without a record."""
    seen: list[Batch] = []

    async def around(batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        seen.append(batch)
        return await commit()

    root = organization(tmp_path, [issue("a", max_retries=0)])
    async with open_world(root, trespasser, store=StoreDouble(around=around)) as crew:
        await crew.run_epic("launch")
    (number,) = [at for at, batch in enumerate(seen) if any(isinstance(it, TurnClosed) for it in batch.records)]
    closing, after = seen[number : number + 2]
    assert (closing.releases, [one.kind for one in closing.documents]) == ((), [UNFILED])
    assert (after.records, [one.body for one in after.documents], len(after.releases)) == ((), [None], 1)


def link_folder(space: Path, outside: Path) -> None:
    (space / "agent_output").symlink_to(outside)


def link_file(space: Path, outside: Path) -> None:
    (space / "agent_output").mkdir()
    (space / "agent_output" / NAME).symlink_to(outside / "victim")


def hard_link(space: Path, outside: Path) -> None:
    (space / "agent_output").mkdir()
    os.link(outside / "victim", space / "agent_output" / NAME)


def folder_of_that_name(space: Path, _outside: Path) -> None:
    (space / "agent_output" / NAME).mkdir(parents=True)


def pipe_of_that_name(space: Path, _outside: Path) -> None:
    (space / "agent_output").mkdir()
    os.mkfifo(space / "agent_output" / NAME)


def file_in_place_of_the_folder(space: Path, _outside: Path) -> None:
    (space / "agent_output").write_text("no folder")


PLANTS = [link_folder, link_file, hard_link, folder_of_that_name, pipe_of_that_name, file_in_place_of_the_folder]


@pytest.mark.parametrize("plant", PLANTS)
async def test_what_is_planted_there_is_never_followed(
    tmp_path: Path, plant: Callable[[Path, Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The turn ends as it would, the journal says once why there is no file, and the next run writes it."""
    root, outside = organization(tmp_path, [issue("a", max_retries=0)]), tmp_path / "outside"
    outside.mkdir()
    (outside / "victim").write_text("untouched")
    space = root / "work" / "space"
    space.mkdir(parents=True)
    plant(space, outside)
    store = orket.MemoryStore()
    async with open_world(root, trespasser, store=store) as crew:
        first = await crew.run_epic("launch")
        (problem,) = await unwritten(store)
        assert problem.file == f"agent_output/{NAME}"
        assert problem.detail
        (report,) = await reports(store)
        assert (problem.run, problem.turn) == (report.run, report.record.turn)
        again = await crew.run_epic("launch")
        assert len(await unwritten(store)) == 1  # nothing new is to be said
        assert (again.outcome, again.reasons) == (first.outcome, first.reasons)
    assert names(outside) == ["victim"]
    assert (outside / "victim").read_text() == "untouched"
    (space / "agent_output").rename(tmp_path / "away")
    async with open_world(root, trespasser, store=store) as crew:
        await crew.run_epic("launch")
        assert said(folder(root) / NAME)["detail"] == report.record.detail
        assert not await store.find(UNFILED)


async def test_a_report_that_an_agent_has_written_does_not_last(tmp_path: Path) -> None:
    """An agent may write a file of that name: the record does not heed it, and the next report takes its place."""

    def forger(request: ModelRequest) -> ToolCall:
        if request.brief.round == 1:
            path = f"agent_output/{NAME}"
            return ToolCall(name="write_file", arguments={"path": path, "content": '{"violation": "none"}'})
        return trespasser(request)

    root, store = organization(tmp_path, [issue("a", max_retries=0)]), orket.MemoryStore()
    async with open_world(root, forger, store=store) as crew:
        await crew.run_epic("launch")
        (report,) = await reports(store)
    assert said(folder(root) / NAME)["violation"] == report.record.violation == "governance"


async def test_a_fixture_that_is_refused_leaves_a_file_too(tmp_path: Path) -> None:
    """The report of a security refusal is a file like every other, although its turn never began."""
    root = organization(tmp_path, [issue("a", fixture="../fixture.py", status="code_review")])
    store = orket.MemoryStore()
    async with open_world(root, diligent, store=store) as crew:
        await crew.run_epic("launch")
        (report,) = await reports(store)
        assert all(row.owner is None for row in await store.load_board("build-launch"))
    assert said(folder(root) / NAME)["remedy"] == report.record.remedy


@pytest.mark.parametrize("outcome", get_args(Outcome))
async def test_whatever_call_of_the_store_fails_the_file_follows_the_record(tmp_path: Path, outcome: Outcome) -> None:
    """For every call: it fails, the run is broken off, and after the next run the file is the newest report's."""
    at, fired = 2, True  # the first one opens the store
    while fired:
        root = organization(tmp_path / str(at), [issue("a", max_retries=0)])
        inner = orket.MemoryStore()
        store = FaultyStore(inner, at=at, outcome=outcome)
        async with open_world(root, trespasser, store=store, limits=SHORT) as crew:
            with suppress(StoreError):
                await crew.run_epic("launch")
        async with open_world(root, trespasser, store=inner, limits=SHORT) as crew:
            await crew.run_epic("launch")
            found = await reports(inner)
            assert said(folder(root) / NAME)["turn"] == found[-1].record.turn, at
            assert not await inner.find(UNFILED), at
            assert len(found) == 1, at  # no turn was taken twice
        at, fired = at + 1, store.fired
    assert at > 15


async def test_a_report_that_is_due_survives_the_process(tmp_path: Path) -> None:
    """Broken off between the commit and the file, the file is written by the next run, from the file of the record."""
    root, path = organization(tmp_path, [issue("a", max_retries=0)]), tmp_path / "j.db"

    async def around(batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        receipt = await commit()
        if any(isinstance(record, FailureReported) for record in batch.records):
            raise StoreError("the process dies here")
        return receipt

    async with open_world(root, trespasser, store=StoreDouble(SQLiteStore(path), around), limits=SHORT) as crew:
        with pytest.raises(StoreError, match="dies"):
            await crew.run_epic("launch")
    assert not folder(root).exists()
    async with open_world(root, trespasser, store=path, limits=SHORT) as crew:
        assert (await crew.run_epic("launch")).turns == 0
        (report,) = await reports(crew.store)
        assert said(folder(root) / NAME) == expected(report)
        await crew.store.verify()


async def test_a_card_that_another_run_holds_is_left_to_it(tmp_path: Path) -> None:
    """A run does not write the due file of a card that somebody else has claimed; a later one does."""
    root, store, clock = organization(tmp_path, [issue("a", max_retries=0)]), orket.MemoryStore(), SimulatedClock()
    space = root / "work" / "space"
    space.mkdir(parents=True)
    (space / "agent_output").write_text("in the way")
    async with open_world(root, trespasser, store=store, clock=clock) as crew:
        await crew.run_epic("launch")
        claim = Claim(card="a", owner="somebody", now=clock.now(), until=clock.now() + 30)
        await store.commit(Batch(op_id="held", run="other", build="build-launch", at=1.0, claims=(claim,)))
        (space / "agent_output").unlink()
        run = await crew.start("launch")
        await clock.wait_for_sleepers(2)  # the keeper of claims, and who waits for others
        clock.advance(31)
        await run.outcome()
        assert not folder(root).exists()
        assert len(await store.find(UNFILED)) == 1
        await crew.run_epic("launch")
        assert names(folder(root)) == [NAME]


async def test_a_card_is_given_back_when_the_record_fails_meanwhile(tmp_path: Path) -> None:
    """A due file is written and the commit after it fails: the run ends with that error, and nobody holds the card."""
    root, inner = organization(tmp_path, [issue("a", max_retries=0)]), orket.MemoryStore()
    (root / "work" / "space").mkdir(parents=True)
    (root / "work" / "space" / "agent_output").write_text("in the way")
    async with open_world(root, trespasser, store=inner) as crew:
        await crew.run_epic("launch")
    (root / "work" / "space" / "agent_output").unlink()

    async def around(batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        if any(document.kind == UNFILED for document in batch.documents):
            raise StoreError("the disk is gone")
        return await commit()

    async with open_world(root, trespasser, store=StoreDouble(inner, around)) as crew:
        with pytest.raises(StoreError, match="the disk is gone"):
            await crew.run_epic("launch")
        assert [row.owner for row in await inner.load_board("build-launch")] == [None]
        assert len(await inner.find(UNFILED)) == 1
    assert names(folder(root)) == [NAME]


async def test_a_platform_without_descriptors_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file of the workspace can be opened safely, the journal says why there is no report."""
    root, store = organization(tmp_path, [issue("a", max_retries=0)]), orket.MemoryStore()
    async with open_world(root, trespasser, store=store) as crew:
        monkeypatch.setattr(_files, "supported", lambda: False)
        await crew.run_epic("launch")
        (problem,) = await unwritten(store)
    assert "O_NOFOLLOW" in problem.detail
    assert not folder(root).exists()


@pytest.mark.parametrize("card", ["../../x", "a/b", "A:b", "ä" * 128, "con", ".", "a b\U0001f600", "%2F"])
async def test_every_id_of_a_card_gives_a_file_in_the_folder(tmp_path: Path, card: str) -> None:
    """Whatever a card is called, its file is the one in the folder."""
    root = organization(tmp_path, [issue(card, max_retries=0)])
    async with open_world(root, trespasser) as crew:
        await crew.run_epic("launch")
        assert not await unwritten(crew.store)
    assert names(folder(root)) == [file_name(card)]
    assert said(folder(root) / file_name(card))["card"] == card


@given(st.text(max_size=128), st.text(max_size=128))
@example("a/b", "a%2Fb")
@example("ä" * 128, "ä" * 127 + "b")
@example("\ud800", "?")
def test_names_of_files_are_plain_and_no_two_cards_share_one(card: str, other: str) -> None:
    """A name is short, made of a few characters, and of one card only."""
    name = file_name(card)
    assert _files.split_path(name) == (name,)
    assert len(name) <= 200
    assert name.isascii()
    assert (name == file_name(other)) is (card == other)
