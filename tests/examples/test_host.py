"""The example host as an operator runs it: a real server process, real requests, a real browser."""

import importlib.util
import json
import runpy
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import anyio
import pytest
from attrs import evolve
from deliveries import approved, delivery, rejected
from small_world import issue, organization

import orket
from orket.contracts import Batch, Document
from orket.events import ModelReplied, RunOutcome, RunStarted, TurnResumed
from orket.stores.sqlite import SQLiteStore

MISSING = [name for name in ("starlette", "uvicorn", "websockets") if importlib.util.find_spec(name) is None]
if MISSING:
    pytest.skip(f"the host needs {', '.join(MISSING)}: install the dependency group 'host'", allow_module_level=True)

from host_server import COMMAND, ENVIRONMENT, HOST, HostServer, serving  # noqa: E402
from websockets.exceptions import ConnectionClosed, InvalidStatus  # noqa: E402

ABROAD = "https://board.example"
WAIT = {"reason": "input", "detail": "Which colour shall the front have?"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostServer]:
    """A host whose agents do not linger; tests use builds of their own."""
    with serving(tmp_path_factory.mktemp("host"), "--pace", "0", "--origins", f"{ABROAD}, nonsense") as server:
        yield server


async def record(state: Path) -> list[Any]:
    """Verify a journal and return its records."""
    store = SQLiteStore(state / "journal.db")
    await store.open()
    try:
        await store.verify()
        return [entry.record async for entry in store.events()]
    finally:
        await store.aclose()


def test_an_epic_is_started_and_followed_to_its_end(server: HostServer) -> None:
    """A started epic is on record when its run's id comes back, and its events arrive up to the run's end."""
    run = server.start("market-stall", build="followed")
    entries = server.until("RunFinished", f"run={run}")
    assert entries[0]["kind"] == "RunStarted"
    assert entries[-1]["record"]["outcome"] == "done"
    assert {entry["build"] for entry in entries} == {"followed"}
    assert [entry["record"]["after"] for entry in entries if entry["kind"] == "CardMoved"].count("done") == 4


def test_a_follower_that_was_cut_off_resumes_without_gap_or_duplicate(server: HostServer) -> None:
    """Whoever comes back with the last seq it saw gets every later entry once, also when much was written meanwhile."""
    seen: list[int] = []
    server.start("market-stall", build="cut-1")
    for build in ("cut-2", "cut-3", "cut-4"):
        with server.socket(f"since={seen[-1] if seen else 0}") as stream:
            seen += [entry["seq"] for entry in json.loads(stream.recv(timeout=60))]
        server.start("market-stall", build=build)
    server.until("RunFinished", "build=cut-4")
    for entry in server.follow(f"since={seen[-1]}"):
        seen.append(entry["seq"])
        if entry["kind"] == "RunFinished" and entry["build"] == "cut-4":
            break
    assert seen == list(range(1, seen[-1] + 1))


