"""Policies: the stock one as a pure function, and what becomes of one that breaks its contract."""

import json
from typing import Any

import pytest
from attrs import evolve
from deliveries import HEAD, REPOSITORY, SECRET, delivery, merged, payload, rejected
from gitea_world import World, WorldClient

from orket.contracts import (
    Delivery,
    DeployedSandbox,
    PullEvent,
    PullReview,
    ReviewAct,
    ReviewAction,
    ReviewAnswer,
    ReviewCycle,
    ReviewPolicy,
    ReviewQuestion,
    Store,
)
from orket.events import EffectRecorded
from orket.review import DefaultReviewPolicy, ReviewDesk
from orket.testing import SimulatedClock

SAID = Delivery(
    digest="0" * 64,
    repository=REPOSITORY,
    number=7,
    event=PullEvent.OPENED,
    sender="bob",
    author="ann",
    title="ISSUE-1: socks",
    head=HEAD,
)


def acts(policy: ReviewPolicy, event: PullEvent, cycles: int = 0, **more: Any) -> list[str]:
    """Return what a policy wants done after an event."""
    cycle = ReviewCycle(reviewer="bob", reason="No.", head=HEAD, at=1.0)
    pull = PullReview(repository=REPOSITORY, number=7, title="socks", head=HEAD, cycles=(cycle,) * cycles)
    said = evolve(SAID, event=event, **more)
    question = ReviewQuestion(pull=pull, delivery=said)
    assert policy.judge(question) == policy.judge(question)
    return [action.act.value for action in policy.judge(question).actions]


def test_the_stock_policy_decides_as_it_says() -> None:
    """Each event has its consequences, and requests for changes by their number."""
    stock = DefaultReviewPolicy()
    assert isinstance(stock, ReviewPolicy)
    assert [acts(stock, event) for event in (PullEvent.OPENED, PullEvent.SYNCHRONIZED, PullEvent.REOPENED)] == [
        ["start_review"]
    ] * 3
    assert acts(stock, PullEvent.OPENED, title="socks") == []
    assert acts(stock, PullEvent.APPROVED) == ["merge"]
    assert acts(stock, PullEvent.APPROVED, sender="ann") == []
    assert acts(stock, PullEvent.MERGED) == ["deploy"]
    assert acts(stock, PullEvent.CLOSED) == []
    sent_back = [acts(stock, PullEvent.CHANGES_REQUESTED, cycles) for cycles in range(1, 6)]
    assert sent_back == [[], [], ["comment"], ["close", "open_issue"], ["close", "open_issue"]]


def test_options_of_the_stock_policy() -> None:
    """Thresholds, reviewers and the architect's name are options."""
    policy = DefaultReviewPolicy(escalate_after=1, close_after=2, architect="zoe", reviewers=["bob"])
    assert [acts(policy, PullEvent.CHANGES_REQUESTED, count) for count in (1, 2)] == [
        ["comment"],
        ["close", "open_issue"],
    ]
    assert acts(policy, PullEvent.APPROVED, sender="eve") == []
    assert acts(policy, PullEvent.CHANGES_REQUESTED, 1, sender="eve") == []
    cycle = ReviewCycle(reviewer="bob", reason="No.", head=HEAD, at=1.0)
    pull = PullReview(repository=REPOSITORY, number=7, cycles=(cycle,))
    said = evolve(SAID, event=PullEvent.CHANGES_REQUESTED)
    assert "@zoe" in policy.judge(ReviewQuestion(pull=pull, delivery=said)).actions[0].text


@pytest.mark.parametrize("title", ["ISSUE-1", "[ISSUE-1] socks", "Draft: ISSUE-1, and ISSUE-2", "x/ISSUE-1"])
def test_cards_are_found_in_titles(title: str) -> None:
    """The first ISSUE-… of a title is the card, whatever stands around it."""
    answer = DefaultReviewPolicy().judge(
        ReviewQuestion(pull=PullReview(repository=REPOSITORY, number=7), delivery=evolve(SAID, title=title))
    )
    assert answer.card == "ISSUE-1"


class Broken:
    """A policy that answers what it is told to."""

    def __init__(self, answer: Any, announcement: Any = "hello") -> None:
        self._answer, self._announcement = answer, announcement

    def judge(self, question: ReviewQuestion, /) -> Any:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer

    def announce(self, pull: PullReview, sandbox: DeployedSandbox, /) -> Any:
        if isinstance(self._announcement, Exception):
            raise self._announcement
        return self._announcement


