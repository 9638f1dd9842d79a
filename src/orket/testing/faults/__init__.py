"""The record under fire: stores that fail, processes that die, and what to hold them to afterwards.

``FaultyStore``     the k-th call of a store fails                        in this process
``Killing``         a crew dies at every point, or at random moments      in processes of its own
``Oracle``          whether a record tells the truth                      after every case
``WitnessedStore``  who was told what, in a ``CommitLog``                 for the oracle
``Surroundings``    threads, tasks, files and children that are left      for the oracle's friends
"""

from orket.testing.faults._crew import chains_and_fans
from orket.testing.faults._faulty import FaultyStore, Outcome
from orket.testing.faults._front import FrontStore
from orket.testing.faults._kill import Killing, KillReport
from orket.testing.faults._leftovers import Surroundings
from orket.testing.faults._oracle import Oracle
from orket.testing.faults._witness import CommitLog, WitnessedStore

__all__ = [
    "CommitLog",
    "FaultyStore",
    "FrontStore",
    "KillReport",
    "Killing",
    "Oracle",
    "Outcome",
    "Surroundings",
    "WitnessedStore",
    "chains_and_fans",
]