@pytest.mark.thorough
def test_many_follow_one_feed(server: HostServer) -> None:
    """Twenty followers with cursors of their own see the same entries."""
    server.start("market-stall", build="many")
    whole = [entry["seq"] for entry in server.until("RunFinished", "build=many")]
    for since in whole[:: len(whole) // 20]:
        found = [entry["seq"] for entry in server.until("RunFinished", f"build=many&since={since}")]
        assert found == [seq for seq in whole if seq > since]


@pytest.mark.parametrize("query", ["since=soon", "since=-1"])
def test_a_cursor_that_is_none_is_refused(server: HostServer, query: str) -> None:
    """A stream that is asked for from no entry is refused before it is opened."""
    with pytest.raises(InvalidStatus), server.socket(query):
        pass


def test_a_signed_delivery_is_taken_in_once(server: HostServer) -> None:
    """A signed delivery is taken in, its repetition is known, and what follows is on record."""
    headers, body = delivery(approved(31))
    answers = [server.ask("POST", "/webhooks/gitea", body, **headers) for _ in range(2)]
    assert [answer.status for answer in answers] == [202, 200]
    assert [answer.data["outcome"] for answer in answers] == ["accepted", "duplicate"]
    told = server.until("EffectRecorded", "build=review&card=acme/shop%2331")
    assert [entry["kind"] for entry in told] == ["DeliveryAccepted", "EffectIntended", "EffectRecorded"]
    assert "merged acme/shop#31" in server.ask("GET", "/").text


def test_a_delivery_that_is_not_signed_changes_nothing(server: HostServer) -> None:
    """Unsigned, forged and oversized deliveries are turned away."""
    headers, body = delivery(rejected(32))
    forged = server.ask("POST", "/webhooks/gitea", body.replace(b"No tests", b"No tasks"), **headers)
    huge = server.ask("POST", "/webhooks/gitea", b" " * (2**20 + 1), **headers)
    assert [server.ask("POST", "/webhooks/gitea", body).status, forged.status, huge.status] == [401, 401, 413]
    assert server.ask("POST", "/webhooks/gitea", body, **headers).data["reason"] != "duplicate"


@pytest.mark.thorough
def test_without_a_secret_there_are_no_webhooks(tmp_path: Path) -> None:
    """A host that was given no secret takes in no delivery."""
    with serving(tmp_path, secret="") as server:
        headers, body = delivery(approved())
        assert server.ask("POST", "/webhooks/gitea", body, **headers).status == 503


def test_only_allowed_origins_use_the_api(server: HostServer) -> None:
    """Pages of an allowed origin may read and act; those of any other may neither act nor open a stream."""
    asking = {"access_control_request_method": "POST"}
    welcome = server.ask("OPTIONS", "/epics/market-stall", origin=ABROAD, **asking)
    unknown = server.ask("OPTIONS", "/epics/market-stall", origin="https://evil.example", **asking)
    assert (welcome.status, welcome.headers["access-control-allow-origin"]) == (200, ABROAD)
    assert unknown.status == 400
    assert "access-control-allow-origin" not in unknown.headers
    assert server.ask("GET", "/heartbeat", origin="https://evil.example").headers.get_all("vary")
    assert server.ask("POST", "/epics/market-stall", b"{}", origin="https://evil.example").status == 403
    assert server.ask("POST", "/epics/nothing", b"{}", origin=ABROAD).status == 404
    server.start("tea-shop", build="abroad")
    with server.socket("build=abroad", origin=ABROAD) as stream:
        assert json.loads(stream.recv(timeout=60))
    with pytest.raises(InvalidStatus), server.socket("since=0", origin="https://evil.example"):
        pass


def test_a_name_that_somebody_else_owns_is_no_host(server: HostServer) -> None:
    """A request under another name is turned away: a stranger's name may point to this machine."""
    assert server.ask("GET", "/", host="evil.example").status == 400
    assert server.ask("GET", "/", host=f"localhost:{server.port}").status == 200


def test_what_is_not_there_is_said(server: HostServer) -> None:
    """Unknown cards and runs are 404 and bad bodies 409, as JSON or as a page, with what was asked for escaped."""
    assert server.ask("POST", "/epics/lunch").status == 404
    assert "epics: market-stall, tea-shop" in server.ask("POST", "/epics/tea-shoq").data["message"]
    assert server.ask("POST", "/epics/tea-shop", b"[]").status == 409
    page = server.ask("GET", "/runs/%3Cb%3E", accept="text/html")
    assert page.status == 404
    assert "&lt;b&gt;" in page.text
    assert "<b>" not in page.text


def test_the_api_node_names_the_card_of_a_path(server: HostServer) -> None:
    """The API-runtime node reads the card's id from the path, or from the parameter that says it."""
    run = server.start("tea-shop", build="asked")
    server.until("RunFinished", f"run={run}")
    for path in (
        "/cards/front.json?build=asked",
        "/cards/any/front.json?build=asked",
        "/cards/x.json?build=asked&issue=front",
    ):
        assert server.ask("GET", path).data["wait"] == WAIT
    assert server.ask("GET", "/cards/..json").status == 404


def test_an_answer_lets_the_build_go_on(server: HostServer) -> None:
    """An answer to a card that waits reaches the agent, and a run takes the build to its end."""
    run = server.start("tea-shop", build="answered")
    stalled = server.until("RunFinished", f"run={run}")
    assert stalled[-1]["record"]["outcome"] == "stalled"
    said = json.dumps({"build": "answered", "actor": "ann", "reason": "Green"}).encode()
    assert server.ask("POST", "/cards/front", said).status == 200
    after = server.until("RunFinished", f"build=answered&since={stalled[-1]['seq']}")
    assert after[-1]["record"]["outcome"] == "done"
    assert server.ask("POST", "/cards/front", said).status == 409


def test_a_card_page_says_when_the_card_goes_on_and_takes_the_answer(server: HostServer) -> None:
    """Why a card stands where it stands is told in words, and who can end a wait finds where on the same page."""
    server.until("RunFinished", f"run={server.start('tea-shop', build='told')}")
    front, doors = (server.ask("GET", f"/cards/{card}?build=told").text for card in ("front", "doors"))
    assert "It goes on when a person answers." in front
    assert 'action="/cards/front"' in front
    assert "It goes on with front done." in doors
    assert "<form" not in doors


def test_every_end_of_a_wait_is_told_in_words() -> None:
    """Whatever ends a wait, the page of a card can say it, and names the cards that it rests on."""
    goes_on = runpy.run_path(str(HOST / "telling.py"))["goes_on"]
    kinds = get_args(get_type_hints(orket.Wake)["when"])
    ends = {when: goes_on(orket.Wake(when=when, on=("front",))) for when in kinds}
    assert {when for when, said in ends.items() if "front" in said} == {"done", "settle", "reopen", "cancel"}
    assert len(set(ends.values())) == len(kinds) > 7


def test_an_answer_need_not_name_the_build(tmp_path: Path) -> None:
    """An answer that names no board goes to the only one that has the card, and that build goes on."""
    with serving(tmp_path, "--pace", "0") as alone:
        stalled = alone.until("RunFinished", f"run={alone.start('tea-shop', build='only')}")
        assert alone.ask("POST", "/cards/front", b'{"reason": "Green"}').status == 200
        after = alone.until("RunFinished", f"build=only&since={stalled[-1]['seq']}")
        assert after[-1]["record"]["outcome"] == "done"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"build": "asked"}', "application/x-www-form-urlencoded"),  # what curl -d says of everything
        (b"reason=" + b"a" * 17_000, "application/x-www-form-urlencoded"),
        (b"[" * 16_000, "application/json"),
    ],
)
def test_a_body_that_is_not_what_it_says_is_refused(server: HostServer, body: bytes, kind: str) -> None:
    """JSON that calls itself a form, a form that is too long and JSON that is too deep start nothing."""
    while server.ask("GET", "/heartbeat").data["runs"]:
        pass  # what other tests have started comes to rest
    before = server.ask("GET", "/heartbeat").data["seq"]
    answer = server.ask("POST", "/epics/market-stall", body, content_type=kind)
    assert (answer.status, "the body" in answer.text) == (409, True)
    assert server.ask("GET", "/heartbeat").data["seq"] == before


