"""With everything opened: how epics, rocks and single issues are run."""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType

import anyio.to_thread
from attrs import define, field, frozen

from orket._answers import CHECKS
from orket._decide import settle
from orket._flow import Limits, RunContext
from orket._orchestrator._departments import check_department, declared_departments
from orket._orchestrator._phasing import finished_documents, see_to_phases
from orket._orchestrator._preflight import Preflight
from orket._orchestrator._rocks import is_step, rock_result, step_id
from orket._orchestrator._services import Services
from orket._orchestrator._setup import House
from orket._orchestrator._structure import Structure, load_structure
from orket._orchestrator._views import unknown_run
from orket._pipeline import (
    EpicAssets,
    ExecutionPipeline,
    RunOrder,
    RunRecord,
    RunResult,
    known_run,
    load_epic_assets,
)
from orket._value import Value
from orket.cards import BoardCounts, CardStatus, CardType, Epic, Rock
from orket.contracts import (
    Clock,
    LoopQuestion,
    ModelClient,
    RunRow,
    Store,
    SubPipeline,
    Tool,
    TurnExecutor,
)
from orket.errors import OrketError, RunError
from orket.events import RunFinished, RunOutcome, TurnKind
from orket.governance import ToolGate
from orket.tools import ToolRuntimeExecutor


@frozen(kw_only=True, repr=False, eq=False)
class Card(Value):
    """A card that was asked for by name: what it is, and for an issue the epic that it belongs to."""

    type: CardType
    name: str
    department: str
    epic: str = ""
    build: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class RunRequest(Value):
    """A run as the host asks for it; None leaves an id to the execution-runtime node."""

    card: Card
    build: str | None = None
    run_id: str | None = None
    target: str | None = None
    parent: str | None = None


