"""Both stores against a small model, written on its own from the words of the contract."""

import tempfile
from pathlib import Path

import hypothesis.strategies as st
from anyio.from_thread import start_blocking_portal
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from orket.contracts import Batch, CardChange, Claim, Document, Issue, Receipt, Release, RunRow
from orket.errors import StoreConflictError
from orket.events import CommentAdded
from orket.stores import MemoryStore, SQLiteStore

CARDS = ("a", "b", "c")
BUILDS = ("x", "y")
OWNERS = ("ann", "bob")


class RefusedError(Exception):
    """The model refuses."""


class Model:
    """What a store must answer, told with plain dicts."""

    def __init__(self) -> None:
        self.now = 0.0
        self.receipts: dict[str, Receipt] = {}
        self.records: list[tuple[str, str, str | None, str]] = []  # run, build, card, text
        self.cards: dict[str, dict[str, dict]] = {build: {} for build in BUILDS}
        self.documents: dict[tuple[str, str], object] = {}
        self.charges: dict[str, tuple[int, int]] = {}

    def commit(self, batch: Batch) -> Receipt:
        if batch.op_id in self.receipts:
            return self.receipts[batch.op_id]
        board = {card: dict(row) for card, row in self.cards[batch.build].items()}
        tokens = {claim.card: self.claim(board, claim) for claim in batch.claims}
        for change in batch.changes:
            self.change(board, change, batch.at, change.issue.id in tokens)
        for release in batch.releases:
            row = board.get(release.card)
            if row is None or row["token"] != release.token:
                raise RefusedError
            row["owner"], row["until"] = None, 0.0
        self.cards[batch.build] = board
        first = len(self.records) + 1
        self.records += [(batch.run, batch.build, batch.card, record.text) for record in batch.records]
        for document in batch.documents:
            self.documents[document.kind, document.key] = document.body
        turns, spent = self.charges.get(batch.run, (0, 0))
        self.charges[batch.run] = (turns + batch.turns, spent + batch.tokens)
        span = (first, len(self.records)) if batch.records else (0, 0)
        self.receipts[batch.op_id] = Receipt(first_seq=span[0], last_seq=span[1], tokens=tokens)
        return self.receipts[batch.op_id]

    @staticmethod
    def claim(board: dict[str, dict], claim: Claim) -> int:
        row = board.get(claim.card)
        if row is None:
            raise RefusedError
        live = row["owner"] is not None and claim.now < row["until"]
        if claim.token is None and live and row["owner"] != claim.owner:
            raise RefusedError
        if claim.token is not None and (row["token"], row["owner"]) != (claim.token, claim.owner):
            raise RefusedError
        row["token"] += claim.token is None
        row["owner"], row["until"] = claim.owner, claim.until
        return row["token"]

    @staticmethod
    def change(board: dict[str, dict], change: CardChange, at: float, claimed: bool) -> None:
        row = board.get(change.issue.id)
        if row is None:
            if change.expected or change.token is not None:
                raise RefusedError
            row = board[change.issue.id] = {"owner": None, "until": 0.0, "token": 0}
        elif row["issue"].version != change.expected:
            raise RefusedError
        elif change.token is None:
            if row["owner"] is not None and at < row["until"] and not claimed:
                raise RefusedError
        elif change.token != row["token"]:
            raise RefusedError
        row["issue"] = change.issue


def near(token: int, off: int | None) -> int | None:
    return None if off is None else token + off


def often(usual: object, *rarely: object) -> st.SearchStrategy:
    """Return mostly the usual, so that most batches are granted and the store gets somewhere."""
    return st.sampled_from([usual] * 6 + list(rarely))


CARD = st.sampled_from(CARDS)
CLAIMS = st.tuples(CARD, st.sampled_from(OWNERS), st.integers(1, 3), st.sampled_from([None, None, 0, 1]))
CHANGES = st.tuples(CARD, often(0, 1, -1), often(0, None, None, 1, -1), st.text(max_size=3))
RELEASES = st.tuples(CARD, often(0, 1, -1))
DOCUMENTS = st.tuples(st.sampled_from("kl"), st.text("ab", max_size=2), st.none() | st.integers() | st.text(max_size=3))


