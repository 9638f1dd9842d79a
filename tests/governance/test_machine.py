"""The transition table, against a table written by hand."""

import pytest
from attrs import evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orket.contracts import (
    INTEGRITY_GUARD,
    CardStatus,
    Issue,
    TurnKind,
    Verification,
    VerificationResult,
    WaitReason,
)
from orket.errors import TransitionError
from orket.governance import TRANSITIONS, WAITING, Actor, grantable, judge_transition, move

S = CardStatus

# Rows: from. Columns: to, in the order of COLUMNS. c core, o operator, w seat on a work turn, r seat on a review turn,
# g the same with the role integrity_guard; "." nobody.
COLUMNS = (
    S.READY,
    S.IN_PROGRESS,
    S.BLOCKED,
    S.WAITING_FOR_DEVELOPER,
    S.READY_FOR_TESTING,
    S.CODE_REVIEW,
    S.DONE,
    S.CANCELED,
    S.ARCHIVED,
)
TABLE = {
    #                          ready prog  blkd  wait  test  revw  done  canc  arch
    S.READY: "                 .     c     c     .     .     .     .     co    .",
    S.IN_PROGRESS: "           c     .     cw    w     w     w     .     co    .",
    S.BLOCKED: "               o     co    .     .     co    co    .     co    .",
    S.WAITING_FOR_DEVELOPER: " o     .     c     .     .     .     .     co    .",
    S.READY_FOR_TESTING: "     cg    .     cr    r     .     r     g     cog   .",
    S.CODE_REVIEW: "           cg    .     cr    r     .     .     g     cog   .",
    S.DONE: "                  o     .     .     .     .     .     .     .     o",
    S.CANCELED: "              o     .     .     .     .     .     .     .     o",
    S.ARCHIVED: "              .     .     .     .     .     .     .     .     .",
}
EXPECTED = {
    (before, after): set(letters.replace(".", ""))
    for before, row in TABLE.items()
    for after, letters in zip(COLUMNS, row.split(), strict=True)
}
PAIRS = sorted(EXPECTED)
KINDS = {"w": TurnKind.WORK, "r": TurnKind.REVIEW, "g": TurnKind.REVIEW}
ROLES = st.sets(st.sampled_from(["coder", INTEGRITY_GUARD]))


def may(letters: set[str], actor: Actor, roles: set[str], kind: TurnKind | None) -> bool:
    """Return what the table above grants."""
    if actor is not Actor.SEAT:
        return actor.value[0] in letters
    seats = [letter for letter in letters if letter in KINDS and kind in (None, KINDS[letter])]
    return any(letter != "g" or INTEGRITY_GUARD in roles for letter in seats)


def issue(status: CardStatus = S.READY, **fields: object) -> Issue:
    return evolve(Issue(id="i", name="i", seat="s", status=status), **fields)


def test_the_table_names_every_pair() -> None:
    """All 81 pairs stand in the table, and it cannot be changed."""
    assert set(TRANSITIONS) == set(EXPECTED)
    assert len(TRANSITIONS) == 81
    with pytest.raises(TypeError):
        TRANSITIONS[S.READY, S.DONE] = TRANSITIONS[S.READY, S.BLOCKED]  # type: ignore[index]


@pytest.mark.parametrize(("before", "after"), PAIRS)
def test_each_pair_is_granted_to_whom_the_hand_written_table_says(before: CardStatus, after: CardStatus) -> None:
    """Judgement agrees with the independent table for every actor, role and kind of turn."""
    reason = WaitReason.INPUT if after in (S.BLOCKED, S.WAITING_FOR_DEVELOPER) else None
    for actor in Actor:
        for roles in (set(), {"coder"}, {INTEGRITY_GUARD}, {"coder", INTEGRITY_GUARD}):
            for kind in (None, *TurnKind):
                refusal = judge_transition(before, after, actor=actor, roles=roles, kind=kind, wait_reason=reason)
                assert (refusal is None) == may(EXPECTED[before, after], actor, roles, kind), (actor, roles, kind)
                assert refusal is None or (refusal.rule and refusal.detail)


