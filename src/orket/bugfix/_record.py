"""Where phases are kept: documents of a store, changed by compare-and-set.

A store has no compare-and-set for documents, but it applies a batch once for each ``op_id``. So the change of a phase
to version *n* has an ``op_id`` made of *n*: of two that want to be the same version the first is applied, and the
stamps that are read back say whose it was.
"""

from collections.abc import Callable
from typing import Final

from attrs import evolve

from orket._codec import codec
from orket.bugfix._phases import Change
from orket.bugfix._sequel import sequel_document
from orket.contracts import Batch, Bug, BugFixPhase, Clock, Document, Store

PHASES: Final = "bugfix"  # the last phase of a rock, and beside it the bugs of all its phases
OPEN: Final = "bugfix_open"  # one for each rock whose phase goes on
PLACE: Final = "bugfix"  # run and build of what is recorded of phases
_STAMPS: Final = 16  # further changes that may come between a commit and its reading back
_STATE: Final = "!"  # compares apart from every bug


class PhaseRecord:
    """The phases of a store, which its owner opens and closes."""

    def __init__(self, store: Store, clock: Clock, entropy: Callable[[int], bytes]) -> None:
        self._store = store
        self._clock = clock
        self._entropy = entropy

    async def load(self, rock: str, department: str) -> BugFixPhase | None:
        """Return the last phase of a rock, or None: one look at the store."""
        place = _place(rock, department)
        found = await self._store.find(PHASES, prefix=place)
        state = [one for one in found if one.key == place + _STATE]
        if not state:
            return None
        phase = codec().load(state[0].body, BugFixPhase)
        ours = f"{place}{phase.number}:"
        bugs = [codec().load(one.body, Bug) for one in found if one.key.startswith(ours)]
        return evolve(phase, bugs=tuple(sorted(bugs, key=lambda bug: (bug.found_at, bug.id))))

    async def open_places(self) -> list[tuple[str, str]]:
        """Return rock and department of every phase that goes on."""
        return [(one.body["rock"], one.body["department"]) for one in await self._store.find(OPEN)]

    async def swap(self, before: BugFixPhase | None, change: Change) -> BugFixPhase | None:
        """Apply a change of *before*, and return what it is then.

        Returns:
            None where somebody else has changed it meanwhile, and nothing was applied.

        Raises:
            StoreError: the change may be applied, or not.
        """
        version, stamp = (before.version if before else 0) + 1, self._entropy(8).hex()
        stamps = (*(before.stamps if before else ()), stamp)[-_STAMPS:]
        phase = evolve(change.phase, version=version, stamps=stamps)
        batch = Batch(
            op_id=f"{PLACE}:{_place(phase.rock, phase.department)}{version}",
            run=PLACE,
            build=PLACE,
            at=self._clock.now(),
            card=phase.rock,
            records=(change.record,),
            documents=tuple(_documents(before, phase, change)),
        )
        await self._store.commit(batch)
        now = await self.load(phase.rock, phase.department)
        return phase if now is not None and stamp in now.stamps else None


def _documents(before: BugFixPhase | None, phase: BugFixPhase, change: Change) -> list[Document]:
    place = _place(phase.rock, phase.department)
    documents = [Document(kind=PHASES, key=place + _STATE, body=codec().dump(evolve(phase, bugs=())))]
    if (bug := change.bug) is not None:
        documents.append(Document(kind=PHASES, key=f"{place}{phase.number}:{bug.id}", body=codec().dump(bug)))
    if phase.is_open is not (before is not None and before.is_open):
        body = {"rock": phase.rock, "department": phase.department} if phase.is_open else None
        documents.append(Document(kind=OPEN, key=place, body=body))
    if change.sequel is not None:
        documents.append(sequel_document(change.sequel))
    return documents


def _place(rock: str, department: str) -> str:
    """Return how keys of a rock begin; those of one are no beginning of another's, for names hold no slash."""
    return f"{department}/{rock}/"