def test_what_cannot_begin_is_told_by_its_page(tmp_path: Path) -> None:
    """A run whose assets are wrong says so on its page, and a host that starts again does not try it once more."""
    root = organization(tmp_path / "org", [issue("one")])
    (root / "model" / "core" / "teams" / "crew.json").write_text("{")
    with serving(tmp_path / "state", "--config", root) as server:
        run = server.start("launch")
        while server.ask("GET", "/heartbeat").data["runs"]:
            pass
        assert "It could not begin: " in server.ask("GET", f"/runs/{run}").text
    with serving(tmp_path / "state", "--config", root) as server:
        assert server.ask("GET", "/heartbeat").data["runs"] == 0
        assert "crew.json" in server.ask("GET", f"/runs/{run}").text


def test_what_was_promised_is_begun_by_the_next_host(tmp_path: Path) -> None:
    """A run whose host died between its promise and the run's first record is begun when a host starts again."""
    noted = Batch(
        op_id="host_start:1",
        run="promised",
        build="host_start",
        at=1.0,
        documents=(Document(kind="host_start", key="promised", body={"card": "market-stall", "build": "kept"}),),
    )

    async def promise() -> None:
        store = SQLiteStore(tmp_path / "journal.db")
        await store.open()
        await store.commit(noted)
        await store.aclose()

    anyio.run(promise)
    with serving(tmp_path, "--pace", "0") as server:
        assert server.until("RunFinished", "run=promised")[0]["build"] == "kept"


def test_the_portfolio_shows_what_waits_and_what_nobody_has_begun(server: HostServer) -> None:
    """The portfolio has the rock with both epics, cards of boards beside those of assets, and alerts."""
    server.until("RunFinished", f"run={server.start('tea-shop', build='shown')}")
    text = server.ask("GET", "/portfolio").text
    assert "Open the season" in text
    assert "/cards/front?build=shown" in text
    assert "stalled" in text
    assert "Which colour shall the front have?" in server.ask("GET", "/portfolio/part").text


