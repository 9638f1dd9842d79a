"""Whatever is an orphan, and wherever a reconciliation is broken off: in the end each is taken in once."""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from orphans import alone, epic, rock
from small_world import diligent, issue, open_world, organization, write_json

import orket
from orket.contracts import Batch, CardRow, Document, Receipt
from orket.errors import StoreError
from orket.events import CardAdopted
from orket.portfolio import Portfolio, Reconciliation
from orket.stores import MemoryStore, SQLiteStore

NAMES = "pqrs"


@st.composite
def worlds(draw: st.DrawFn) -> Mapping[str, object]:
    """Draw which epics exist, which of them rocks list, which are gone after a run, and what stands alone."""
    epics = draw(st.lists(st.sampled_from(NAMES), unique=True))
    return {
        "epics": epics,
        "listed": draw(st.lists(st.sampled_from(epics), unique=True)) if epics else [],
        "gone": draw(st.lists(st.sampled_from(epics), unique=True)) if epics else [],
        "alone": draw(
            st.dictionaries(
                st.sampled_from("uvwx"),
                st.tuples(st.lists(st.sampled_from("uvwx"), max_size=2, unique=True), st.sampled_from("uvwx")),
            )
        ),
        "shelters": draw(st.lists(st.sampled_from(["run_the_business", "unplanned_support"]), unique=True)),
        "actors": draw(st.sampled_from([("ann",), ("ann", "bob")])),
    }


def build(root: Path, world: Mapping[str, object]) -> None:
    organization(root, [], epic="base")
    for name in world["epics"]:
        epic(root, name, issue(f"{name}1"), issue(f"{name}2", f"{name}1"))
    rock(root, "goal", "base", *world["listed"])
    for name, (needs, known_as) in world["alone"].items():
        alone(root, name, *needs, id=known_as)
    if "run_the_business" in world["shelters"]:
        rock(root, "run_the_business")
    if "unplanned_support" in world["shelters"]:
        epic(root, "unplanned_support", issue("own"))


def orphans(seen: Portfolio) -> list[str]:
    unfinished = [one for one in seen.orphan_issues if not one.issue.status.is_terminal]
    return sorted([*(one.name for one in seen.orphan_epics), *(one.issue.id for one in unfinished)])


async def live(root: Path, world: Mapping[str, object]) -> None:
    build(root, world)
    store = root / "record.db"
    async with (
        open_world(root, lambda _request: "", store=store) as one,
        open_world(root, diligent, store=store) as two,
    ):
        for name in world["gone"]:
            await one.run_epic(name)
            (root / "model" / "core" / "epics" / f"{name}.json").unlink()
        crews = dict(zip(("ann", "bob"), (one, two), strict=True))
        async with anyio.create_task_group() as group:
            for actor in world["actors"]:
                group.start_soon(lambda actor=actor: crews[actor].reconcile(actor=actor))
        records = [it.record async for it in one.history() if isinstance(it.record, CardAdopted)]
        assert set(Counter((it.type, it.name, it.department) for it in records).values()) <= {1}
        again = await two.reconcile(actor="bob")
        assert again.adopted == ()
        assert (await one.reconcile(actor="ann")) == again
        await look_around(one, again)
        for home in (await one.portfolio()).rocks:
            if home.name == "run_the_business":
                assert (await two.run_rock("run_the_business")).cards == home.progress.total
        await two.store.verify()
        assert (await orket.replay(two.store)).disagreement is None


async def look_around(crew: orket.Orchestrator, done: Reconciliation) -> None:
    """Every card stands at one place, and who is still an orphan was left with a reason."""
    seen = await crew.portfolio()
    assert len(orphans(seen)) <= len(done.left)
    places = Counter((it.build, it.issue.id) for it in seen.issues() if it.build is not None)
    assert set(places.values()) <= {1}


