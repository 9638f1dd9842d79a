"""Questions that are asked when a turn has ended, about what its outcome means."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    CardStatus,
    FailureKind,
    FailureQuestion,
    SuccessQuestion,
    TurnKind,
    TurnReport,
    VerificationResult,
    WaitReason,
)
from orket.governance import grantable
from orket.testing.strategies._cards import TEXTS
from orket.testing.strategies._sketch import WAITING, pick, sketch_id, sketch_issue, sketch_roles

_SEEDS: Final = st.integers(0, 9999)
_KINDS: Final = st.sampled_from(TurnKind)
_FAILURES: Final = st.sampled_from(FailureKind)
_SPOKEN: Final = st.sampled_from(
    ("Done.", "", "DECISION: use tabs", "DECISION:\nDECISION: x\n  DECISION: é", *TEXTS[1:])
)
_WISHES: Final = st.sampled_from((None, *CardStatus))


def success_questions() -> SearchStrategy[SuccessQuestion]:
    """Generate questions for evaluators about turns that ended well, with every wish and every set of legal wishes."""
    return st.builds(_success_question, seed=_SEEDS, kind=_KINDS, text=_SPOKEN, wish=_WISHES)


def _success_question(*, seed: int, kind: TurnKind, text: str, wish: CardStatus | None) -> SuccessQuestion:
    report = _report(seed, kind, text, wish)
    wishes = grantable(_status(kind), report.roles, kind)
    failed = report.verification is not None and not report.verification.passed
    return SuccessQuestion(
        issue=sketch_issue(sketch_id(seed), seed, status=_status(kind)),
        report=report,
        wishes=tuple(it for it in wishes if not (failed and it is CardStatus.DONE)),
    )


def failure_questions() -> SearchStrategy[FailureQuestion]:
    """Generate questions for evaluators about turns that failed, of every kind, with and without retries left."""
    return st.builds(_failure_question, seed=_SEEDS, kind=_KINDS, text=_SPOKEN, failure=_FAILURES)


def _failure_question(*, seed: int, kind: TurnKind, text: str, failure: FailureKind) -> FailureQuestion:
    return FailureQuestion(
        issue=sketch_issue(sketch_id(seed), seed, status=_status(kind)),
        report=_report(seed, kind, text, None),
        kind=failure,
        detail=pick(("it failed", *TEXTS), seed, "detail"),
        retryable=pick((True, True, False), seed, "retryable"),
    )


def _status(kind: TurnKind) -> CardStatus:
    return CardStatus.IN_PROGRESS if kind is TurnKind.WORK else CardStatus.CODE_REVIEW


def _report(seed: int, kind: TurnKind, text: str, wish: CardStatus | None) -> TurnReport:
    """Return a turn's report; a wish that the law could not grant was refused on the spot, and is not in it."""
    roles = tuple(role.name for role in sketch_roles(seed, kind=kind))
    allowed = wish if wish in grantable(_status(kind), roles, kind) else None
    result = pick((None, VerificationResult(passed=True), VerificationResult(passed=False)), seed, "verification")
    return TurnReport(
        turn=pick((1, 2, 40), seed, "turn"),
        kind=kind,
        seat=pick(("coder", "редактор"), seed, "seat"),
        roles=roles,
        rounds=pick((1, 3), seed, "rounds"),
        text=text,
        wish=allowed,
        wait_reason=pick((None, *WaitReason), seed, "waits") if allowed in WAITING else None,
        calls=pick((0, 5), seed, "calls"),
        refused=pick((0, 2), seed, "refused"),
        verification=result if kind is TurnKind.REVIEW else None,
    )