@pytest.mark.thorough
def test_a_run_is_halted(tmp_path: Path) -> None:
    """A halted run lets its turns finish, and ends as halted."""
    with serving(tmp_path, "--pace", "2") as server:
        run = server.start("market-stall")
        server.until("TurnOpened", f"run={run}")
        assert server.ask("POST", f"/runs/{run}/halt").status == 200
        assert server.until("RunFinished", f"run={run}")[-1]["record"]["outcome"] == "halted"
        assert "halted" in server.ask("GET", f"/runs/{run}").text
        while server.ask("GET", "/heartbeat").data["runs"]:
            pass
        assert server.ask("POST", f"/runs/{run}/halt").status == 409


def test_a_stopped_host_goes_on_when_it_is_started_again(tmp_path: Path) -> None:
    """SIGTERM with turns in flight closes the streams and ends the process; the next start ends the epic."""
    with serving(tmp_path, "--pace", "600") as server:
        run = server.start("market-stall")
        with server.socket(f"run={run}") as stream:
            opened = 0
            while opened < 2:
                opened += sum(entry["kind"] == "TurnOpened" for entry in json.loads(stream.recv(timeout=60)))
            code = server.stop()
            with pytest.raises(ConnectionClosed) as closed:
                stream.recv(timeout=60)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012  # service restart
    assert code == -signal.SIGTERM
    assert sum(isinstance(it, ModelReplied) for it in anyio.run(record, tmp_path)) == 0
    with serving(tmp_path, "--pace", "0") as server:
        assert server.until("RunFinished")[-1]["record"]["outcome"] == "done"
        assert "went on as" in server.ask("GET", f"/runs/{run}").text
        assert server.stop() == -signal.SIGTERM
    records = anyio.run(record, tmp_path)
    assert sum(isinstance(it, RunStarted) for it in records) == 2
    assert sum(isinstance(it, TurnResumed) for it in records) == 2
    with serving(tmp_path, "--pace", "0") as server:
        assert server.ask("GET", "/heartbeat").data["runs"] == 0  # nothing is left to go on with


async def end_as_blocked(state: Path) -> None:
    """Write what a run writes last that the record's storage has stopped."""
    store = SQLiteStore(state / "journal.db")
    await store.open()
    try:
        (row,) = await store.runs()
        rested = evolve(row, outcome=RunOutcome.BLOCKED, reason="the disk is full", finished_at=row.started_at)
        await store.commit(Batch(op_id="last", run=row.id, build=row.build, at=row.started_at, run_row=rested))
    finally:
        await store.aclose()


def test_what_trouble_with_the_record_stopped_goes_on_with_the_next_start(tmp_path: Path) -> None:
    """A build whose newest run ended as blocked is run on, as one is whose run has no end."""
    with serving(tmp_path, "--pace", "600") as server:
        run = server.start("market-stall")
        next(server.follow(f"run={run}"))
        server.stop()
    anyio.run(end_as_blocked, tmp_path)
    with serving(tmp_path, "--pace", "0") as server:
        assert server.until("RunFinished")[-1]["record"]["outcome"] == "done"


@pytest.mark.thorough
def test_a_heartbeat_tells_of_a_record_that_is_gone(tmp_path: Path) -> None:
    """While the journal cannot be read the heartbeat is 503 and says why; when it is back, it is up again."""
    with serving(tmp_path) as server:
        assert server.ask("GET", "/heartbeat").data["status"] == "up"
        (tmp_path / "journal.db").rename(tmp_path / "away.db")
        while (beat := server.ask("GET", "/heartbeat")).status == 200:
            pass
        assert (beat.status, beat.data["status"]) == (503, "out of order")
        assert "journal.db" in beat.data["fault"]
        assert server.ask("POST", "/epics/market-stall", accept="text/html").status == 503
        (tmp_path / "away.db").rename(tmp_path / "journal.db")
        while server.ask("GET", "/heartbeat").status == 503:
            pass


@pytest.mark.thorough
def test_what_cannot_be_opened_ends_the_process(tmp_path: Path) -> None:
    """A host whose organization is missing, or whose port is taken, says so and ends."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for options, code, told in (
            (("--port", "0", "--config", tmp_path), 3, "no file defines the organization"),
            (("--port", taken.getsockname()[1]), 2, "Address already in use"),
        ):
            command = [*COMMAND, "--state", tmp_path / "state", *options]
            ended = subprocess.run(
                [str(part) for part in command],
                env=ENVIRONMENT,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert (ended.returncode, told in ended.stderr, "ResourceWarning" in ended.stderr) == (code, True, False)
