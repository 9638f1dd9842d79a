"""Where sandboxes are kept: documents of the store, changed by compare-and-set, each change with a record.

A store has no compare-and-set for documents, but it applies a batch once for each ``op_id``: of two changes that want
to be version *n* of a sandbox the first is applied, and the stamps that are read back say whose it was.
"""

from collections.abc import Callable, Mapping
from typing import Final

from attrs import evolve

from orket._codec import codec
from orket.contracts import Batch, Clock, Document, Store
from orket.events import SandboxMoved
from orket.sandbox._states import Sandbox

SANDBOXES: Final = "sandbox"
OWNER: Final = "sandbox_owner"  # one document: who the labels say that containers belong to
REQUESTS: Final = "sandbox_requests"  # one document: up to which entry the journal's requests were seen to
PLACE: Final = "sandbox"  # run and build of what is recorded here
_STAMPS: Final = 16  # further changes that may come between a commit and its reading back


class SandboxRecord:
    """The sandboxes of a store, which its owner opens and closes."""

    def __init__(self, store: Store, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self.store = store
        self._clock = clock
        self._entropy = entropy

    async def owner(self) -> str:
        """Return the identity of this store, made when it is first asked for."""
        while not (found := await self.store.find(OWNER)):
            identity = Document(kind=OWNER, key="owner", body=self._entropy(8).hex())
            await self._commit("sandbox:owner", identity)
        return str(found[0].body)

    async def load(self, sandbox: str) -> Sandbox | None:
        """Return a sandbox, also one that was deleted; None where there never was one."""
        found = [one for one in await self.store.find(SANDBOXES, prefix=sandbox) if one.key == sandbox]
        return codec().load(found[0].body, Sandbox) if found else None

    async def all(self) -> list[Sandbox]:
        """Return all sandboxes, the deleted ones too, in the order of their ids."""
        return [codec().load(document.body, Sandbox) for document in await self.store.find(SANDBOXES)]

    async def swap(self, before: Sandbox | None, after: Sandbox) -> Sandbox | None:
        """Write a change of *before*, and return what is then on record.

        Returns:
            None where somebody else has changed it meanwhile, and nothing was written.

        Raises:
            StoreError: the change may be on record, or not.
        """
        version, stamp = (before.version if before else 0) + 1, self._entropy(8).hex()
        after = evolve(after, version=version, stamps=(*(before.stamps if before else ()), stamp)[-_STAMPS:])
        moved = SandboxMoved(
            sandbox=after.id,
            before=before.state.value if before else "",
            after=after.state.value,
            reason=after.detail,
            version=version,
        )
        document = Document(kind=SANDBOXES, key=after.id, body=codec().dump(after))
        await self._commit(f"sandbox:{after.id}:{version}", document, moved)
        now = await self.load(after.id)
        return after if now is not None and stamp in now.stamps else None

    async def seen(self) -> int:
        """Return up to which entry of the journal the requests were seen to."""
        match await self.store.find(REQUESTS):
            case [Document(body={"seq": int() as seq})]:
                return seq
            case _:
                return 0

    async def see(self, seq: int, failed: Mapping[str, str]) -> None:
        """Note up to which entry of the journal the requests were seen to, and by card what could not be built.

        Where somebody else has seen to later ones meanwhile, that stays on record.
        """
        if seq <= await self.seen():
            return
        document = Document(kind=REQUESTS, key="seen", body={"seq": seq, "failed": dict(failed)})
        await self._commit(f"sandbox:requests:{seq}", document)

    async def _commit(self, op_id: str, document: Document, *records: SandboxMoved) -> None:
        batch = Batch(
            op_id=op_id,
            run=PLACE,
            build=PLACE,
            at=self._clock.now(),
            card=document.key if records else None,
            records=records,
            documents=(document,),
        )
        await self.store.commit(batch)
