"""The stock evaluator against the clauses of its contract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import (
    CardStatus,
    EvaluatorNode,
    FailureAction,
    FailureAnswer,
    FailureKind,
    FailureQuestion,
    Issue,
    SuccessAnswer,
    SuccessQuestion,
    TurnKind,
    TurnReport,
    VerificationResult,
    WaitReason,
)
from orket.nodes.evaluator import DefaultEvaluatorNode

DONE, READY, REVIEW, BLOCKED = CardStatus.DONE, CardStatus.READY, CardStatus.CODE_REVIEW, CardStatus.BLOCKED
WAITING = {BLOCKED, CardStatus.WAITING_FOR_DEVELOPER}
FAILED = VerificationResult(passed=False)


def make_report(
    wish: CardStatus | None = None,
    kind: TurnKind = TurnKind.WORK,
    text: str = "",
    verification: VerificationResult | None = None,
    wait_reason: WaitReason | None = None,
) -> TurnReport:
    return TurnReport(
        turn=1,
        kind=kind,
        seat="coder",
        roles=("coder",),
        rounds=1,
        text=text,
        wish=wish,
        wait_reason=wait_reason,
        verification=verification,
    )


def judge(
    report: TurnReport, *wishes: CardStatus, params: dict[str, object] | None = None, **options: str
) -> SuccessAnswer:
    issue = Issue(id="I", name="I", seat="coder", params=params or {})
    return DefaultEvaluatorNode(**options).evaluate_success(SuccessQuestion(issue=issue, report=report, wishes=wishes))


def fail(kind: FailureKind, retries: int = 0, most: int = 3, *, retryable: bool = True) -> FailureAnswer:
    issue = Issue(id="I", name="I", seat="coder", retry_count=retries, max_retries=most)
    question = FailureQuestion(issue=issue, report=make_report(), kind=kind, detail="it broke", retryable=retryable)
    return DefaultEvaluatorNode().evaluate_failure(question)


reports = st.builds(
    make_report,
    wish=st.none() | st.sampled_from(CardStatus),
    kind=st.sampled_from(TurnKind),
    text=st.text() | st.lists(st.sampled_from(["DECISION: x", "DECISION:", "prose"])).map("\n".join),
    verification=st.none() | st.builds(VerificationResult, passed=st.booleans()),
    wait_reason=st.none() | st.sampled_from(WaitReason),
)


def test_it_is_an_evaluator() -> None:
    """The stock evaluator satisfies the protocol."""
    assert isinstance(DefaultEvaluatorNode(), EvaluatorNode)


@given(reports, st.lists(st.sampled_from(CardStatus), unique=True), st.booleans())
def test_success_keeps_the_contract(report: TurnReport, wishes: list[CardStatus], sandbox: bool) -> None:
    """A wish is one of the wishes or none, never done against the evidence, and only waiting has a wait reason."""
    answer = judge(report, *wishes, params={"sandbox": sandbox})
    assert answer.wish is None or answer.wish in wishes
    assert answer.reason
    assert answer.wait_reason is None or answer.wish in WAITING
    assert answer.sandbox is (sandbox and answer.wish is DONE)
    if report.verification is not None and not report.verification.passed:
        assert answer.wish is not DONE
    elif report.wish in wishes:
        assert answer.wish is report.wish


@given(st.sampled_from(FailureKind), st.integers(0, 6), st.integers(0, 6), st.booleans())
def test_failure_keeps_the_contract(kind: FailureKind, retries: int, most: int, retryable: bool) -> None:
    """The retry count never shrinks, no retry goes past the limit, and whatever blocks has a wait reason."""
    answer = fail(kind, retries, most, retryable=retryable)
    assert answer.retry_count >= retries
    assert (answer.wait_reason is None) is (answer.action is FailureAction.RETRY)
    assert answer.remedy
    assert answer.reason
    if answer.action is FailureAction.RETRY:
        assert answer.retry_count == retries + 1 <= most


def test_what_no_retry_can_mend_blocks_at_once() -> None:
    """A failure that is not retryable blocks for a repair, costs no retry, and the remedy says so."""
    answer = fail(FailureKind.MODEL, retryable=False)
    assert (answer.action, answer.retry_count, answer.wait_reason) == (FailureAction.BLOCK, 0, WaitReason.SYSTEM)
    assert answer.remedy.startswith("No retry can mend this.")
    assert fail(FailureKind.MODEL).action is FailureAction.RETRY


def test_the_models_own_wish_is_honoured() -> None:
    """What the model asked for and the gate allowed is what is wished for."""
    assert judge(make_report(DONE, TurnKind.REVIEW), DONE, READY).wish is DONE


def test_work_without_a_wish_goes_to_review() -> None:
    """A work turn that ends without a wish asks for code review, where that can be granted."""
    assert judge(make_report(), REVIEW, BLOCKED).wish is REVIEW
    assert judge(make_report(), BLOCKED) == SuccessAnswer(
        reason="the work ended without a wish, and code review cannot be wished for"
    )


def test_a_review_without_a_verdict_wishes_for_nothing() -> None:
    """A review turn that ends without a wish decides nothing."""
    answer = judge(make_report(kind=TurnKind.REVIEW), DONE, READY, REVIEW)
    assert answer == SuccessAnswer(reason="the review ended without a verdict")


def test_done_against_a_failed_verification_is_sent_back() -> None:
    """Evidence outweighs the reviewer: done becomes ready, or nothing where ready cannot be granted."""
    report = make_report(DONE, TurnKind.REVIEW, verification=FAILED)
    sent_back = judge(report, DONE, READY, params={"sandbox": True})
    assert sent_back == SuccessAnswer(wish=READY, reason="done was asked for, but the verification failed")
    assert judge(report, DONE).wish is None


def test_a_wish_that_cannot_be_granted_any_more_is_dropped() -> None:
    """A wish outside the wishes is not passed on, and the reason names it."""
    assert judge(make_report(DONE), REVIEW) == SuccessAnswer(reason="done cannot be wished for now")


@pytest.mark.parametrize("status", sorted(WAITING))
def test_a_waiting_wish_keeps_its_wait_reason(status: CardStatus) -> None:
    """The wait reason goes with a wish that needs one."""
    assert judge(make_report(status, wait_reason=WaitReason.INPUT), status).wait_reason is WaitReason.INPUT


@pytest.mark.parametrize(
    ("text", "remembered"),
    [
        ("All done.\nDECISION: use SQLite\nBye", "use SQLite"),
        ("  DECISION:a\nDECISION: b ", "a\nb"),
        ("I made no DECISION: at all", None),
        ("DECISION:\nDECISION:   ", None),
        ("", None),
    ],
)
def test_lines_with_the_marker_are_remembered(text: str, remembered: str | None) -> None:
    """What follows the marker on lines that begin with it is remembered, nothing else."""
    assert judge(make_report(text=text), REVIEW).remember == remembered


def test_the_marker_is_an_option() -> None:
    """Another marker takes the place of the stock one, and an empty one remembers nothing."""
    report = make_report(text="DECISION: a\nADR b")
    assert judge(report, REVIEW, decision_marker="ADR").remember == "b"
    assert judge(report, REVIEW, decision_marker="").remember is None


@pytest.mark.parametrize("value", [False, "true", 1, None])
def test_a_sandbox_needs_exactly_true(value: object) -> None:
    """Only JSON ``true`` asks for a sandbox."""
    assert judge(make_report(DONE), DONE, params={"sandbox": True}).sandbox
    assert not judge(make_report(DONE), DONE, params={"sandbox": value}).sandbox


def test_a_governance_violation_blocks_and_costs_no_retry() -> None:
    """A refused call blocks the issue, whatever retries are left."""
    for retries in (0, 3):
        answer = fail(FailureKind.GOVERNANCE, retries)
        assert (answer.action, answer.retry_count, answer.wait_reason) == (
            FailureAction.BLOCK,
            retries,
            WaitReason.SYSTEM,
        )


@pytest.mark.parametrize("kind", sorted(set(FailureKind) - {FailureKind.GOVERNANCE}))
def test_other_failures_are_retried_until_the_limit(kind: FailureKind) -> None:
    """Every other failure is retried as often as allowed; then the run is aborted."""
    assert [fail(kind, retries, 2).action for retries in range(4)] == [
        FailureAction.RETRY,
        FailureAction.RETRY,
        FailureAction.ABORT,
        FailureAction.ABORT,
    ]
    assert fail(kind, 0, 2).reason == f"{kind.value} failure, retry 1 of 2"
    assert fail(kind, 2, 2).wait_reason is WaitReason.SYSTEM


def test_each_kind_of_failure_has_its_own_remedy() -> None:
    """No two kinds of failure share a remedy."""
    assert len({fail(kind).remedy for kind in FailureKind}) == len(FailureKind)
