"""From stored cards to rows: those that cannot be read are all named, not only the first."""

from attrs import define, field

from orket._codec import codec
from orket.contracts import CardRow
from orket.errors import StoreVersionError


@define(repr=False, eq=False)
class CardReader:
    """Reads the cards of a build, one after the other."""

    build: str
    _rows: list[CardRow] = field(factory=list, init=False)
    _faults: dict[str, StoreVersionError] = field(factory=dict, init=False)

    def read(self, card: str, body: str, owner: str | None, until: float, token: int) -> None:
        """Read one more card.

        Raises:
            ValueError: its text is not JSON.
        """
        try:
            self._rows.append(CardRow(issue=codec().load_issue(body), owner=owner, until=until, token=token))
        except StoreVersionError as error:
            self._faults[card] = error

    def finish(self) -> tuple[CardRow, ...]:
        """Return the rows.

        Raises:
            StoreVersionError: cards were written by an orket that this one does not know; ``cards`` says of each why.
        """
        if not self._faults:
            return tuple(self._rows)
        first = next(iter(self._faults.values()))
        cards = {card: error.message for card, error in self._faults.items()}
        listed = "; ".join([f"card {card!r}: {why}" for card, why in cards.items()])
        raise StoreVersionError(
            f"build {self.build}: {listed}", build=self.build, cards=cards, found=first.found, known=first.known
        )
