"""What follows from deliveries, from the bytes to what Gitea has."""

import json
from typing import Any

import anyio
import pytest
from deliveries import HEAD, REPOSITORY, SECRET, approved, delivery, merged, payload, rejected, signed
from gitea_world import World, WorldClient

from orket.contracts import PullStatus, Store
from orket.errors import RunError, WiringError
from orket.events import DeliveryAccepted, EffectIntended, EffectRecorded
from orket.review import DefaultReviewPolicy, RateLimit, Response, ReviewDesk
from orket.testing import SimulatedClock

pytestmark = pytest.mark.anyio


async def deliver(desk: ReviewDesk, *events: Any) -> list[int]:
    """Deliver events one after the other, let all of it happen, and return the statuses."""
    statuses = []
    for event in events:
        statuses.append((await desk.handle(*delivery(event))).status)
        await desk.settled()
    return statuses


def said(response: Response) -> Any:
    return json.loads(response.body)


@pytest.fixture
def make(store: Store, world: World, clock: SimulatedClock) -> Any:
    """Return what makes further desks on the same store and world."""

    def make_desk(**options: Any) -> ReviewDesk:
        client = WorldClient(world)
        ports: dict[str, Any] = {"gitea": client, "reviews": client, "sandboxes": client, "secret": SECRET, **options}
        return ReviewDesk(repositories=[REPOSITORY], store=store, clock=clock, **ports)

    return make_desk


@pytest.mark.parametrize("action", ["opened", "synchronized", "reopened"])
async def test_new_code_starts_a_review_of_its_card(action: str, desk: ReviewDesk, world: World) -> None:
    """New code with a card in its title starts one review of that card."""
    assert await deliver(desk, payload(action, title="fix: ISSUE-42-b sells socks")) == [202]
    assert dict(world.done) == {"review ISSUE-42-b": 1}
    assert (await desk.pull(REPOSITORY, 7)).card == "ISSUE-42-b"


@pytest.mark.parametrize("title", ["Sell socks", "MYISSUE-1 is none", "issue-1", "ISSUE-"])
async def test_a_title_without_a_card_starts_nothing(title: str, desk: ReviewDesk, world: World) -> None:
    """What is no card in a title starts nothing, and is on record all the same."""
    assert await deliver(desk, payload("opened", title=title)) == [200]
    assert not world.done
    assert (await desk.pull(REPOSITORY, 7)).version == 1


async def test_an_approval_merges_what_was_approved(desk: ReviewDesk, world: World) -> None:
    """An approval merges the commit that was approved, and no other."""
    world.heads[8] = "d" * 40
    assert await deliver(desk, approved(7), approved(8)) == [202, 202]
    assert world.merged == {7}


@pytest.mark.parametrize("by", ["ann", "eve"])
async def test_not_every_approval_counts(by: str, make: Any, world: World) -> None:
    """An author's own approval, and those of people who are no reviewers, merge nothing."""
    async with make(policy=DefaultReviewPolicy(reviewers=["ann", "bob"])) as desk:
        assert await deliver(desk, approved(by=by)) == [200]
        assert not world.done
        assert await deliver(desk, approved(by="bob")) == [202]
        assert world.merged == {7}


async def test_changes_are_counted_escalated_and_given_up(desk: ReviewDesk, world: World) -> None:
    """After three requests for changes an architect is asked for, after four it is closed and an issue says why."""
    await deliver(
        desk, rejected(by="bob", reason="No tests.", nonce=1), rejected(by="cid", reason="Too slow.", nonce=2)
    )
    assert not world.done
    await deliver(desk, rejected(by="bob", reason="Still no\ntests.", nonce=3))
    assert dict(world.done) == {"comment 7": 1}
    assert "architect" in world.comments[7][0]
    assert "> Still no\n> tests." in world.comments[7][0]
    pull = await desk.pull(REPOSITORY, 7)
    assert [(it.reviewer, it.reason) for it in pull.cycles][:2] == [("bob", "No tests."), ("cid", "Too slow.")]
    await deliver(desk, rejected(by="dan", reason="", nonce=4))
    assert dict(world.done) == {"comment 7": 1, "close 7": 1, "issue Requirements: ISSUE-1: sell socks": 1}
    ((_, text),) = world.issues.values()
    for word in ("#7", "bob", "cid", "dan", "No tests.", "Too slow.", "(no reason given)"):
        assert word in text
    assert (await desk.pull(REPOSITORY, 7)).status is PullStatus.CLOSED