def wanting(act: ReviewAct, **more: Any) -> ReviewAnswer:
    return ReviewAnswer(actions=(ReviewAction(act=act, **more),), reason="r")


def desk_of(store: Store, world: World, clock: SimulatedClock, policy: Any) -> ReviewDesk:
    client = WorldClient(world)
    ports: dict[str, Any] = {"gitea": client, "reviews": client, "sandboxes": client}
    return ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, clock=clock, policy=policy, **ports)


WRONG = {
    "raises": ValueError("secret77"),
    "nothing": None,
    "a list": ReviewAnswer(actions=[], reason="r"),  # type: ignore[arg-type]
    "no actions": ReviewAnswer(actions=("merge",), reason="r"),  # type: ignore[arg-type]
    "an unknown act": wanting("dance"),  # type: ignore[arg-type]
    "a reason that is none": ReviewAnswer(actions=(), reason=5),  # type: ignore[arg-type]
    "half a character": ReviewAnswer(actions=(), reason="\ud800"),
    "a count that is none": ReviewAnswer(actions=(), reason="r", counts="no"),  # type: ignore[arg-type]
    "too many": ReviewAnswer(actions=(ReviewAction(act=ReviewAct.CLOSE),) * 17, reason="r"),
    "a merge of what nobody approved": wanting(ReviewAct.MERGE),
    "a deployment of what is not merged": wanting(ReviewAct.DEPLOY),
    "a review of nothing": wanting(ReviewAct.START_REVIEW, card=" "),
    "an empty comment": wanting(ReviewAct.COMMENT, text="\n"),
    "a very long comment": wanting(ReviewAct.COMMENT, text="x" * 60_001),
    "an issue without a title": wanting(ReviewAct.OPEN_ISSUE, text="x"),
    "a text that is none": wanting(ReviewAct.COMMENT, text=b"x"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_broken_policy_is_not_obeyed(wrong: str, store: Store, world: World, clock: SimulatedClock) -> None:
    """A policy that raises or breaks its contract is answered with 500, nothing changes, and it may be asked again."""
    headers, body = delivery(rejected())
    async with desk_of(store, world, clock, Broken(WRONG[wrong])) as desk:
        answer = await desk.handle(headers, body)
        assert answer.status == 500
        assert "secret77" not in json.loads(answer.body)["reason"]
        assert (await desk.pull(REPOSITORY, 7)).version == 0
    async with desk_of(store, world, clock, DefaultReviewPolicy()) as desk:
        assert (await desk.handle(headers, body)).status == 200
    assert not world.done


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", ""),
        ("  ", ""),
        (RuntimeError("secret77"), "; not announced: the review policy raised RuntimeError"),
        *[
            (wrong, "; not announced: the review policy did not return a text that Gitea takes")
            for wrong in (None, 5, "\ud800", "x" * 60_001)
        ],
    ],
)
async def test_a_sandbox_may_go_unannounced(
    text: Any, problem: str, store: Store, world: World, clock: SimulatedClock
) -> None:
    """A policy without an announcement leaves the sandbox without a comment; of a broken one the record tells."""
    headers, body = delivery(merged())
    async with desk_of(store, world, clock, Broken(wanting(ReviewAct.DEPLOY), text)) as desk:
        assert (await desk.handle(headers, body)).status == 202
        await desk.settled()
    assert dict(world.done) == {"deploy 7": 1}
    (output,) = [entry.record.output async for entry in store.events() if isinstance(entry.record, EffectRecorded)]
    assert await store.payload(output) == f"sandbox sandbox-shop at http://127.0.0.1:8001{problem}"


@pytest.mark.anyio
async def test_a_policy_of_ones_own(store: Store, world: World, clock: SimulatedClock) -> None:
    """A host's policy says what follows, in its order."""
    policy = Broken(
        ReviewAnswer(
            actions=(
                ReviewAction(act=ReviewAct.COMMENT, text="one"),
                ReviewAction(act=ReviewAct.COMMENT, text="two"),
                ReviewAction(act=ReviewAct.CLOSE),
            ),
            reason="because",
        )
    )
    headers, body = delivery(payload("opened"))
    async with desk_of(store, world, clock, policy) as desk:
        await desk.handle(headers, body)
        await desk.settled()
    assert [text.splitlines()[0] for text in world.comments[7]] == ["one", "two"]
    assert world.closed == {7}
