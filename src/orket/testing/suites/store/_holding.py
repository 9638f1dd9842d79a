"""Who may change a card: versions, claims, fencing tokens and releases."""

from typing import Final

from attrs import evolve
from hypothesis import strategies as st

from orket.cards import CardStatus
from orket.contracts import CardChange, Receipt, Release
from orket.errors import StoreConflictError, StoreError
from orket.testing._suite import rule
from orket.testing.suites.store._place import (
    CARD,
    StoreRules,
    added,
    at_once,
    batch,
    changed,
    claim,
    given_back,
    refusal,
    refused,
    row,
    taken,
)

_FEW: Final = 0.1
_ENDINGS: Final = st.lists(st.sampled_from(("released", "over", "taken again")), min_size=2, max_size=4)


class VersionRules(StoreRules):
    """Compare and set."""

    @rule("20")
    async def replaces_the_card(self) -> None:
        """A change that expects the card's version replaces the card, and the next one expects the next version."""
        async with self.opened() as store:
            await store.commit(added())
            for version in (1, 2):
                change = changed(version, status=CardStatus.DONE, requirements=f"{version}", labels=("a",) * version)
                await store.commit(batch(str(version), changes=(change,)))
                assert (await row(store)).issue == change.issue

    @rule("21", expected=st.sampled_from((4, 2, 1, 5, 9, 2**40)), share=0.1)
    async def refuses_another_version(self, expected: int) -> None:
        """A change that expects a version which the card does not have, be it older or newer, is a conflict."""
        async with self.opened() as store:
            await store.commit(added())
            for version in (1, 2):
                await store.commit(batch(str(version), changes=(changed(version),)))
            await refusal(store, batch("op", changes=(changed(expected, name="wrong"),)))
            assert (await row(store)).issue == evolve(CARD, version=3)

    @rule("22")
    async def adds_a_card_once(self) -> None:
        """Adding a card that exists is a conflict."""
        async with self.opened() as store:
            await store.commit(added())
            await refusal(store, batch("op", changes=(changed(0, name="Another"),)))

    @rule("23")
    async def refuses_to_change_what_is_not_there(self) -> None:
        """Changing a card that does not exist is a conflict."""
        async with self.opened() as store:
            await store.commit(added("I-2"))
            await refusal(store, batch("op", changes=(changed(1),)))

    @rule("24")
    async def says_what_it_found(self) -> None:
        """A conflict over a version names the card, the version expected and the version found."""
        async with self.opened() as store:
            await store.commit(added())
            conflict = await refusal(store, batch("op", changes=(changed(6),)))
        assert (conflict.card, conflict.data.get("expected"), conflict.data.get("found")) == ("I-1", 6, 1)

    @rule("25", carried=st.sampled_from((3, 1, 0, 7)), share=0.05)
    async def demands_the_next_version(self, carried: int) -> None:
        """A change whose card does not carry the version after the expected one is a StoreError."""
        async with self.opened() as store:
            await store.commit(added())
            wrong = CardChange(issue=evolve(CARD, version=carried), expected=1)
            with refused(StoreError):
                await store.commit(batch("op", changes=(wrong,)))

    @rule("26")
    async def lets_one_of_many_change(self) -> None:
        """Of changes that replace the same version at the same time exactly one is granted."""
        async with self.opened() as store:
            await store.commit(added())
            answers = await at_once(store, *[batch(str(n), changes=(changed(1, note=str(n)),)) for n in range(6)])
            (winner,) = [n for n, answer in answers.items() if isinstance(answer, Receipt)]
            assert (await row(store)).issue == evolve(CARD, version=2, note=str(winner))