@define(kw_only=True, repr=False, eq=False)
class Engine:
    """Everything opened that runs need."""

    house: House
    services: Services
    store: Store
    model: ModelClient
    tools: Mapping[str, Tool]
    gate: ToolGate
    host_gate: ToolGate | None
    executor: TurnExecutor | None
    clock: Clock
    entropy: Callable[[int], bytes]
    workspace: Path
    limits: Limits
    model_override: str
    user_preference: str
    separation_of_duties: bool
    accept_new_wiring: bool
    owner: str = field(init=False)
    active: dict[str, Callable[[], None]] = field(factory=dict)  # run -> how it is halted
    halted: set[str] = field(factory=set)  # active runs that shall start no further turn

    def __attrs_post_init__(self) -> None:
        self.owner = f"orchestrator-{self.token(8)}"

    def token(self, size: int) -> str:
        """Return *size* random bytes as hexadecimal digits."""
        return self.entropy(size).hex()

    def is_review(self, status: CardStatus) -> bool:
        """Return whether an issue in *status* takes a review turn, as the loop policy says."""
        return bool(settle(self.house.wiring["orchestration_loop"], "is_review_turn", status))

    async def check_department(self, name: str, where: str = "") -> None:
        """Refuse a department that nobody has declared and that has no asset of its own; *where* begins the message.

        Raises:
            AssetNotFoundError: there is none of this name.
        """
        declared = declared_departments(self.house.organization)
        if name not in declared:
            await anyio.to_thread.run_sync(check_department, self.house.loader, declared, name, where)

    async def structure(self) -> Structure:
        """Return what rocks and epics there are, with what was taken in."""
        return await load_structure(self.house.loader, self.store)

    def begin(self, request: RunRequest) -> str:
        """Return the id of the run, as the execution-runtime node says; from now on it can be halted.

        Raises:
            RunError: a run of this id is going on, or what the host passes is no id.
        """
        card, target = request.card, request.target
        if target is not None and card.type is not CardType.EPIC and target != card.name:
            raise RunError(f"target_issue_id is {target!r}; valid: None, {card.name} is no epic")
        method = "select_rock_run_id" if card.type is CardType.ROCK else "select_run_id"
        run = self._select("run_id", method, request.run_id, self.token(16))
        for other in self.active:
            if run == other or is_step(run, other) or is_step(other, run):  # the runs of a rock's epics have its id
                raise RunError(f"run {other!r} is going on already", run=other)
        self.active[run] = partial(self.halted.add, run)
        return run

    def _select(self, argument: str, method: str, given: str | None, otherwise: str) -> str:
        """Let the execution-runtime node choose an id; what the host passed is not blamed on the node."""
        if given is not None and (wrong := CHECKS["execution_runtime", method](given, given, "")):
            raise RunError(f"{argument} {wrong.removeprefix('answer ')}")
        return str(settle(self.house.wiring["execution_runtime"], method, given, otherwise))

    async def run(self, request: RunRequest, run_id: str) -> RunResult:
        """Run a card to rest.

        Args:
            request: what the host asks for.
            run_id: what :meth:`begin` returned for it.

        Raises:
            OrketError: whatever stopped the run; what a foreign port raised is chained.
        """
        try:
            await self._check_unknown(run_id)
            return await self._run(request, run_id)
        except OrketError:
            raise
        except Exception as error:
            raise RunError(f"run {run_id} failed: {error!r}", run=run_id) from error
        finally:
            self.active.pop(run_id, None)
            self.halted.discard(run_id)

    async def _check_unknown(self, run_id: str) -> None:
        if await self.store.load_run(run_id) is not None:
            raise known_run(run_id)

    async def _run(self, request: RunRequest, run_id: str) -> RunResult:
        card = request.card
        await self.check_department(card.department)
        if card.type is CardType.ROCK:
            return await self._run_rock(request, run_id)
        if card.type is CardType.ISSUE:
            assets = await self._assets(card.epic, card.department)
            return await self._run_epic(assets, request, run_id, target=card.name)
        assets = await self._assets(card.name, card.department)
        return await self._run_epic(assets, request, run_id, target=request.target)

    async def _assets(self, epic: str, department: str) -> EpicAssets:
        house, structure = self.house, await self.structure()

        def load() -> EpicAssets:
            found, fixtures = structure.epic(epic, department), self.workspace / "verification"
            return load_epic_assets(
                house.loader, house.organization, found, department, tools=self.tools, fixtures=fixtures
            )

        return await anyio.to_thread.run_sync(load)

    async def _run_epic(self, assets: EpicAssets, request: RunRequest, run_id: str, target: str | None) -> RunResult:
        epic = assets.epic
        build = self._build(epic, request)
        await self.preflight().check(build, target)
        context = self.context(assets, run_id, build)
        order = RunOrder(
            card=epic.id, target=target, parent=request.parent, environ=self.house.environ, executor=self.executor
        )
        pipeline = ExecutionPipeline(context, assets, order)
        if run_id in self.halted:
            pipeline.halt()
        self.active[run_id] = pipeline.halt
        try:
            return await pipeline.run()
        finally:
            del self.active[run_id]

    def _build(self, epic: Epic, request: RunRequest) -> str:
        given = request.card.build or epic.build if request.build is None else request.build
        source = "build" if request.build is not None else f"the build of epic {epic.id}"
        return self._select(source, "select_epic_build_id", given, epic.id)

    def context(self, assets: EpicAssets, run_id: str, build: str) -> RunContext:
        """Return what stays the same for all turns of a run."""
        house = self.house
        counts = BoardCounts(total=assets.planned)
        question = LoopQuestion(organization=assets.organization, environ=house.environ, counts=counts)
        return RunContext(
            run=run_id,
            build=build,
            owner=f"{self.owner}/{run_id}",
            epic=assets.epic,
            planned=assets.planned,
            organization=assets.organization,
            team=assets.team,
            environment=assets.environment,
            families=assets.families,
            dialect=assets.dialect,
            wiring=house.wiring,
            store=self.store,
            model=self.model,
            tools=self.tools,
            specs=MappingProxyType({name: tool.spec for name, tool in self.tools.items()}),  # nodes see it
            gate=self.gate,
            host_gate=self.host_gate,
            executor=ToolRuntimeExecutor(),
            prover=self.services.prover,
            recollection=self.services.recollection,
            clock=self.clock,
            workspace=self.workspace,
            started_at=self.clock.now(),
            evaluator_waits=inspect.iscoroutinefunction(
                getattr(house.wiring["evaluator"].node, "evaluate_success", None)
            ),
            context_window=settle(house.wiring["orchestration_loop"], "context_window", question),
            limits=self.limits,
            model_override=self.model_override,
            user_preference=self.user_preference,
            separation_of_duties=self.separation_of_duties,
        )

    def preflight(self) -> Preflight:
        """Return what looks whether builds can be taken up, as things are now."""
        return Preflight(
            store=self.store,
            wiring=self.house.wiring,
            tools=self.tools,
            now=self.clock.now(),
            active=frozenset(self.active),
            load=self._assets,
            kind_of=lambda status: TurnKind.REVIEW if self.is_review(status) else TurnKind.WORK,
            accept_new_wiring=self.accept_new_wiring,
        )

    async def recall(self, run_id: str) -> RunRequest:
        """Return the request that asks again for what a run was asked for.

        Raises:
            RunError: the record has no such run, or it is going on.
        """
        if run_id in self.active:  # and not on record yet, perhaps
            raise RunError(f"run {run_id!r} is going on already", run=run_id)
        row = await self.store.load_run(run_id)
        if row is None:
            raise unknown_run(run_id, await self.store.runs())
        is_epic = any(one.key == run_id for one in await self.store.find("snapshot", prefix=run_id))
        kind = CardType.EPIC if is_epic else CardType.ROCK
        card = Card(type=kind, name=row.card, department=row.department)
        return RunRequest(card=card, build=row.build, target=row.target if is_epic else None)

    async def _run_rock(self, request: RunRequest, run_id: str) -> RunResult:
        """Run the epics of a rock one after the other; all their assets are loaded before the first turn."""
        wiring, card = self.house.wiring, request.card
        await see_to_phases(self.services, self.store, self.clock)  # what is run may be what one of them leaves
        structure = await self.structure()
        rock: Rock = await anyio.to_thread.run_sync(structure.rock, card.name, card.department)
        subs: tuple[SubPipeline, ...] = settle(wiring["pipeline_wiring"], "select_sub_pipelines", rock)
        for sub in subs:
            await self.check_department(sub.department, f"rock {rock.id}, epic {sub.epic}: ")
        assets = [await self._assets(sub.epic, sub.department) for sub in subs]
        build = self._select("build", "select_rock_build_id", request.build, rock.id)
        steps = [self._step(sub, run_id) for sub in subs]
        for number, (step, loaded) in enumerate(zip(steps, assets, strict=True), start=1):
            await self._check_unknown(step_id(run_id, number))
            await self.preflight().check(self._build(loaded.epic, step))
        record = self._rock_record(run_id, build, card)
        await record.begin()
        results: list[RunResult] = []

        def halt() -> None:
            self.halted.add(run_id)
            for child, stop in list(self.active.items()):
                if is_step(child, run_id):
                    stop()

        self.active[run_id] = halt
        for number, (step, loaded) in enumerate(zip(steps, assets, strict=True), start=1):
            if run_id in self.halted or (results and results[-1].outcome in (RunOutcome.FAILED, RunOutcome.HALTED)):
                break
            results.append(await self._run_epic(loaded, step, step_id(run_id, number), None))
        result = rock_result(run_id, build, rock, results, len(subs), run_id in self.halted)
        finished = RunFinished(outcome=result.outcome, reason=result.reason, counts={"epics": len(results)})
        row = record.rested(result.outcome, result.reason)
        documents = finished_documents(self.services, result, row)
        await record.commit("finished", records=(finished,), row=row, documents=documents)
        await see_to_phases(self.services, self.store, self.clock)
        return result

    def _step(self, sub: SubPipeline, parent: str) -> RunRequest:
        card = Card(type=CardType.EPIC, name=sub.epic, department=sub.department)
        return RunRequest(card=card, build=sub.build, parent=parent)

    def _rock_record(self, run_id: str, build: str, card: Card) -> RunRecord:
        wiring = self.house.wiring
        row = RunRow(
            id=run_id,
            build=build,
            card=card.name,
            started_at=self.clock.now(),
            fingerprint=wiring.fingerprint,
            department=card.department,
        )
        return RunRecord(store=self.store, clock=self.clock, row=row, resolutions=wiring.resolutions)