@settings(max_examples=25)
@given(worlds(), st.sampled_from(["asyncio", "trio"]))
def test_reconciling_is_idempotent(world: Mapping[str, object], backend: str) -> None:
    """One or two at once take in each orphan once; after that nobody has anything to do, and what is left says why."""
    with TemporaryDirectory() as folder:
        anyio.run(live, Path(folder), world, backend=backend)


class Breaking(MemoryStore):
    """A store that fails once, at the commit of this number, before or after it has applied it."""

    def __init__(self, number: int, *, after: bool) -> None:
        super().__init__()
        self.left, self._after = number, after

    async def commit(self, batch: Batch, /) -> Receipt:
        if not batch.op_id.startswith("reconcile:"):
            return await super().commit(batch)
        self.left -= 1
        if self.left == 0 and not self._after:
            raise StoreError("power is out")
        receipt = await super().commit(batch)
        if self.left == 0:
            raise StoreError("power is out")
        return receipt


@pytest.mark.anyio
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("number", range(1, 7))
async def test_a_reconciliation_that_was_broken_off_is_completed(tmp_path: Path, number: int, *, after: bool) -> None:
    """Wherever the record fails, the next call completes what was begun, and doubles nothing."""
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    epic(root, "loose", issue("l"))
    alone(root, "one")
    write_json(root / "model" / "core" / "rocks" / "goal.json", {"name": "goal", "epics": [{"epic": "launch"}]})
    async with open_world(root, lambda _request: "", store=Breaking(number, after=after)) as crew:
        await crew.run_epic("launch")
        (root / "model" / "core" / "epics" / "launch.json").unlink()
        with pytest.raises(StoreError, match="power is out"):
            await crew.reconcile(actor="ann")
        await crew.reconcile(actor="ann")
        names = [it.record.name async for it in crew.history() if isinstance(it.record, CardAdopted)]
        assert sorted(names) == [
            "a@build-launch",
            "b@build-launch",
            "loose",
            "one",
            "run_the_business",
            "unplanned_support",
        ]
        assert orphans(await crew.portfolio()) == []
        await crew.store.verify()
        assert (await orket.replay(crew.store)).disagreement is None


class Overtaken(SQLiteStore):
    """A store that lets somebody else act at its call of this number that reads adoptions or a board."""

    number = 0
    act: Callable[[], Awaitable[object]] | None = None

    async def _let_others(self) -> None:
        self.number -= 1
        if self.number == 0 and self.act is not None:
            await self.act()

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        await self._let_others()
        return await super().find(kind, prefix=prefix)

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        await self._let_others()
        return await super().load_board(build)


@pytest.mark.anyio
@pytest.mark.parametrize("runs", [False, True])
@pytest.mark.parametrize("number", range(1, 9))
async def test_who_is_overtaken_takes_in_nothing_twice(tmp_path: Path, number: int, *, runs: bool) -> None:
    """Another orchestrator reconciles, and runs what it has taken in, between any two looks of this one."""
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    epic(root, "loose", issue("l"))
    alone(root, "one")
    store = Overtaken(root / "record.db")
    async with (
        open_world(root, lambda _request: "", store=store) as slow,
        open_world(root, diligent, store=root / "record.db") as fast,
    ):
        await slow.run_epic("launch")
        (root / "model" / "core" / "epics" / "launch.json").unlink()

        async def overtake() -> None:
            await fast.reconcile(actor="bob")
            if runs:
                await fast.run_rock("run_the_business")

        store.number, store.act = number, overtake
        done = await slow.reconcile(actor="ann")
        store.act = None
        assert {stray.why for stray in done.left} <= {"somebody works on it, or changed it meanwhile"}
        names = [it.record.name async for it in slow.history() if isinstance(it.record, CardAdopted)]
        assert sorted(names) == [
            "a@build-launch",
            "b@build-launch",
            "loose",
            "one",
            "run_the_business",
            "unplanned_support",
        ]
        assert (await slow.reconcile(actor="ann")) == Reconciliation()
        assert orphans(await slow.portfolio()) == []
        await fast.store.verify()
