"""How many turns a run has on record, and whether others have written since it looked at what they did."""

from attrs import define

from orket.contracts import Receipt


@define(repr=False, eq=False)
class Tally:
    """Counts the records of a run's own commits: where the journal has grown by more, somebody else has written.

    ``turns`` are those that it has opened or taken up again, as its row in the record is charged for them.

    What others write after the run's last commit does not show. It is as if they had written when the run was over.
    """

    turns: int = 0
    _since: int = 0  # the last record when others were looked at
    _own: int = 0
    _last: int = 0

    def add(self, receipt: Receipt, turns: int) -> None:
        """Take over where a commit of the run went, and how many turns it was charged for."""
        self.turns += turns
        if receipt.first_seq:
            self._own += receipt.last_seq - receipt.first_seq + 1
            self._last = max(self._last, receipt.last_seq)

    def begin(self, receipt: Receipt) -> None:
        """Count from the run's first commit on."""
        self._since, self._own, self._last = receipt.last_seq, 0, receipt.last_seq

    def catch_up(self) -> bool:
        """Return whether others have written; from here on only what comes later counts."""
        is_behind = self._last - self._since > self._own
        self._since, self._own = self._last, 0
        return is_behind