class StoreMachine(RuleBasedStateMachine):
    """Give the same batches to the model and to a store, and compare all that can be read."""

    backend = "asyncio"

    @initialize(durable=st.booleans())
    def begin(self, durable: bool) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.portal_context = start_blocking_portal(self.backend)
        self.portal = self.portal_context.__enter__()
        path = Path(self.folder.name, "s")
        self.store = SQLiteStore(path, durability="process") if durable else MemoryStore()
        self.model = Model()
        self.portal.call(self.store.open)
        for card in CARDS[:2]:
            for build in BUILDS:
                self.commit(f"{card}{build}", 0.0, "r", build, [], [], [(card, 0, None, "")], [], [], 0)

    def teardown(self) -> None:
        if hasattr(self, "portal"):
            self.portal.call(self.store.aclose)
            self.portal_context.__exit__(None, None, None)
            self.folder.cleanup()

    @rule(
        op=st.integers(0, 200),
        later=st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0]),
        run=st.sampled_from(["r", "s"]),
        build=st.sampled_from(BUILDS),
        texts=st.lists(st.text(max_size=3), max_size=3),
        claims=st.lists(CLAIMS, max_size=1),
        changes=st.lists(CHANGES, max_size=2),
        releases=st.lists(RELEASES, max_size=1),
        documents=st.lists(DOCUMENTS, max_size=2),
        charge=st.integers(0, 3),
    )
    def commit(self, op, later, run, build, texts, claims, changes, releases, documents, charge) -> None:
        self.model.now += later
        now, board = self.model.now, self.model.cards[build]
        versions = {card: board[card]["issue"].version if card in board else 0 for card in CARDS}
        tokens = {card: board[card]["token"] if card in board else 0 for card in CARDS}
        takes = {claim[0] for claim in claims if claim[3] is None}
        after = {card: tokens[card] + (card in takes) for card in CARDS}
        batch = Batch(
            op_id=f"op{op}",
            run=run,
            build=build,
            at=now,
            card=claims[0][0] if claims else None,
            records=tuple(CommentAdded(author="ann", text=text) for text in texts),
            claims=tuple(
                Claim(card=c, owner=o, now=now, until=now + d, token=near(tokens[c], t)) for c, o, d, t in claims
            ),
            changes=tuple(self.changed(versions, after, *change) for change in changes),
            releases=tuple(Release(card=card, token=after[card] + off) for card, off in releases),
            documents=tuple(Document(kind=kind, key=key, body=body) for kind, key, body in documents),
            run_row=RunRow(id=run, build=build, card="c", started_at=1.0, fingerprint="f") if charge == 3 else None,
            turns=charge,
            tokens=charge * 2,
        )
        try:
            expected = self.model.commit(batch)
        except RefusedError:
            expected = None
        try:
            found = self.portal.call(self.store.commit, batch)
        except StoreConflictError:
            found = None
        assert found == expected

    @staticmethod
    def changed(
        versions: dict[str, int], tokens: dict[str, int], card: str, off: int, token: int | None, note: str
    ) -> CardChange:
        expected = max(0, versions[card] + off)
        if versions[card] == 0:
            token = None  # nobody can hold what is not there
        versions[card] = expected + 1  # a second change of the card in this batch builds on the first
        issue = Issue(id=card, name="n", seat="s", note=note, version=expected + 1)
        return CardChange(issue=issue, expected=expected, token=near(tokens[card], token))

    @rule()
    def reopen(self) -> None:
        self.portal.call(self.store.aclose)
        self.portal.call(self.store.open)

    @rule(since=st.integers(0, 30), card=st.none() | st.sampled_from(CARDS))
    def read(self, since: int, card: str | None) -> None:
        found = self.portal.call(self.collect, since, card)
        told = enumerate(self.model.records, 1)
        assert found == [(seq, *told) for seq, told in told if seq > since and card in (None, told[2])]
        assert self.portal.call(self.store.verify).records == len(self.model.records)

    async def collect(self, since: int, card: str | None) -> list[tuple]:
        events = self.store.events(since, card=card)
        return [(e.seq, e.run, e.build, e.card, e.record.text) async for e in events]

    @invariant()
    def all_is_as_the_model_says(self) -> None:
        if not hasattr(self, "portal"):
            return
        for build in BUILDS:
            board = self.portal.call(self.store.load_board, build)
            rows = self.model.cards[build].values()
            assert [(r.issue, r.owner, r.until, r.token) for r in board] == [
                (row["issue"], row["owner"], row["until"], row["token"]) for row in rows
            ]
        assert self.portal.call(self.store.last_seq) == len(self.model.records)
        for run in self.portal.call(self.store.runs):
            assert (run.turns, run.tokens) == self.model.charges[run.id]
        for kind in "kl":
            stored = {d.key: d.body for d in self.portal.call(self.store.find, kind)}
            told = {key: body for (of, key), body in self.model.documents.items() if of == kind and body is not None}
            assert (stored, list(stored)) == (told, sorted(told))


class TrioStoreMachine(StoreMachine):
    """The same on trio."""

    backend = "trio"


for machine in (StoreMachine, TrioStoreMachine):
    machine.TestCase.settings = settings(max_examples=15, stateful_step_count=40)

TestOnAsyncio = StoreMachine.TestCase
TestOnTrio = TrioStoreMachine.TestCase