async def test_what_is_over_is_over(desk: ReviewDesk, world: World) -> None:
    """A closed pull request is neither merged nor counted; reopening it begins anew."""
    await deliver(desk, *[rejected(nonce=nonce) for nonce in range(4)])
    before = dict(world.done)
    late = [approved(), rejected(nonce=9), payload("synchronized", nonce=9), payload("closed", nonce=9)]
    assert await deliver(desk, *late) == [200] * 4
    assert dict(world.done) == before
    assert await deliver(desk, payload("reopened", title="socks")) == [200]
    assert (await desk.pull(REPOSITORY, 7)).cycles == ()
    await deliver(desk, merged(), merged(nonce=1), payload("reopened", nonce=1))
    assert (await desk.pull(REPOSITORY, 7)).status is PullStatus.MERGED
    assert world.done["deploy 7"] == 1


async def test_what_was_merged_is_deployed_and_told(desk: ReviewDesk, world: World) -> None:
    """A merge deploys a sandbox of the commit and comments where it runs."""
    assert await deliver(desk, payload("opened"), merged()) == [202, 202]
    (request,) = world.sandboxes.values()
    assert (request.repository, request.number, request.head, request.card) == (REPOSITORY, 7, HEAD, "ISSUE-1")
    assert "http://127.0.0.1:8001" in world.comments[7][0]


async def test_what_nobody_can_do_is_left_out(make: Any, world: World, store: Store) -> None:
    """Without anybody who starts reviews or deploys, deliveries are taken in, and the record says what is missing."""
    async with make(reviews=None, sandboxes=None) as desk:
        assert await deliver(desk, payload("opened"), merged()) == [200, 200]
    assert not world.done
    reasons = [entry.record.reason async for entry in store.events() if isinstance(entry.record, DeliveryAccepted)]
    assert reasons == ["new code for ISSUE-1 (nobody here to start_review)", "merged (nobody here to deploy)"]


@pytest.mark.parametrize("action", ["edited", "label_updated", "review_requested", "assigned"])
async def test_other_events_of_pull_requests_are_ignored(action: str, desk: ReviewDesk, store: Store) -> None:
    """What Gitea tells of a pull request besides is answered with 200 and leaves no trace."""
    comment = payload("reviewed", review={"type": "pull_request_review_comment", "content": "Hm."})
    assert await deliver(desk, payload(action), comment) == [200, 200]
    assert [entry async for entry in store.events()] == []


async def test_a_delivery_counts_once(make: Any, world: World) -> None:
    """The same signed bytes are taken in once: at once, later, under other headers, and by a later desk."""
    headers, body = delivery(rejected())
    async with make() as desk:
        async with anyio.create_task_group() as tasks:
            for _ in range(10):
                tasks.start_soon(desk.handle, headers, body)
        again = await desk.handle({**headers, "X-Gitea-Delivery": "another", "X-Gitea-Event": "push"}, body)
        assert said(again) == {"outcome": "duplicate", "reason": "this delivery was taken in before"}
    async with make() as desk:
        assert said(await desk.handle(headers, body))["outcome"] == "duplicate"
        assert len((await desk.pull(REPOSITORY, 7)).cycles) == 1


async def test_many_deliveries_at_once_are_all_counted(make: Any, world: World) -> None:
    """Two desks on one store that take in deliveries at the same time lose none, and do nothing twice."""
    policy = DefaultReviewPolicy(escalate_after=30, close_after=40)
    async with make(policy=policy) as one, make(policy=policy) as two, anyio.create_task_group() as tasks:
        for nonce in range(40):
            tasks.start_soon((one, two)[nonce % 2].handle, *delivery(rejected(nonce=nonce)))
    async with make(policy=policy) as desk:
        await desk.settled()
        assert len((await desk.pull(REPOSITORY, 7)).cycles) == 40
    assert dict(world.done) == {"comment 7": 1, "close 7": 1, "issue Requirements: ISSUE-1: sell socks": 1}


async def test_intents_are_on_record_before_effects(desk: ReviewDesk, store: Store, world: World) -> None:
    """The journal has the intent of every effect before its outcome, under one key, and the chain holds."""
    await deliver(desk, payload("opened"), approved(), merged())
    entries = [entry async for entry in store.events(build="review")]
    assert {entry.card for entry in entries} == {f"{REPOSITORY}#7"}
    intended = {it.record.key: (it.seq, it.record.tool) for it in entries if isinstance(it.record, EffectIntended)}
    recorded = {it.record.key: it.seq for it in entries if isinstance(it.record, EffectRecorded) and it.record.ok}
    tools = [tool.partition(".")[2] for _, tool in intended.values()]
    assert tools == ["start_review", "merge", "deploy", "comment"]
    assert all(recorded[key] > seq for key, (seq, _) in intended.items())
    assert len({entry.record.key for entry in entries if hasattr(entry.record, "key")}) == 4
    assert (await store.verify()).records == len(entries)


