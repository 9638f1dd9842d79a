"""Power cuts: what a disk may hold when the power fails, and a store whose every write is known.

``Disk``            a log of all that was done to the files of a folder, and the images that a cut may leave   disk.py
``RecordingVFS``    SQLite's own access to files, and a line in that log for each write, sync and deletion     vfs.py
``Connection``      a connection of apsw's SQLite, which can have such a VFS, as sqlite3 has it          connection.py
``RecordedStore``   the SQLite store on both, and the crew that works on it                                    crew.py

They are no part of ``orket.testing``: they see the disk below SQLite, so they serve stores that lie on the same private
parts as orket's. Whoever writes another store has the rules of ``StoreContract``, ``FaultyStore``, ``Killing`` and
``Oracle``.
"""

from power.connection import dial
from power.crew import Image, RecordedStore, Recording, record
from power.disk import Disk
from power.vfs import RecordingVFS

__all__ = ["Disk", "Image", "RecordedStore", "Recording", "RecordingVFS", "dial", "record"]
