"""Whether a record tells the truth: looked at from outside, after whatever was done to the process that wrote it."""

from collections.abc import Collection, Iterator
from itertools import pairwise

from attrs import evolve

from orket._replay import replay
from orket.contracts import Store
from orket.errors import JournalError
from orket.events import CallJudged, EffectIntended, EffectRecorded, EffectSettled, EffectUnknown, JournalEntry
from orket.testing.fakes import EffectLedger
from orket.testing.faults._fold import Fold
from orket.testing.faults._witness import CommitLog, Grant, said


class Oracle:
    """Judge a record by what is known outside of it.

    It claims that

    * the chain is unbroken, and every payload has its digest;
    * the events, folded by :func:`orket.replay` and by rules of the oracle's own, are the board, and the law grants
      every transition among them;
    * each intent of an effect follows a verdict that allows exactly its bytes, and each result an intent;
    * whatever the ledger says has happened was intended before, whatever is on record as a success has happened, and
      no at-most-once key has happened twice;
    * what anybody was told is kept is kept, where and as it was told;
    * no card has two live claims, and the tokens of its claims only grow.

    Args:
        ledger: What tools really did; None where nothing is known of it.
        commits: What the callers of the store were told; None where nobody took notes.
        steady: The clocks of all who claimed cards agreed and never jumped: the times of claims can be compared.
    """

    def __init__(
        self, *, ledger: EffectLedger | None = None, commits: CommitLog | None = None, steady: bool = True
    ) -> None:
        self._ledger = ledger
        self._commits = commits
        self._steady = steady

    async def examine(self, store: Store) -> tuple[str, ...]:
        """Return what is wrong with the record of an open store, a sentence each; nothing, if nothing is."""
        try:
            await store.verify()
        except JournalError as error:
            return (f"the chain: {error}",)
        entries = [entry async for entry in store.events()]
        found = [*await _board_problems(store, entries), *_effect_problems(entries)]
        if self._ledger is not None:
            found += _world_problems(entries, self._ledger)
        if self._commits is not None:
            found += _lost(entries, self._commits)
            found += _claim_problems(self._commits, steady=self._steady)
            found += await _token_problems(store, self._commits)
        return tuple(found)

    async def check(self, store: Store) -> None:
        """Examine a record.

        Raises:
            AssertionError: something is wrong with it; says what.
        """
        if problems := await self.examine(store):
            raise AssertionError("the record does not hold:\n  - " + "\n  - ".join(problems))


async def _board_problems(store: Store, entries: Collection[JournalEntry]) -> list[str]:
    fold = Fold()
    for entry in entries:
        fold.add(entry)
    problems = fold.problems
    replayed = await replay(entries)
    if replayed.disagreement is not None:
        problems.append(f"replay: {replayed.disagreement!r:.300}")
    for build, told in fold.boards.items():
        stored = {row.issue.id: row.issue for row in await store.load_board(build)}
        if replayed.boards.get(build, ()) != tuple(stored.values()):
            problems.append(f"build {build}: replay does not lead to the board")
        for name in told.keys() | stored.keys():
            if told.get(name) != stored.get(name):
                problems.append(
                    f"build {build}: events say {told.get(name)!r:.300}, the board says {stored.get(name)!r:.300}"
                )
    return problems


def _effect_problems(entries: Collection[JournalEntry]) -> Iterator[str]:
    allowed: set[tuple[object, ...]] = set()
    intents: dict[str, tuple[str | None, EffectIntended]] = {}  # with the card
    results: dict[str, EffectRecorded | EffectSettled] = {}
    for entry in entries:
        where = f"entry {entry.seq}"
        match entry.record:
            case CallJudged() as verdict if verdict.allowed:
                allowed.add(_call(entry, verdict))
            case EffectIntended(key=key) as intent:
                again = intents.get(key) == (entry.card, intent) and _undone(results.pop(key, None))
                if key in intents and not again:
                    yield f"{where}: {intent.tool} was intended before, under the same key"
                if not again and _call(entry, intent) not in allowed:
                    yield f"{where}: {intent.tool} was intended, and no verdict allows exactly these bytes"
                intents[key] = (entry.card, intent)
            case EffectUnknown(key=key) | EffectRecorded(key=key) | EffectSettled(key=key) as told:
                if intents.get(key, ("",))[0] != entry.card:
                    yield f"{where}: the effect {key} has a result and no intent before it"
                if key in results and not _takes_up(results[key], told):
                    yield f"{where}: the effect {key} has a second result"
                if not isinstance(told, EffectUnknown):
                    results[key] = told


