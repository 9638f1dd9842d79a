"""What the tables beside the journal must hold: what its rows say of them, added up."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from attrs import define, field

from orket.errors import JournalError
from orket.stores._changes import body_digest
from orket.stores._journal import JournalRow, Link, follow

Rows: TypeAlias = dict[tuple[Any, ...], tuple[Any, ...]]  # primary key -> the other columns, a body as its digest
BODIES: Final = frozenset({"card", "document", "run"})  # tables with a body


def _tables() -> dict[str, Rows]:
    return {"card": {}, "run": {}, "charge": {}, "document": {}}


@define(repr=False, eq=False)
class Account:
    """The rows of every table that the journal accounts for, as far as it was followed."""

    link: Link = field(factory=Link)
    tables: dict[str, Rows] = field(factory=_tables)

    def follow(self, rows: Sequence[JournalRow]) -> None:
        """Follow the chain over some more rows.

        Raises:
            JournalError: naming the first record that does not hold.
        """
        self.link = follow(self.link, rows)
        for row in rows:
            self._add(row, json.loads(row.changes))

    def _add(self, row: JournalRow, changes: Mapping[str, Any]) -> None:
        cards, runs, charges, documents = self.tables.values()
        for card, version, owner, until, token, digest in changes.get("cards", ()):
            known = cards.get((row.build, card), (len(cards) + 1,))
            cards[row.build, card] = (known[0], version, owner, until, token, digest or known[-1])
        if "run" in changes:
            place = runs.get((row.run,), (len(runs) + 1,))[0]
            runs[row.run,] = (place, *changes["run"])
        if "spent" in changes:
            before, spent = charges.get((row.run,), (0, 0)), changes["spent"]
            charges[row.run,] = (before[0] + spent[0], before[1] + spent[1])
        for kind, key, digest in changes.get("documents", ()):
            documents.pop((kind, key), None)
            if digest is not None:
                documents[kind, key] = (digest,)

    def compare(self, table: str, keys: int, rows: Iterable[tuple[Any, ...]]) -> None:
        """Check that a table has the rows that the journal says, and no others.

        Args:
            table: its name.
            keys: how many columns its primary key has; they come first.
            rows: all of them; a column that is a body comes last.

        Raises:
            JournalError: naming a row that was changed, deleted, moved or added.
        """
        missing = dict(self.tables[table])
        for row in rows:
            cells = [repr(cell) if type(cell) is float else cell for cell in row[keys:]]
            if table in BODIES:
                cells[-1] = body_digest(cells[-1])
            if missing.pop(row[:keys], None) != tuple(cells):
                raise _broken(table, row[:keys], "it was changed, moved or added")
        for key in missing:
            raise _broken(table, key, "it was deleted")


def _broken(table: str, key: tuple[Any, ...], why: str) -> JournalError:
    named = ", ".join([repr(part)[:80] for part in key])
    return JournalError(f"table {table}: the row of {named} is not what the journal says: {why}", seq=0, table=table)
