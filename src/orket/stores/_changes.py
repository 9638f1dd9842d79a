"""What a batch did beside its records, as its row of the journal says it.

The column ``changes`` is a JSON object, without what there was none of::

    {"cards": [[id, version, owner, until, token, digest], ...],  as the batch left them; they change in no other way
     "tokens": {id: token},                                       of the claims that it was granted
     "documents": [[kind, key, digest], ...],                     null: deleted
     "run": [build, started_at, digest],                          the row of the batch's run, without its charges
     "spent": [turns, tokens]}                                    what that run was charged

A ``digest`` is the SHA-256 of a stored body (null for a card that only changed hands), and a time is spelt as Python
spells a float: JSON has no infinity. The chain covers all of it, so whoever follows the journal knows every row of the
other tables (``_account.py``).
"""

import hashlib
import json
from collections.abc import Mapping

from attrs import define

from orket._codec import quote, to_json
from orket.contracts import Receipt
from orket.stores._prepare import Prepared


@define(repr=False, eq=False)
class CardState:
    """A card as the rules see it. ``place`` is where it is stored (None: not yet); ``body`` None: as stored."""

    place: int | None = None
    version: int = 0
    owner: str | None = None
    until: float = 0.0
    token: int = 0
    body: str | None = None

    def copy(self) -> "CardState":
        """Return another one like this, whose body is the stored one."""
        return CardState(self.place, self.version, self.owner, self.until, self.token)


def body_digest(body: str) -> str:
    """Return the digest by which a body stands in the journal."""
    return hashlib.sha256(body.encode()).hexdigest()


def say(batch: Prepared, cards: Mapping[str, CardState], tokens: Mapping[str, int]) -> str:
    """Return what a batch does beside its records: the states of *cards* after it, and the rest as it asked."""
    said: list[str] = []
    if cards:
        said.append(f'"cards":[{",".join([_state(card, it) for card, it in cards.items()])}]')
    if tokens:
        said.append(f'"tokens":{to_json(tokens)}')
    if batch.documents:
        documents = [[kind, key, None if body is None else body_digest(body)] for kind, key, body in batch.documents]
        said.append(f'"documents":{to_json(documents)}')
    if (row := batch.run_row) is not None:
        said.append(f'"run":{to_json([row.build, repr(row.started_at), body_digest(row.body)])}')
    if batch.turns or batch.tokens:
        said.append(f'"spent":[{batch.turns},{batch.tokens}]')
    return f"{{{','.join(said)}}}"


def _state(card: str, it: CardState) -> str:
    """Return a card's state as JSON; written out, because every commit has one."""
    owner = "null" if it.owner is None else quote(it.owner)
    digest = "null" if it.body is None else f'"{body_digest(it.body)}"'
    return f'[{quote(card)},{it.version},{owner},"{it.until!r}",{it.token},{digest}]'


def receipt(first_seq: int, last_seq: int, changes: str) -> Receipt:
    """Return what the batch of a row was answered.

    Raises:
        ValueError: *changes* is not what was written.
    """
    match json.loads(changes):
        case {"tokens": dict(tokens)}:
            pass
        case dict():
            tokens = {}
        case _:
            raise ValueError(f"the changes of record {first_seq} are no object; verify() the store")
    if last_seq < first_seq:
        first_seq = last_seq = 0
    return Receipt(first_seq=first_seq, last_seq=last_seq, tokens=tokens)
