"""Deliveries that are turned away change nothing."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import pytest
from deliveries import SECRET, approved, delivery, encode, signed
from gitea_world import World, WorldClient, desk_of
from hypothesis import given, settings
from hypothesis import strategies as st
from malformed import GOOD, catalogue, events, fields, signatures

from orket.review import ReviewDesk
from orket.stores import MemoryStore
from orket.testing import SimulatedClock

CASES = list(catalogue())
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=6,
)
QUICK = settings(max_examples=60)


class Untouched:
    """A desk on a store and a world that are looked at afterwards."""

    def __init__(self) -> None:
        self.store, self.world = MemoryStore(), World()
        self.calls: list[str] = []

    async def _around(self, name: str, call: Callable[[], Any]) -> Any:
        self.calls.append(name)
        return call()

    async def run(self, use: Callable[[ReviewDesk], Awaitable[None]]) -> None:
        client = WorldClient(self.world, self._around)
        await self.store.open()
        async with desk_of(self.store, client, SimulatedClock(auto=True)) as desk:
            await use(desk)
            await desk.settled()

    @property
    def trace(self) -> list[Any]:
        """Everything that is stored, and every call of a port."""
        kept = vars(self.store)
        tables = ("_journal", "_operations", "_cards", "_documents", "_payloads", "_runs", "_charges")
        return [kept[name] for name in tables if kept[name]] + self.calls


def attempt(backend: str, *sent: tuple[Any, bytes]) -> tuple[list[Any], Untouched]:
    """Send deliveries to one desk."""
    answers: list[Any] = []
    untouched = Untouched()

    async def use(desk: ReviewDesk) -> None:
        for headers, body in sent:
            answers.append(await desk.handle(headers, body))

    anyio.run(untouched.run, use, backend=backend)
    return answers, untouched


@pytest.fixture(params=["asyncio", "trio"])
def backend(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_catalogue_is_large() -> None:
    """More than three hundred different deliveries are in the catalogue, and the one that they spoil is good."""
    assert len({(repr(sorted(headers.items())), body) for _, headers, body in CASES}) > 300
    answers, untouched = attempt("asyncio", (signed(GOOD), GOOD))
    assert answers[0].status == 202
    assert untouched.calls == ["merge"]


def test_malformed_deliveries_change_nothing(backend: str) -> None:
    """Every delivery of the catalogue is answered with its 4xx and a reason, and leaves no trace anywhere."""
    answers, untouched = attempt(backend, *[(headers, body) for _, headers, body in CASES])
    wrong = [name for (name, _, _), answer in zip(CASES, answers, strict=True) if not 400 <= answer.status < 429]
    assert wrong == []
    assert untouched.trace == []
    for answer in answers:
        told = json.loads(answer.body)
        assert set(told) == {"outcome", "reason"}
        assert told["outcome"] == "refused"
        assert SECRET not in answer.body.decode()


def test_each_kind_has_its_status() -> None:
    """Signatures are 401, what is no JSON is 400, other repositories 403, other events and fields 422, too much 413."""
    names = [name for name, _, _ in signatures()], [name for name, _ in fields()], [name for name, _ in events()]
    answers, _ = attempt("asyncio", *[(headers, body) for _, headers, body in CASES])
    found = {name: answer.status for (name, _, _), answer in zip(CASES, answers, strict=True)}
    assert {found[name] for name in names[0]} == {401}
    assert {found[name] for name in names[1]} <= {403, 422}
    assert {found[name] for name in names[2]} == {403, 422}
    assert (found["too large"], found["byte order mark"], found["repository evil/shop"]) == (413, 400, 403)
    assert (found["push"], found["action merged"], found["objects 140000 deep"]) == (422, 422, 400)


@given(body=st.binary(max_size=300))
@QUICK
def test_signed_bytes_are_turned_away(body: bytes) -> None:
    """Bytes that happen to be signed are refused, whatever they are."""
    answers, untouched = attempt("asyncio", (signed(body), body))
    assert 400 <= answers[0].status < 429
    assert untouched.trace == []


@given(value=JSON)
@QUICK
def test_signed_json_is_turned_away(value: Any) -> None:
    """JSON that happens to be signed is refused, whatever it says."""
    body = encode(value)
    answers, untouched = attempt("trio", (signed(body), body))
    assert 400 <= answers[0].status < 429
    assert untouched.trace == []


@given(data=st.data())
@QUICK
def test_spoilt_deliveries_are_taken_in_or_leave_no_trace(data: st.DataObject) -> None:
    """A delivery with anything in place of any of its parts is taken in whole, or turned away without a trace."""
    event = approved()
    place: Any = event
    while True:
        key = data.draw(st.sampled_from(sorted(place)))
        if isinstance(place[key], dict) and data.draw(st.booleans()):
            place = place[key]
            continue
        if data.draw(st.booleans()):
            del place[key]
        else:
            place[key] = data.draw(JSON)
        break
    answers, untouched = attempt("asyncio", delivery(event))
    assert answers[0].status in (200, 202) or 400 <= answers[0].status < 429
    assert (untouched.trace == []) == (answers[0].status >= 400)


@given(headers=st.dictionaries(st.text(max_size=30) | st.just("x-gitea-signature"), st.text(max_size=70), max_size=4))
@QUICK
def test_nobody_guesses_a_signature(headers: dict[str, str]) -> None:
    """Header fields of any kind do not open the desk for a body that is good."""
    answers, untouched = attempt("asyncio", (headers, GOOD))
    assert answers[0].status == 401
    assert untouched.trace == []
