"""What a store owes."""

from orket.testing.suites.store._batching import AtomicRules, OnceRules
from orket.testing.suites.store._following import ChainRules, EventRules, WaitRules
from orket.testing.suites.store._holding import ClaimRules, ReleaseRules, VersionRules
from orket.testing.suites.store._keeping import IsolationRules, OrderRules, RoundTripRules
from orket.testing.suites.store._lasting import CancellationRules, ClosingRules, ReopeningRules, SharingRules
from orket.testing.suites.store._place import Tampering
from orket.testing.suites.store._serving import DocumentRules, PayloadRules, RunRules


class StoreContract(
    RoundTripRules,
    OrderRules,
    IsolationRules,
    VersionRules,
    ClaimRules,
    ReleaseRules,
    AtomicRules,
    OnceRules,
    DocumentRules,
    PayloadRules,
    RunRules,
    EventRules,
    WaitRules,
    ChainRules,
    ReopeningRules,
    SharingRules,
    CancellationRules,
    ClosingRules,
):
    """The rules of stores.

    A subclass defines :meth:`make_store`::

        class TestMyStore(StoreContract):
            def make_store(self, folder):
                return MyStore(folder / "record")

    Every example has a fresh folder. A store that waits for a disk at each commit tries fewer examples with
    ``settings = hypothesis.settings(max_examples=20)``.

    Attributes:
        durable: What was committed is there when another store is opened on the same folder, after all were closed.
        shared: Several stores may be open on the same folder at once.
        tamperable: The suite defines :meth:`tamper`, so that it can be seen whether ``verify()`` finds what was changed
            behind the store's back.
        patience: Seconds after which somebody who waits counts as forgotten.
    """


__all__ = ["StoreContract", "Tampering"]