@pytest.mark.parametrize("before", list(S))
@pytest.mark.parametrize("kind", list(TurnKind))
def test_grantable_is_what_judgement_grants(before: CardStatus, kind: TurnKind) -> None:
    """The wishes that a seat is offered are exactly those it would be granted."""
    for roles in ((), ("coder",), (INTEGRITY_GUARD, "coder")):
        granted = [
            after
            for after in S
            if judge_transition(
                before,
                after,
                actor=Actor.SEAT,
                roles=roles,
                kind=kind,
                wait_reason=WaitReason.INPUT if after in WAITING else None,
            )
            is None
        ]
        assert list(grantable(before, roles, kind)) == granted


def test_what_seats_may_wish_for() -> None:
    """A worker may hand over or wait; a guard may finish, send back, wait or cancel; another reviewer may only wait."""
    waiting = (S.BLOCKED, S.WAITING_FOR_DEVELOPER)
    assert grantable(S.IN_PROGRESS, ("coder",), TurnKind.WORK) == (*waiting, S.READY_FOR_TESTING, S.CODE_REVIEW)
    guard = grantable(S.CODE_REVIEW, (INTEGRITY_GUARD,), TurnKind.REVIEW)
    assert set(guard) == {S.READY, *waiting, S.DONE, S.CANCELED}
    assert grantable(S.CODE_REVIEW, ("coder",), TurnKind.REVIEW) == waiting
    assert grantable(S.READY_FOR_TESTING, ("coder",), TurnKind.REVIEW) == (*waiting, S.CODE_REVIEW)
    assert grantable(S.IN_PROGRESS, (INTEGRITY_GUARD,), TurnKind.REVIEW) == ()


@pytest.mark.parametrize(
    ("before", "after", "actor", "roles", "reason", "rule"),
    [
        (S.READY, S.READY, Actor.CORE, (), None, "same-status"),
        (S.ARCHIVED, S.READY, Actor.OPERATOR, (), None, "final"),
        (S.CODE_REVIEW, S.DONE, Actor.OPERATOR, (), None, "transition"),
        (S.READY, S.DONE, Actor.SEAT, (INTEGRITY_GUARD,), None, "transition"),
        (S.CODE_REVIEW, S.DONE, Actor.SEAT, ("coder",), None, "role"),
        (S.IN_PROGRESS, S.BLOCKED, Actor.CORE, (), None, "wait-reason"),
        (S.IN_PROGRESS, S.CODE_REVIEW, Actor.SEAT, (), WaitReason.INPUT, "wait-reason"),
    ],
)
def test_refusals_name_their_rule(
    before: CardStatus,
    after: CardStatus,
    actor: Actor,
    roles: tuple[str, ...],
    reason: WaitReason | None,
    rule: str,
) -> None:
    """Each refusal carries the stable name of the rule that refused."""
    refusal = judge_transition(before, after, actor=actor, roles=roles, wait_reason=reason)
    assert refusal is not None
    assert refusal.rule == rule


def test_a_turn_of_the_wrong_kind_is_refused() -> None:
    """A review turn grants nothing that is for work turns."""
    refusal = judge_transition(S.IN_PROGRESS, S.CODE_REVIEW, actor=Actor.SEAT, kind=TurnKind.REVIEW)
    assert refusal is not None
    assert refusal.rule == "turn-kind"


@pytest.mark.parametrize(
    ("fixture", "passed", "granted"),
    [(None, False, True), ("f.py", None, True), ("f.py", True, True), ("f.py", False, False)],
)
def test_an_issue_whose_fixture_failed_is_not_done(fixture: str | None, passed: bool | None, granted: bool) -> None:
    """Only a fixture that was run and did not pass keeps a guard from finishing an issue."""
    last_run = None if passed is None else VerificationResult(passed=passed)
    card = issue(S.CODE_REVIEW, verification=Verification(fixture=fixture, last_run=last_run))
    refusal = judge_transition(card, S.DONE, actor=Actor.SEAT, roles=(INTEGRITY_GUARD,))
    assert (refusal is None) == granted
    assert granted or (refusal is not None and refusal.rule == "verification")


