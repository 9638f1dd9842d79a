"""What is committed to a store: records of every type, cards, documents, payloads and runs."""

from typing import Final, get_args

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.cards import CardStatus, CardType, Issue, VerificationResult, WaitReason
from orket.contracts import RunRow
from orket.events import (
    BugFixPhaseEnded,
    BugFixPhaseExtended,
    BugFixPhaseStarted,
    BugReported,
    BugResolved,
    CallJudged,
    CardAdded,
    CardAdopted,
    CardMoved,
    CardNominated,
    CardReprioritized,
    CommentAdded,
    CreditsReported,
    DecisionMade,
    DecisionRemembered,
    DeliveryAccepted,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    FailureReported,
    ModelReplied,
    NoteLeft,
    Record,
    RefinementProposed,
    ReportUnwritten,
    Resolution,
    RunFinished,
    RunOutcome,
    RunStarted,
    SandboxMoved,
    SandboxRequested,
    TurnClosed,
    TurnKind,
    TurnOpened,
    TurnResumed,
    VerificationRecorded,
    WishRefused,
)
from orket.testing.strategies._cards import NAMES, TEXTS, issues

# What some storage loses or changes: lone surrogates, NUL, line ends, normal forms, markup of SQL, JSON and LIKE.
HOSTILE: Final = (
    *("", "\x00", "a\x00b", "\ud800", "\udfff\ud800", "\U0001f600", "\ufeff", "\u2028\u2029\x85", "\r\n\t\r", " a "),
    *("'; DROP TABLE card; --", '"', "\\", "%_*?[", "null", "1e999", "e\u0301 \xe9 \ufb01", "\uffff", "x" * 300_000),
)
_HOSTILE: Final = st.sampled_from(HOSTILE)
_DIGEST: Final = "0123456789abcdef" * 4


def hostile_texts() -> SearchStrategy[str]:
    """Generate texts that storage is known to lose or change: no Unicode text is too strange to be kept."""
    return _HOSTILE


def _of_runs(text: str) -> tuple[Record, ...]:
    chosen = Resolution(
        kind="router", name=text, distribution="d", version="1", source="host", options={text: [text, None, 1.5]}
    )
    return (
        RunStarted(build="b", card=text, target=None, fingerprint=_DIGEST, resolutions=(chosen,)),
        RunFinished(outcome=RunOutcome.STALLED, reason=text, counts={"done": 2, text: 0}),
        DecisionMade(kind="planner", method="plan", node="n", question=text, answer=[{text: text}, 0.1, True, None]),
        FailureReported(turn=3, violation=text, detail=text, attempted="x", roles=("a", text), remedy=text),
        ReportUnwritten(turn=3, run=text, file=text, detail=text),
        VerificationRecorded(result=VerificationResult(passed=False, detail=text, log=text), version=4),
    )


def _of_cards(text: str) -> tuple[Record, ...]:
    moved = CardMoved(
        before=CardStatus.READY,
        after=CardStatus.BLOCKED,
        by=text,
        role="coder",
        reason=text,
        version=2,
        retry_count=1,
        wait_reason=WaitReason.INPUT,
        wait_detail=text,
    )
    return (
        CardAdded(issue=Issue(id="I", name=text, seat="s", params={text: text}, version=1), by=text),
        moved,
        CardReprioritized(before=1.0, after=2.5, by=text, reason=text, version=3),
        CardAdopted(type=CardType.EPIC, name=text, into=text, by=text, reason=text, department="uiux"),
        WishRefused(wish=CardStatus.DONE, by=text, rule="r", detail=text),
        CommentAdded(author=text, text=text),
        NoteLeft(author=text, to=text, text=text),
        CardNominated(seat="s", kind="k", summary=text, reason=text),
        CreditsReported(seat="s", amount=0.1, detail=text),
        RefinementProposed(seat="s", target=text, proposal=text),
        DecisionRemembered(text=text),
        SandboxRequested(reason=text),
        SandboxMoved(sandbox=text, before="", after="creating", reason=text, version=1),
        DeliveryAccepted(delivery=_DIGEST, event="approved", by=text, head=text, cycles=2, reason=text),
    )


