"""What a run writes of itself: that it has begun, which claims it renews, how it came to rest."""

from attrs import define, evolve

from orket._pipeline._order import known_run
from orket.contracts import CONTRACT_VERSION, Batch, Claim, Clock, Document, Receipt, RunRow, Store
from orket.events import Record, Resolution, RunOutcome, RunStarted


@define(kw_only=True, repr=False, eq=False)
class RunRecord:
    """The commits of a run that are about none of its cards; they are named after its id."""

    store: Store
    clock: Clock
    row: RunRow  # as it begins
    resolutions: tuple[Resolution, ...]

    async def begin(self, *documents: Document) -> Receipt:
        """Write that the run begins.

        Two that began a run of one id at the same moment would take each other's claims for their own.

        Raises:
            RunError: somebody else has begun it, now or before; nothing was written.
            StoreError: it could not be written.
        """
        row = self.row
        started = RunStarted(
            build=row.build,
            card=row.card,
            target=row.target,
            fingerprint=row.fingerprint,
            resolutions=self.resolutions,
            contract=CONTRACT_VERSION,
        )
        receipt = await self.commit("started", records=(started,), row=row, documents=documents)
        if receipt.repeated:
            raise known_run(row.id)
        return receipt

    def rested(self, outcome: RunOutcome, reason: str) -> RunRow:
        """Return the row of the run when it has come to rest, now."""
        return evolve(self.row, outcome=outcome, reason=reason, finished_at=self.clock.now())

    async def commit(
        self,
        what: str,
        *,
        records: tuple[Record, ...] = (),
        row: RunRow | None = None,
        claims: tuple[Claim, ...] = (),
        documents: tuple[Document, ...] = (),
    ) -> Receipt:
        """Write something of the run; *what* tells its commits apart."""
        return await self.store.commit(
            Batch(
                op_id=f"{self.row.id}::{what}",
                run=self.row.id,
                build=self.row.build,
                at=self.clock.now(),
                records=records,
                run_row=row,
                claims=claims,
                documents=documents,
            )
        )