def _undone(result: EffectRecorded | EffectSettled | None) -> bool:
    """Whether it became known that an effect did not happen: it may be intended anew."""
    return isinstance(result, EffectSettled) and not result.ran


def _takes_up(settled: EffectRecorded | EffectSettled, told: object) -> bool:
    """Whether a turn has only taken up, as the tool's result, what somebody had said of an effect.

    What did not happen, and is refused when it may, has its refusal as the result.
    """
    if not isinstance(settled, EffectSettled) or not isinstance(told, EffectRecorded):
        return False
    return (settled.ok, settled.output) == (told.ok, told.output) if settled.ran else not told.ok


def _call(entry: JournalEntry, record: CallJudged | EffectIntended) -> tuple[object, ...]:
    return (entry.run, entry.card, record.turn, record.round, record.index, record.tool, record.arguments)


def _world_problems(entries: Collection[JournalEntry], ledger: EffectLedger) -> Iterator[str]:
    effects = ledger.effects
    tools = {effect.tool for effect in effects}
    intents = {entry.record.key: entry.record for entry in entries if isinstance(entry.record, EffectIntended)}
    for effect in effects:
        intent = intents.get(effect.key)
        if intent is None:
            yield f"{effect.tool} acted ({effect.note!r}), and no intent of it is on record"
        elif (intent.tool, intent.effect) != (effect.tool, effect.effect.value):
            yield f"{effect.tool} acted as {effect.effect}, and {intent.tool} was intended as {intent.effect}"
        elif effect.arguments not in ("", intent.arguments):
            yield f"{effect.tool} acted on other bytes than were intended ({effect.note!r})"
    for key in ledger.doubled:
        yield f"an effect that may happen once has happened more often: {key}"
    done = [
        record.key
        for record in [entry.record for entry in entries]
        if isinstance(record, EffectRecorded | EffectSettled) and record.ok and getattr(record, "ran", True)
    ]
    for key in ledger.lost([key for key in done if key in intents and intents[key].tool in tools]):
        yield f"{intents[key].tool} is on record as a success, and never acted: {key}"


def _lost(entries: Collection[JournalEntry], commits: CommitLog) -> Iterator[str]:
    records, begun = {entry.seq: entry for entry in entries}, commits.begun
    for told in commits.acknowledged:
        if not told.first_seq:
            continue  # it had no records
        kept = [records[seq] for seq in range(told.first_seq, told.last_seq + 1) if seq in records]
        wanted = begun[told.op_id] if told.repeated else {told.records}
        if said(tuple([entry.record for entry in kept])) not in wanted:
            yield f"commit {told.op_id} was acknowledged, and entries {told.first_seq} to {told.last_seq} are not its"


def _claim_problems(commits: CommitLog, *, steady: bool) -> Iterator[str]:
    """Say where somebody got a card that somebody else had, unless that one had begun to give it back."""
    holds: dict[tuple[str, str], dict[int, Grant]] = {}  # by card and token: from the first grant to the last renewal
    for grant in commits.grants:
        tokens = holds.setdefault((grant.build, grant.card), {})
        known = tokens.setdefault(grant.token, grant)
        if known.owner != grant.owner:
            yield f"{grant.card}: token {grant.token} was given to {known.owner} and to {grant.owner}"
        tokens[grant.token] = evolve(known, now=min(known.now, grant.now), until=max(known.until, grant.until))
    if not steady:
        return
    released = commits.released
    for (_, card), tokens in holds.items():
        for earlier, later in pairwise([tokens[token] for token in sorted(tokens)]):
            if later.now < earlier.now:
                yield f"{card}: token {later.token} was granted before token {earlier.token}"
            given_back = released.get(earlier.claim, later.line) < later.line
            if later.owner != earlier.owner and later.now < earlier.until and not given_back:
                yield f"{card}: {later.owner} got it (token {later.token}) while {earlier.owner} had it"


async def _token_problems(store: Store, commits: CommitLog) -> list[str]:
    last: dict[tuple[str, str], int] = {}
    for grant in commits.grants:
        last[grant.build, grant.card] = max(last.get((grant.build, grant.card), 0), grant.token)
    problems = []
    for build in {build for build, _ in last}:
        tokens = {row.issue.id: row.token for row in await store.load_board(build)}
        problems += [
            f"{card}: token {token} was granted, and the record has {tokens.get(card)}"
            for (of, card), token in last.items()
            if of == build and tokens.get(card, 0) < token
        ]
    return problems
