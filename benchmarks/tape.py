"""What a store writes to SQLite, statement by statement, caught where it leaves Python: at ``sqlite3.Connection``.

Nothing of orket is changed or known here, so any way of writing is recorded alike: the statements, their rows, and
which of them share a transaction.
"""

import pickle
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeAlias

from attrs import define, field

Statement: TypeAlias = tuple[str, list[Any]]  # SQL, rows
Step: TypeAlias = list[Statement] | str  # a transaction, or what ran between two of them
_WRITES: Final = ("INSERT", "UPDATE", "DELETE", "REPLACE")


@define(eq=False)
class Tape:
    """What one run wrote."""

    steps: list[Step] = field(factory=list)
    _open: list[Statement] | None = field(default=None, init=False)

    @property
    def transactions(self) -> int:
        """How many transactions wrote something."""
        return sum(not isinstance(step, str) for step in self.steps)

    def note(self, sql: str, rows: list[Any]) -> None:
        """Take down one statement."""
        verb = sql.lstrip()[:20].upper()
        if verb.startswith("BEGIN"):
            self._open = []
        elif verb.startswith(("COMMIT", "END")) and self._open is not None:
            if self._open:
                self.steps.append(self._open)
            self._open = None
        elif verb.startswith("ROLLBACK"):
            self._open = None
        elif self._open is not None and verb.startswith(_WRITES):
            self._open.append((sql, rows))
        elif verb.startswith("PRAGMA WAL_CHECKPOI"):
            self.steps.append(sql)

    def save(self, path: Path) -> None:
        """Write the tape to a file, as plain values."""
        plain = [
            step if isinstance(step, str) else [(sql, [tuple(row) for row in rows]) for sql, rows in step]
            for step in self.steps
        ]
        path.write_bytes(pickle.dumps(plain))


def load(path: Path) -> list[Step]:
    """Return the steps of a tape."""
    steps: list[Step] = pickle.loads(path.read_bytes())
    return steps


def listen(tape: Tape) -> None:
    """Note on *tape* whatever this process writes from now on through connections that it opens."""

    class Connection(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
            tape.note(sql, [parameters])
            return super().execute(sql, parameters)

        def executemany(self, sql: str, parameters: Iterable[Any], /) -> sqlite3.Cursor:
            rows = list(parameters)
            tape.note(sql, rows)
            return super().executemany(sql, rows)

    plain = sqlite3.connect

    def connect(database: Any, *args: Any, uri: bool = False, **options: Any) -> Any:
        if uri:  # connections that only read
            return plain(database, *args, uri=uri, **options)
        return plain(database, *args, factory=Connection, **options)

    sqlite3.connect = connect
