"""Mistakes that plugins are known to make, beside the catalogue: each is caught by the rule it breaks."""

import functools
import os
import time
import types
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest
from hypothesis import HealthCheck, Phase, settings
from mutants.model import Honest
from mutants.store._twin import Core, Twin
from mutants.tool import Wrapped

from orket.contracts import (
    Batch,
    CardRow,
    EffectClass,
    EnvironmentQuestion,
    Plan,
    PlanQuestion,
    Receipt,
    Rock,
    Route,
    RouteQuestion,
    SubPipeline,
    ToolResult,
    Toolset,
    ToolsetQuestion,
)
from orket.errors import NodeError, StoreConflictError, StoreError, ToolError
from orket.events import JournalEntry
from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode
from orket.nodes.execution_runtime import DefaultExecutionRuntimeStrategyNode
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.nodes.planner import DefaultPlannerNode
from orket.nodes.router import DefaultRouterNode
from orket.nodes.tool_strategy import DefaultToolStrategyNode
from orket.testing import (
    ContractSuite,
    EngineRuntimeContract,
    ExecutionRuntimeContract,
    ModelClientContract,
    PipelineWiringContract,
    PlannerContract,
    RouterContract,
    StoreContract,
    ToolContract,
    ToolStrategyContract,
)
from orket.testing._watch import unchanged_process

pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")
QUICK = settings(
    phases=(Phase.explicit, Phase.generate), derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


class LeaksItsPermit(DefaultPlannerNode):
    """Waits for a permit that a cancelled call took along."""

    def __init__(self) -> None:
        self.busy = False

    async def plan(self, question: PlanQuestion, /) -> Plan:
        if self.busy:
            raise RuntimeError("a plan is being made")
        self.busy = True
        await anyio.lowlevel.checkpoint()
        self.busy = False
        return super().plan(question)


class BlocksAtTimes(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        route = super().route(question)
        if route.seat is None:
            time.sleep(0.05)
        return route


class SetsOnce(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        os.environ.setdefault("ORKET_SUBTLE", "1")
        return super().route(question)


class MakesLongNames(DefaultExecutionRuntimeStrategyNode):
    def select_epic_build_id(self, given: str | None, epic: str, /) -> str:
        return given or "build-" + epic.encode("utf-8", "surrogatepass").hex()

    select_rock_build_id = select_epic_build_id


class ReadsTheEnvironment(DefaultEngineRuntimePolicyNode):
    def config_root(self, given: Path, environ: Mapping[str, str], /) -> Path:
        return Path(os.environ.get("ORKET_CONFIG_ROOT", super().config_root(given, environ)))


class ChainsTheLine(DefaultEngineRuntimePolicyNode):
    """Says nothing of a line that is none, and chains an error that does."""

    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        for line in question.dotenv.splitlines():
            if line and "=" not in line:
                raise NodeError("a line cannot be read") from ValueError(line)
        return super().environment(question)


class RunsAHundred(DefaultPipelineWiringStrategyNode):
    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        return super().select_sub_pipelines(rock)[:100]


class RenewsForAnybody(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        owners = [self.state(batch, it.card).owner or it.owner for it in batch.claims]
        claims = [
            it if it.token is None else attrs.evolve(it, owner=owner)
            for it, owner in zip(batch.claims, owners, strict=True)
        ]
        return await super().commit(attrs.evolve(batch, claims=tuple(claims)))


class RenewsInTimeOnly(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        for it in batch.claims:
            if it.token is not None and self.state(batch, it.card).until <= it.now:
                raise StoreConflictError("too late", card=it.card, expected=it.now, found=None)
        return await super().commit(batch)


class ShowsAPage(Twin):
    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        return (await super().load_board(build))[:100]


class CountsSinceItWasOpened(Twin):
    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._end = 0

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        self._end = max(self._end, receipt.last_seq)
        return receipt

    async def last_seq(self) -> int:
        self.opened()
        return self._end


class GoesWhereItsLastAnswerWent(Twin):
    """Says where the last receipt with records points to, even if its batch was applied long ago."""

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        self.core.count = receipt.last_seq or self.core.count
        return receipt

    async def last_seq(self) -> int:
        self.opened()
        return self.core.count


class SharesEntries(Twin):
    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        async for entry in super().events(since, **wanted):
            yield self.core.notes.setdefault(entry.seq, entry)


def twins(kind: type[Twin]) -> dict[str, Any]:
    """Return a suite's make_store, for stores that share what lies in one folder."""
    cores: dict[Path, Core] = {}
    return {"make_store": lambda _self, folder: kind(cores.setdefault(folder, Core()))}


class ForgetsToRelease(Honest):
    def __init__(self) -> None:
        super().__init__()
        self.free = 1

    async def complete(self, request: Any, /) -> Any:
        while not self.free:
            await anyio.lowlevel.checkpoint()
        self.free -= 1
        await anyio.lowlevel.checkpoint()
        self.free += 1
        return self.reply(request)


class CoercesWithin(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        given = dict(arguments)
        if isinstance(given.get("folders"), list):
            given["folders"] = [str(it) for it in given["folders"]]
        return super().bind(given)


class TakesAnyConsent(Wrapped):
    """Does not look whether ``confirm`` is true."""

    inner = types.SimpleNamespace(  # type: ignore[assignment]
        spec=attrs.evolve(
            Wrapped.inner.spec,
            parameters={"type": "object", "properties": {"confirm": {"const": True}}, "required": ["confirm"]},
            destructive=True,
        )
    )

    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        if set(arguments) != {"confirm"} or type(arguments["confirm"]) is not bool:
            raise ToolError(f"confirm is all that is taken, found {sorted(arguments)}")
        return dict(arguments)

    async def run(self, bound: Any, context: Any, /) -> ToolResult:
        return ToolResult(ok=True, output="gone")


class Chmods(Wrapped):
    """Changes the mode of what it reads."""

    changes = {"effect": EffectClass.READ}  # noqa: RUF012 - as the class it is derived from has it

    async def run(self, bound: Any, context: Any, /) -> ToolResult:
        (context.workspace / "read.txt").chmod(0o600)
        return ToolResult(ok=True, output="read")


def with_a_file(suite: Any, workspace: Any, key: str) -> Any:
    (workspace / "read.txt").write_text("once", "utf-8")
    (workspace / "read.txt").chmod(0o644)
    return ToolContract.make_context(suite, workspace, key)


SUBTLE: list[tuple[type[ContractSuite], str, Any, dict[str, Any]]] = [
    (PlannerContract, "08", LeaksItsPermit, {}),
    (RouterContract, "07", BlocksAtTimes, {"budget": 0.04}),
    (ExecutionRuntimeContract, "21", MakesLongNames, {}),
    (EngineRuntimeContract, "05", ReadsTheEnvironment, {"errors": (ValueError,)}),
    (EngineRuntimeContract, "22", ChainsTheLine, {"errors": (ValueError,)}),
    (PipelineWiringContract, "22", RunsAHundred, {}),
    (StoreContract, "17", SharesEntries, twins(SharesEntries)),
    (StoreContract, "33", RenewsInTimeOnly, twins(RenewsInTimeOnly)),
    (StoreContract, "34", RenewsForAnybody, twins(RenewsForAnybody)),
    (StoreContract, "76", ShowsAPage, twins(ShowsAPage)),
    (StoreContract, "87", CountsSinceItWasOpened, twins(CountsSinceItWasOpened)),
    (StoreContract, "101", GoesWhereItsLastAnswerWent, twins(GoesWhereItsLastAnswerWent)),
    (ModelClientContract, "34", ForgetsToRelease, {}),
    (ToolContract, "31", CoercesWithin, {}),
    (ToolContract, "31", TakesAnyConsent, {}),
    (ToolContract, "43", Chmods, {"make_context": with_a_file}),
]


def run(suite: type[ContractSuite], number: str, make: Any, **attributes: Any) -> None:
    """Run one rule on what *make* makes."""
    cls = type(
        "TestSubtle", (suite,), {suite.subject: lambda _self: make(), "settings": QUICK, "patience": 2.0, **attributes}
    )
    (rule,) = [it for it in cls.rules() if it.id.endswith(f"-{number}")]
    for arguments in [{"backend": it} for it in cls.backends] or [{}]:
        getattr(cls, rule.test)(cls(), **arguments)


@pytest.mark.parametrize(("suite", "number", "make", "attributes"), SUBTLE, ids=lambda it: getattr(it, "__name__", ""))
def test_a_subtle_mistake_is_caught(
    suite: type[ContractSuite], number: str, make: Any, attributes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rule fails on what breaks it in rare cases only, or only after something else has happened."""
    monkeypatch.setattr("orket.testing.suites.model_client.LIMIT", 0.5)
    with pytest.raises((AssertionError, StoreError)):
        run(suite, number, make, **attributes)


def test_what_is_done_to_the_process_once_is_seen() -> None:
    """A rule that comes first does not hide from the rule about the process what a node does to it but once."""
    with unchanged_process():
        run(RouterContract, "20", SetsOnce)
        assert "ORKET_SUBTLE" not in os.environ
        with pytest.raises(AssertionError, match="environment"):
            run(RouterContract, "12", SetsOnce)


class Sleeps(DefaultPlannerNode):
    async def plan(self, question: PlanQuestion, /) -> Plan:
        await anyio.sleep(0.0005)
        with anyio.move_on_after(0.0005):
            await anyio.sleep(1)
        return super().plan(question)


class Tuples(DefaultToolStrategyNode):
    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        offer = super().compose(question)
        tools = [
            attrs.evolve(it, parameters={**it.parameters, "required": tuple(it.parameters.get("required", ()))})
            for it in offer.tools
        ]
        return attrs.evolve(offer, tools=tuple(tools))


class Slotted:
    __slots__ = ("inner",)

    def __init__(self, inner: Any) -> None:
        self.inner = inner


class BindsSlots(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        return types.SimpleNamespace(inner=Slotted(super().bind(arguments)))

    async def run(self, bound: Any, context: Any, /) -> Any:
        return await super().run(bound.inner.inner, context)


class BindsACall(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        return functools.partial(self.inner.run, super().bind(arguments))

    async def run(self, bound: Any, context: Any, /) -> Any:
        return await bound(context)


@pytest.mark.parametrize(
    ("suite", "number", "make"),
    [
        (PlannerContract, "08", Sleeps),
        (ToolStrategyContract, "10", Tuples),
        (ToolContract, "35", BindsSlots),
        (ToolContract, "42", BindsSlots),
        (ToolContract, "35", BindsACall),
    ],
    ids=lambda it: getattr(it, "__name__", ""),
)
def test_what_is_unusual_but_right_passes(suite: type[ContractSuite], number: str, make: Any) -> None:
    """A rule says nothing of what keeps it in an unusual way."""
    run(suite, number, make)