class ClaimRules(StoreRules):
    """Claims, and the tokens that fence off who lost one."""

    @rule("27")
    async def shows_who_holds(self) -> None:
        """The board says who holds a card, until when, and with which token; of a free one that nobody did."""
        async with self.opened() as store:
            await store.commit(added("I-1", "I-2"))
            token = await taken(store, "take", "ann", until=4102444800.125)
            found, free = await row(store), await row(store, "I-2")
        assert (found.owner, found.until, found.token) == ("ann", 4102444800.125, token)
        assert (free.owner, free.until, free.token) == (None, 0.0, 0)

    @rule("28", now=st.sampled_from((10.0, 15.0, 19.0, 19.99)), share=0.05)
    async def keeps_others_out(self, now: float) -> None:
        """While a claim lives, nobody else is granted one."""
        async with self.opened() as store:
            await store.commit(added())
            await taken(store, "take", "ann")
            await refusal(store, batch("op", at=now, claims=(claim("bob", now=now, until=99.0),)))
            assert (await row(store)).owner == "ann"

    @rule("29", now=st.sampled_from((20.0, 20.5, 99.0)), share=0.05)
    async def ends_claims_in_time(self, now: float) -> None:
        """At its ``until`` a claim is over, and anybody may take the card."""
        async with self.opened() as store:
            await store.commit(added())
            await taken(store, "take", "ann")
            await taken(store, "over", "bob", now=now, until=now + 10)
            assert (await row(store)).owner == "bob"

    @rule("30")
    async def lets_the_holder_take_again(self) -> None:
        """Who holds a live claim may take the card once more."""
        async with self.opened() as store:
            await store.commit(added())
            await taken(store, "take", "ann")
            await taken(store, "again", "ann", now=11.0, until=99.0)
            assert (await row(store)).until == 99.0

    @rule("31", endings=_ENDINGS, share=_FEW)
    async def counts_tokens_up(self, endings: list[str]) -> None:
        """Each granted claim has a token one above the card's last, from 1, however the claim before it ended."""
        now = 10.0
        tokens: list[int] = []
        async with self.opened() as store:
            await store.commit(added())
            for n, ending in enumerate(["taken again", *endings]):
                owner = "ann" if ending == "taken again" else f"owner {n}"
                if ending == "over":
                    now += 20.0
                if ending == "released":
                    await store.commit(batch(f"free {n}", at=now, releases=given_back(tokens[-1])))
                elif ending == "taken again" and tokens:
                    owner = (await row(store)).owner or owner
                tokens.append(await taken(store, f"take {n}", owner, now=now, until=now + 10))
        assert tokens == list(range(1, len(endings) + 2))

    @rule("32")
    async def receipts_carry_all_tokens(self) -> None:
        """A receipt has the token of each claim of its batch, by card."""
        async with self.opened() as store:
            await store.commit(added("I-1", "I-2", "I-3"))
            await taken(store, "take", "ann")
            wishes = tuple([claim("ann", card=card, now=30.0, until=40.0) for card in ("I-1", "I-2")])
            receipt = await store.commit(batch("op", at=30.0, claims=wishes))
            found = {it.issue.id: it.token for it in await store.load_board("build")}
        assert dict(receipt.tokens) == {"I-1": found["I-1"], "I-2": found["I-2"]}

    @rule("33", now=st.sampled_from((12.0, 20.0)), until=st.sampled_from((30.0, 15.0, 20.25)), share=0.08)
    async def renews_claims(self, now: float, until: float) -> None:
        """A renewal moves the claim's end, keeps its token and its owner, also when the claim is over and nobody has
        taken the card.
        """
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann")
            assert await taken(store, "renew", "ann", now=now, until=until, token=token) == token
            found = await row(store)
        assert (found.owner, found.until, found.token) == ("ann", until, token)

    @rule("34")
    async def renews_only_the_last_token(self) -> None:
        """A token that is no longer the card's cannot renew, not even for the same owner; the card's token cannot for
        another one.
        """
        async with self.opened() as store:
            await store.commit(added())
            old = await taken(store, "take", "ann")
            last = await taken(store, "again", "ann")
            await refusal(store, batch("renew", claims=(claim("ann", token=old, until=99.0),)))
            await refusal(store, batch("steal", claims=(claim("bob", token=last, until=99.0),)))

    @rule("35")
    async def renews_nothing_given_back(self) -> None:
        """A claim that was given back cannot be renewed."""
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann")
            await store.commit(batch("free", releases=given_back(token)))
            await refusal(store, batch("renew", claims=(claim("ann", token=token, until=99.0),)))

    @rule("36", renewed=st.booleans(), share=0.04)
    async def rests_claims_on_a_version(self, renewed: bool) -> None:
        """A claim that names a version is granted only while the card has it, before the batch's own change."""
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann") if renewed else None
            for wrong in (0, 2, 9):
                await refusal(store, batch(f"op {wrong}", claims=(claim("ann", token=token, version=wrong),)))
            granted = await store.commit(
                batch("op", claims=(claim("ann", token=token, version=1),), changes=(changed(1, token or 1),))
            )
        assert set(granted.tokens) == {"I-1"}

    @rule("37")
    async def claims_only_what_is_there(self) -> None:
        """A claim on a card that is not on the build's board is a conflict."""
        async with self.opened() as store:
            await store.commit(added("I-1", build="elsewhere"))
            await refusal(store, batch("op", claims=(claim("ann"),)))

    @rule("38")
    async def grants_what_carries_the_token(self) -> None:
        """Who holds a claim may change the card with its token, as often as needed."""
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann")
            for version in (1, 2, 3):
                await store.commit(batch(str(version), at=12.0, changes=(changed(version, token),)))
            assert (await row(store)).issue.version == 4

    @rule("39", live=st.booleans(), share=0.04)
    async def fences_off_old_tokens(self, live: bool) -> None:
        """A change with a token that is no longer the card's is a conflict, even when nobody holds the card."""
        async with self.opened() as store:
            await store.commit(added())
            old = await taken(store, "take", "ann")
            new = await taken(store, "over", "bob", now=25.0, until=35.0)
            if not live:
                await store.commit(batch("free", at=26.0, releases=given_back(new)))
            await refusal(store, batch("late", at=27.0, changes=(changed(1, old),)))

    @rule("40", at=st.sampled_from((10.0, 19.0)), share=0.04)
    async def needs_a_token_while_a_claim_lives(self, at: float) -> None:
        """While a claim lives, a change without a token is a conflict."""
        async with self.opened() as store:
            await store.commit(added())
            await taken(store, "take", "ann")
            await refusal(store, batch("op", at=at, changes=(changed(1),)))

    @rule("41", released=st.booleans(), share=0.04)
    async def needs_no_token_afterwards(self, released: bool) -> None:
        """Once a claim is over or given back, a change without a token is granted."""
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann")
            if released:
                await store.commit(batch("free", releases=given_back(token)))
            await store.commit(batch("op", at=12.0 if released else 20.0, changes=(changed(1, name="Another"),)))
            assert (await row(store)).issue.version == 2

    @rule("42")
    async def lets_a_batch_rest_on_its_own_claim(self) -> None:
        """A batch may claim a card and change it, without knowing the token yet."""
        async with self.opened() as store:
            await store.commit(added())
            await store.commit(batch("op", changes=(changed(1, name="Another"),), claims=(claim("ann"),)))
            found = await row(store)
        assert (found.issue.version, found.owner) == (2, "ann")

    @rule("43")
    async def fits_a_turn_into_a_batch(self) -> None:
        """A batch may take a card, change it twice and give it back: claims come first, releases last."""
        async with self.opened() as store:
            await store.commit(added())
            parts = {"claims": (claim("ann"),), "changes": (changed(1, 1), changed(2, 1)), "releases": given_back(1)}
            await store.commit(batch("op", **parts))
            found = await row(store)
        assert (found.issue.version, found.owner) == (3, None)

    @rule("44")
    async def grants_one_of_many_claims(self) -> None:
        """Of claims by different owners at the same time exactly one is granted."""
        async with self.opened() as store:
            await store.commit(added())
            answers = await at_once(store, *[batch(str(n), claims=(claim(f"owner {n}"),)) for n in range(6)])
            (winner,) = [n for n, answer in answers.items() if isinstance(answer, Receipt)]
            assert (await row(store)).owner == f"owner {winner}"

    @rule("45")
    async def binds_claims_to_their_build(self) -> None:
        """A claim on a card of one build keeps nobody from the card of the same id in another."""
        async with self.opened() as store:
            await store.commit(added(op_id="one"))
            await store.commit(added(op_id="two", build="build-2"))
            await taken(store, "take", "ann")
            receipt = await store.commit(batch("op", build="build-2", claims=(claim("bob"),)))
        assert set(receipt.tokens) == {"I-1"}