def test_a_move_changes_the_issue_and_records_it() -> None:
    """A granted move sets the wait fields and the count, and is one version on; leaving the wait clears them."""
    blocked, moved = move(
        issue(S.IN_PROGRESS, version=4),
        S.BLOCKED,
        actor=Actor.SEAT,
        roles=("coder",),
        by="dev",
        role="coder",
        reason="no key",
        wait_reason=WaitReason.INPUT,
        wait_detail="the key",
        retry_count=1,
    )
    assert (blocked.status, blocked.wait_reason, blocked.wait_detail) == (S.BLOCKED, WaitReason.INPUT, "the key")
    assert (blocked.version, blocked.retry_count) == (5, 1)
    assert (moved.before, moved.after, moved.by, moved.role, moved.reason) == (
        S.IN_PROGRESS,
        S.BLOCKED,
        "dev",
        "coder",
        "no key",
    )
    assert (moved.version, moved.retry_count, moved.wait_reason, moved.wait_detail) == (
        5,
        1,
        WaitReason.INPUT,
        "the key",
    )
    ready, _ = move(blocked, S.READY, actor=Actor.OPERATOR, by="ada", reason="here it is", retry_count=0)
    assert (ready.status, ready.wait_reason, ready.wait_detail, ready.retry_count, ready.version) == (
        S.READY,
        None,
        "",
        0,
        6,
    )


@pytest.mark.parametrize(("actor", "count"), [(Actor.CORE, 1), (Actor.OPERATOR, -1)])
def test_the_retry_count_does_not_shrink(actor: Actor, count: int) -> None:
    """Only an operator may lower the count, and nobody below zero."""
    with pytest.raises(TransitionError, match="retry count") as caught:
        move(issue(S.READY, retry_count=2), S.CANCELED, actor=actor, by="x", reason="x", retry_count=count)
    assert caught.value.rule == "retry-count"


def test_a_refused_move_says_what_was_asked() -> None:
    """The error of a refused move carries the rule, the card and both statuses."""
    with pytest.raises(TransitionError) as caught:
        move(issue(), S.DONE, actor=Actor.CORE, by="core", reason="because")
    assert caught.value.data == {"rule": "transition", "card": "i", "before": S.READY, "after": S.DONE}


class LawMachine(RuleBasedStateMachine):
    """Any sequence of moves keeps what the law promises."""

    def __init__(self) -> None:
        super().__init__()
        self.issue = issue()

    @rule(
        after=st.sampled_from(S),
        actor=st.sampled_from(Actor),
        roles=ROLES,
        reason=st.none() | st.sampled_from(WaitReason),
    )
    def wish(self, after: CardStatus, actor: Actor, roles: set[str], reason: WaitReason | None) -> None:
        before = self.issue
        granted = may(EXPECTED[before.status, after], actor, roles, None) and (reason is not None) == (
            after in (S.BLOCKED, S.WAITING_FOR_DEVELOPER)
        )
        try:
            self.issue, _ = move(before, after, actor=actor, roles=roles, by="x", reason="x", wait_reason=reason)
        except TransitionError:
            assert not granted
            assert self.issue is before
        else:
            assert granted
            assert self.issue.version == before.version + 1
            assert after is not S.DONE or (actor is Actor.SEAT and INTEGRITY_GUARD in roles)

    @invariant()
    def a_waiting_card_has_exactly_one_reason(self) -> None:
        assert (self.issue.wait_reason is not None) == (self.issue.status in WAITING)


LawMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=25)
TestLaw = LawMachine.TestCase


@settings(max_examples=60)
@given(ROLES, st.sampled_from(TurnKind))
def test_no_seat_may_wish_anything_of_a_card_at_rest(roles: set[str], kind: TurnKind) -> None:
    """Terminal, waiting and ready cards grant a seat nothing."""
    for status in (S.READY, S.BLOCKED, S.WAITING_FOR_DEVELOPER, S.DONE, S.CANCELED, S.ARCHIVED):
        assert grantable(status, roles, kind) == ()