def _of_phases(text: str) -> tuple[Record, ...]:
    return (
        BugFixPhaseStarted(number=1, run=text, began_at=1.5, ends_at=2.5),
        BugReported(bug="b", title=text, severity="high", by=text, found_in=text),
        BugResolved(bug="b", by=text, reason=text),
        BugFixPhaseExtended(number=2, ends_at=3.5, reason=text),
        BugFixPhaseEnded(number=2, reason=text, remaining=(text, "b"), sequel=text),
    )


def _of_turns(text: str) -> tuple[Record, ...]:
    opened = TurnOpened(
        turn=1,
        kind=TurnKind.REVIEW,
        seat=text,
        roles=(text, "b"),
        model=text,
        dialect="d",
        prompt=(_DIGEST, _DIGEST),
        tools=(text,),
        self_review=True,
        remembered=(_DIGEST,),
        notes=(_DIGEST, _DIGEST),
    )
    return (
        opened,
        TurnResumed(turn=2, run=text),
        ModelReplied(turn=1, round=2, reply=_DIGEST, prompt_tokens=2**40, completion_tokens=0),
        CallJudged(turn=1, round=1, index=0, tool=text, arguments=_DIGEST, allowed=False, rule=text, detail=text),
        EffectIntended(key=_DIGEST, turn=1, round=1, index=2, tool=text, effect="at_most_once", arguments=_DIGEST),
        EffectRecorded(key=_DIGEST, ok=False, output=_DIGEST),
        EffectUnknown(key=_DIGEST, detail=text),
        EffectSettled(key=_DIGEST, ran=True, by=text, reason=text, ok=False, output=_DIGEST),
        TurnClosed(turn=1, rounds=2, ok=False, status=CardStatus.CODE_REVIEW, detail=text),
    )


_RECORDS: Final = tuple(
    record
    for text in (*TEXTS, *HOSTILE[:-1])
    for of in (_of_cards, _of_turns, _of_runs, _of_phases)
    for record in of(text)
)
_ANY_RECORD: Final = st.sampled_from(_RECORDS)
_BY_TYPE: Final = tuple(tuple(it for it in _RECORDS if type(it) is cls) for cls in get_args(Record))


def records() -> SearchStrategy[Record]:
    """Generate records of every type, with plain and with hostile texts."""
    return _ANY_RECORD


def all_types_of_records() -> SearchStrategy[list[Record]]:
    """Generate lists that hold one record of each type."""
    return st.integers(0, len(TEXTS) + len(HOSTILE) - 2).map(lambda index: [of[index] for of in _BY_TYPE])


_PARAMS: Final = st.sampled_from(({}, {"a": [1, 2.5, None, {"b": False}]}, {"": ""}, {"\ud800": "\x00"}))


def new_cards() -> SearchStrategy[Issue]:
    """Generate cards as they join a board: with version 1."""
    return st.builds(_new, issues(), _PARAMS, _HOSTILE)


def _new(issue: Issue, params: dict[str, object], note: str) -> Issue:
    return attrs.evolve(issue, params=params, note=note[:100], version=1)


_IDS: Final = st.sampled_from((*NAMES, "", "\x00", "a\x00", "'\"%_"))


def places() -> SearchStrategy[tuple[str, str, str | None, float]]:
    """Generate where and when something happened: a run, a build, a card or none, and seconds since the epoch."""
    times = st.sampled_from((1.0, 0.0, 0.1, 1.7e9, 1_763_654_021.123_456, 253_402_300_799.999, 5e-324))
    return st.tuples(_IDS, _IDS, st.none() | _IDS, times)


def run_rows(*, run: str = "run", build: str = "build") -> SearchStrategy[RunRow]:
    """Generate rows of a run, under way or ended, without charges.

    Args:
        run: The run's id.
        build: Its build.
    """
    return st.builds(
        RunRow,
        id=st.just(run),
        build=st.just(build),
        card=_IDS,
        started_at=st.sampled_from((5.0, 0.0, 1_763_654_021.25)),
        fingerprint=st.just(_DIGEST),
        wiring=st.sampled_from((None, {"router": {"name": "default", "options": {}}}, [1, "\ud800"])),
        target=st.none() | _IDS,
        parent=st.none() | _IDS,
        outcome=st.none() | st.sampled_from(RunOutcome),
        reason=st.sampled_from((*TEXTS, *HOSTILE[:-1])),
        finished_at=st.sampled_from((None, 9.5)),
    )
