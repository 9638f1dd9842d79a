"""What a record says, in a sentence for people."""

from types import MappingProxyType
from typing import Final

from orket import Wake
from orket.events import (
    CallJudged,
    CardAdded,
    CardMoved,
    CardReprioritized,
    CommentAdded,
    DeliveryAccepted,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    FailureReported,
    JournalEntry,
    RunFinished,
    RunStarted,
    TurnOpened,
    TurnResumed,
    VerificationRecorded,
    WishRefused,
)

LONGEST: Final = 200  # characters of what a model or a person may have written
_GOES_ON: Final = MappingProxyType(  # by what ends the wait
    {
        "slot": "as soon as a run has a free slot",
        "done": "with {on} done",
        "review": "with a review turn",
        "unblock": "when a person answers",
        "settle": "when it is settled what became of effect {on}",
        "policy": "under a loop policy that gives its status turns",
        "reopen": "when a person reopens {on}",
        "cancel": "never, for {on} will not be done: a person may cancel it",
    }
)


def tell(entry: JournalEntry) -> str:
    """Return what happened as one line; "" for what only machines want to know."""
    match entry.record:
        case RunStarted() as it:
            return f"the run of {it.card} begins" + (f", for {it.target} only" if it.target else "")
        case RunFinished() as it:
            return f"the run is at rest: {it.outcome}, {cut(it.reason)}"
        case CardAdded() as it:
            return f"{it.issue.id}: joins the board, added by {cut(it.by)}"
        case DeliveryAccepted() as it:
            return f"{entry.card}: {it.event} by {cut(it.by)}; {cut(it.reason)}"
        case EffectRecorded(ok=False):
            return f"{entry.card}: what was to be done has failed"
        case _:
            said = tell_of_card(entry)
            return f"{entry.card}: {said}" if said else ""


def tell_of_card(entry: JournalEntry) -> str:
    """Return what happened to a card."""
    match entry.record:
        case CardMoved() as it:
            wait = f", waits for {it.wait_reason}: {cut(it.wait_detail)}" if it.wait_reason else ""
            return f"{it.before} → {it.after} by {cut(it.by)}{wait}"
        case CardReprioritized() as it:
            return f"priority {it.before:g} → {it.after:g} by {cut(it.by)}"
        case TurnOpened() as it:
            return f"{cut(it.seat)} takes turn {it.turn} ({it.kind})"
        case TurnResumed() as it:
            return f"turn {it.turn} goes on where run {it.run[:8]} left it"
        case CommentAdded() as it:
            return f"{cut(it.author)} says: {cut(it.text)}"
        case VerificationRecorded() as it:
            return f"the fixture {'passed' if it.result.passed else 'failed'}: {cut(it.result.detail)}"
        case FailureReported() as it:
            return f"turn {it.turn} failed: {it.violation}, {cut(it.detail)}; {cut(it.remedy)}"
        case _:
            return tell_of_effect(entry) or refusal(entry)


def tell_of_effect(entry: JournalEntry) -> str:
    """Return what became of an effect, where that is news."""
    match entry.record:
        case EffectUnknown() as it:
            return f"nobody knows whether an effect happened: {cut(it.detail)}"
        case EffectSettled() as it:
            return f"{cut(it.by)} says that an effect {'happened' if it.ran else 'did not happen'}"
        case _:
            return ""


def refusal(entry: JournalEntry) -> str:
    """Return what was refused, and by which rule; "" where nothing was."""
    match entry.record:
        case CallJudged(allowed=False) as it:
            return f"refused {it.tool} by rule {it.rule}: {cut(it.detail)}"
        case WishRefused() as it:
            return f"refused the wish for {it.wish} by rule {it.rule}: {cut(it.detail)}"
        case _:
            return ""


def cut(text: str) -> str:
    """Return one line of a text, not too long, without what would be obeyed instead of shown."""
    line = "".join([character if character.isprintable() else "�" for character in " ".join(text.split())])
    return line if len(line) <= LONGEST else line[: LONGEST - 1] + "…"


def goes_on(wake: Wake) -> str:
    """Return when a card that waits goes on."""
    names = [it[:12] for it in wake.on] if wake.when == "settle" else wake.on
    return f"It goes on {_GOES_ON[wake.when].format(on=cut(' and '.join(names)))}."
