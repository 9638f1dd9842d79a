"""The record under fire: stores that fail, processes that die, and what to hold them to afterwards.

``FaultyStore``     the k-th call of a store fails                        in this process
``cancel_everywhere``  a story is cancelled at every step          on an event loop of its own
``Killing``         a crew dies at every point, or at random moments      in processes of its own
``Sharing``         several orchestrators on one record; some stop, some die   in one process, or in several
``Oracle``          whether a record tells the truth                      after every case
``WitnessedStore``  who was told what, in a ``CommitLog``                 for the oracle
``Surroundings``    threads, tasks, files and children that are left      for the oracle's friends
"""

from orket.testing.faults._cancel import CancelReport, cancel_everywhere
from orket.testing.faults._crew import chains_and_fans
from orket.testing.faults._faulty import FaultyStore, Outcome
from orket.testing.faults._front import FrontStore
from orket.testing.faults._hosts import Act, Host, as_task, in_scope, out_of_time, signalled
from orket.testing.faults._kill import Killing, KillReport
from orket.testing.faults._leftovers import Surroundings
from orket.testing.faults._oracle import Oracle
from orket.testing.faults._pulse import Pulse
from orket.testing.faults._sharing import Sharing, SharingReport
from orket.testing.faults._witness import CommitLog, WitnessedStore

__all__ = [
    "Act",
    "CancelReport",
    "CommitLog",
    "FaultyStore",
    "FrontStore",
    "Host",
    "KillReport",
    "Killing",
    "Oracle",
    "Outcome",
    "Pulse",
    "Sharing",
    "SharingReport",
    "Surroundings",
    "WitnessedStore",
    "as_task",
    "cancel_everywhere",
    "chains_and_fans",
    "in_scope",
    "out_of_time",
    "signalled",
]