async def test_too_many_are_told_when_to_come_again(make: Any, world: World, clock: SimulatedClock) -> None:
    """A delivery above the limit is refused with Retry-After, and taken in when that time is over."""
    async with make(limit=RateLimit(deliveries=2, seconds=30)) as desk:
        assert await deliver(desk, rejected(nonce=1)) == [200]
        clock.advance(10)
        assert await deliver(desk, rejected(nonce=2)) == [200]
        for _ in range(5):  # those that nobody signed use nothing up
            assert (await desk.handle({"X-Gitea-Signature": "0" * 64}, b"{}")).status == 401
        refused = await desk.handle(*delivery(rejected(nonce=3)))
        assert (refused.status, refused.headers["retry-after"]) == (429, "20")
        clock.advance(19)
        assert (await desk.handle(*delivery(rejected(nonce=3)))).status == 429
        clock.advance(1)
        assert await deliver(desk, rejected(nonce=3)) == [202]
        assert len((await desk.pull(REPOSITORY, 7)).cycles) == 3


@pytest.mark.parametrize(
    "wrong", [{"deliveries": 0}, {"seconds": -1.0}, {"seconds": float("nan")}, {"deliveries": "x"}]
)
async def test_limits_that_mean_nothing_are_refused(wrong: Any) -> None:
    """A rate limit of nothing, or of no number, is refused when it is made."""
    with pytest.raises(WiringError, match="above 0"):
        RateLimit(**wrong)


@pytest.mark.parametrize("secret", ["", "short", " " * 40, b"", "ä" * 7, 5, None])
async def test_weak_secrets_are_refused(secret: Any, make: Any) -> None:
    """An empty, short or blank secret is refused when the desk is made, and not shown."""
    with pytest.raises(WiringError, match="at least 16 bytes") as caught:
        make(secret=secret)
    assert not secret or str(secret) not in str(caught.value).replace("16", "")


async def test_the_secret_is_not_shown(make: Any) -> None:
    """Neither a desk nor what it holds shows the secret."""
    desk = make()
    assert SECRET not in repr(desk) + repr(desk._secret) + str(desk._secret)


@pytest.mark.parametrize("names", [[], "acme/shop", ["shop"], ["acme/.."], ["a/b/c"], ["acme/sh op"], [5], None])
async def test_repositories_are_named_in_full(names: Any, store: Store, world: World) -> None:
    """A desk without repositories, or for what is none, is refused."""
    with pytest.raises(WiringError, match="owner/name"):
        ReviewDesk(secret=SECRET, repositories=names, store=store, gitea=WorldClient(world))


async def test_a_desk_is_used_while_it_is_open(make: Any) -> None:
    """Before it is opened and after it is closed a desk refuses to be used, and it is opened once at a time."""
    desk = make()
    for use in (desk.settled(), desk.handle({}, b"")):
        with pytest.raises(RunError, match="not open"):
            await use
    async with desk:
        with pytest.raises(RunError, match="open already"):
            await desk.__aenter__()
    with pytest.raises(RunError, match="not open"):
        await desk.handle({}, b"")
    async with desk:
        assert (await desk.handle({}, b"")).status == 401


async def test_headers_come_as_frameworks_have_them(desk: ReviewDesk) -> None:
    """Header fields are taken as a mapping or as pairs, of text or bytes, in any case; never two signatures."""
    body = delivery(rejected())[1]
    signature = signed(body)["X-Gitea-Signature"]
    assert (await desk.handle([(b"x-gitea-signature", signature.encode())], body)).status == 200
    assert (await desk.handle({"x-GITEA-signature": signature}, body)).status == 200
    twice = [("X-Gitea-Signature", signature), ("x-gitea-signature", signature)]
    assert (await desk.handle(twice, body)).status == 401


async def test_large_bodies_are_taken_in_too(desk: ReviewDesk, world: World) -> None:
    """A body just below the limit is taken in; one byte more is refused whoever signed it."""
    event = payload("opened", body="")
    room = 1024 * 1024 - len(delivery(event)[1])
    event["pull_request"]["body"] = "x" * room
    assert len(delivery(event)[1]) == 1024 * 1024
    assert await deliver(desk, event) == [202]
    event["pull_request"]["body"] += "x"
    assert await deliver(desk, event) == [413]