class ReleaseRules(StoreRules):
    """Giving a claim back."""

    @rule("46")
    async def frees_at_once(self) -> None:
        """A card that was given back may be taken by anybody, however long the claim would have lived."""
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann", until=1e9)
            await store.commit(batch("free", releases=given_back(token)))
            await taken(store, "next", "bob")
            assert (await row(store)).owner == "bob"

    @rule("47")
    async def shows_that_nobody_holds(self) -> None:
        """Of a card that was given back the board says that nobody holds it, and which token was its last."""
        async with self.opened() as store:
            await store.commit(added())
            token = await taken(store, "take", "ann")
            await store.commit(batch("free", releases=given_back(token)))
            found = await row(store)
        assert (found.owner, found.until, found.token) == (None, 0.0, token)

    @rule("48", wrong=st.sampled_from((-1, 1, 5)), share=0.05)
    async def releases_only_with_the_token(self, wrong: int) -> None:
        """Giving back with a token that is not the card's is a conflict, and so it is where there is no card."""
        async with self.opened() as store:
            await store.commit(added())
            await taken(store, "take", "ann")
            token = await taken(store, "again", "ann")
            await refusal(store, batch("op", releases=given_back(token + wrong)))
            with refused(StoreConflictError):
                await store.commit(batch("missing", releases=(Release(card="I-9", token=0),)))
            assert (await row(store)).owner == "ann"
