"""Where the record is kept: in memory, or in an SQLite file.

Both speak :class:`orket.contracts.Store`, refuse the same batches and chain the same hashes::

    prepare        caller's side: a batch becomes text and bytes, or a typed refusal   _prepare.py
    fold           batches, one after the other, over what is stored: the rules        _ledger.py
    chain          the hash of a journal row, and the check of it                      _journal.py
    keep           dicts (memory.py), or one transaction for a group of batches:
                   queue and thread (_writer.py), async face (_threaded.py),
                   SQL (_database.py, _readers.py), schema (_migrate.py, migrations/)  sqlite.py
    back up        one moment of the file, copied while it is written, and verified    _backup.py

Importing this package does not import ``sqlite3``; opening an :class:`SQLiteStore` does.
"""

from orket.stores.memory import MemoryStore
from orket.stores.sqlite import Durability, SQLiteStore

__all__ = ["Durability", "MemoryStore", "SQLiteStore"]
