"""The orchestrator."""

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
import anyio.abc
import anyio.to_thread
from attrs import define, field

from orket._clock import SystemClock
from orket._decide import settle
from orket._flow import Limits
from orket._orchestrator import _arguments as given
from orket._orchestrator._bugfixing import BugFixVerbs
from orket._orchestrator._engine import Engine, RunRequest
from orket._orchestrator._hindsight import what_if
from orket._orchestrator._portfolio import PortfolioVerbs
from orket._orchestrator._recalling import MemoryVerbs
from orket._orchestrator._reviewing import ReviewVerbs
from orket._orchestrator._run import Run
from orket._orchestrator._running import RunVerbs, launch
from orket._orchestrator._services import Ground, furnish
from orket._orchestrator._setup import (
    HostChoices,
    as_model,
    as_store,
    build_house,
    gather_tools,
    store_files,
)
from orket._orchestrator._unbroken import unbroken
from orket._orchestrator._verbs import OperatorVerbs, RecordVerbs
from orket._orchestrator._verify import verify_issue
from orket._pipeline import bare
from orket._registry import DecisionNodeRegistry
from orket._replay import WhatIf
from orket._wiring import Wiring
from orket.cards import EMPTY, VerificationResult
from orket.contracts import Clock, Isolation, ModelClient, Store, Tool, TurnExecutor
from orket.errors import RunError
from orket.governance import STOCK_RULES, GateRule, ToolGate
from orket.organization import Organization


async def _open(store: Store, opening: AsyncExitStack) -> None:
    await store.open()
    opening.push_async_callback(unbroken, store.aclose)


async def _cancel(group: anyio.abc.TaskGroup) -> None:
    group.cancel_scope.cancel()
    with bare():
        await group.__aexit__(None, None, None)


@define(kw_only=True, eq=False, repr=False)
class Orchestrator(BugFixVerbs, MemoryVerbs, OperatorVerbs, PortfolioVerbs, RecordVerbs, ReviewVerbs, RunVerbs):
    """Drives the cards of one organization; open it with ``async with``.

    Args:
        config: the folder that holds ``config/`` and ``model/``.
        workspace: where agents write; made when it does not exist.
        model: a model client, or a function of :class:`~orket.contracts.ModelRequest`.
        store: a store, or the path of a SQLite file outside the workspace; by default ``<workspace>.orket/journal.db``.
        tools: the host's own tools, offered to the roles that list them.
        nodes: decision nodes by kind: a name, a node, a factory, or ``{"name": …, "options": {…}}``.
        registry: where nodes are found; by default all that installed packages offer.
        environ: the environment mapping; by default a copy of ``os.environ``, read once.
        dotenv: a ``.env`` file to read; none is read unless it is named here.
        gate_rules: the host's own gate rules, each of which may refuse a call that the stock rules allow.
        executor: places turns somewhere else than here.
        clock: the source of time.
        entropy: returns so many random bytes; ids of runs and of acts of operators are made of them.
        limits: bounds of turns.
        model_override: the model that is used whatever epic and environment say.
        user_preference: the model that is used when the epic does not say.
        separation_of_duties: refuse reviews by the seat that did the work.
        isolation: the weakest isolation of fixtures that will do; the organization may demand more.
        accept_new_wiring: take up a build that died under other nodes.
        strict: unknown keys in assets are errors.
    """

    _config: Path = field(alias="config", converter=given.config_folder)
    _workspace: Path = field(alias="workspace", converter=given.workspace_folder)
    _model: ModelClient = field(alias="model", converter=as_model)
    _store: Store | str | Path | None = field(alias="store", default=None, validator=given.a_store)
    _tools: tuple[Tool, ...] = field(alias="tools", default=(), converter=given.tuple_of_tools)
    _nodes: Mapping[str, object] = field(alias="nodes", factory=dict, validator=given.nodes_by_kind)
    _registry: DecisionNodeRegistry = field(alias="registry", factory=DecisionNodeRegistry, validator=given.a_registry)
    _environ: Mapping[str, str] = field(
        alias="environ", factory=lambda: dict(os.environ), validator=given.an_environment
    )
    _dotenv: str | Path | None = field(alias="dotenv", default=None, validator=given.a_file)
    _gate_rules: tuple[GateRule, ...] = field(alias="gate_rules", default=(), converter=given.tuple_of_rules)
    _executor: TurnExecutor | None = field(alias="executor", default=None, validator=given.an_executor)
    _clock: Clock = field(alias="clock", factory=SystemClock, validator=given.a_clock)
    _entropy: Callable[[int], bytes] = field(alias="entropy", default=os.urandom, validator=given.a_function)
    _limits: Limits = field(alias="limits", factory=Limits, validator=given.some_limits)
    _model_override: str = field(alias="model_override", default="", validator=given.a_model_name)
    _user_preference: str = field(alias="user_preference", default="", validator=given.a_model_name)
    _separation_of_duties: bool = field(alias="separation_of_duties", default=False, validator=given.yes_or_no)
    _isolation: Isolation = field(alias="isolation", default=Isolation.RLIMITS, validator=given.an_isolation)
    _accept_new_wiring: bool = field(alias="accept_new_wiring", default=False, validator=given.yes_or_no)
    _strict: bool = field(alias="strict", default=False, validator=given.yes_or_no)
    _engine: Engine | None = field(init=False, default=None)
    _warnings: tuple[str, ...] = field(init=False, default=())
    _group: anyio.abc.TaskGroup = field(init=False)
    _open: AsyncExitStack = field(init=False, factory=AsyncExitStack)

    async def __aenter__(self) -> Self:
        """Read the organization, resolve all nodes, open the store, and enter the model where it can be entered.

        Raises:
            ConfigError: the organization or the ``.env`` file cannot be read.
            WiringError: nodes cannot be resolved; lists all of them.
            StoreError: the store cannot be opened, or lies inside the workspace; or the workspace cannot be made.
        """
        if self._engine is not None:
            raise RunError("the orchestrator is open already")
        async with AsyncExitStack() as opening:
            engine = await self._prepare()
            await unbroken(partial(_open, engine.store, opening))
            for service in engine.services.owned():
                opening.push_async_callback(unbroken, service.aclose)
            if isinstance(self._model, AbstractAsyncContextManager):
                await opening.enter_async_context(self._model)
            self._group = anyio.create_task_group()
            await self._group.__aenter__()
            opening.push_async_callback(_cancel, self._group)
            self._open, self._engine = opening.pop_all(), engine
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Cancel what runs, finish every commit that was begun, close the store. Runs can be continued later."""
        self._warnings = self.warnings
        self._engine = None
        await self._open.aclose()  # without the body's error, which stays bare: no exception groups at the boundary

    async def _prepare(self) -> Engine:
        choices = HostChoices(
            config=self._config,
            workspace=self._workspace,
            nodes=self._nodes,
            environ=self._environ,
            dotenv=self._dotenv,
            strict=self._strict,
            isolation=self._isolation,
        )
        house = await anyio.to_thread.run_sync(build_house, self._registry, choices)
        store = await anyio.to_thread.run_sync(as_store, self._store, self._workspace)
        ground = Ground(
            organization=house.organization,
            wiring=house.wiring,
            environ=house.environ,
            isolation=house.isolation,
            store=store,
            clock=self._clock,
            entropy=self._entropy,
            workspace=self._workspace,
        )
        return Engine(
            house=house,
            services=furnish(ground),
            store=store,
            model=self._model,
            tools=gather_tools(self._tools, lambda: store_files(store)),
            gate=ToolGate(STOCK_RULES),
            host_gate=given.host_gate(self._gate_rules),
            executor=self._executor,
            clock=self._clock,
            entropy=self._entropy,
            workspace=self._workspace,
            limits=self._limits,
            model_override=self._model_override,
            user_preference=self._user_preference,
            separation_of_duties=self._separation_of_duties,
            accept_new_wiring=self._accept_new_wiring,
        )

    @property
    def organization(self) -> Organization:
        """The organization that was read."""
        return self._opened().house.organization

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was odd in the assets read so far (file, JSON path, what), in the environment, and in packages.

        They stay when the orchestrator is closed.
        """
        house = self._engine and self._engine.house
        return (*house.oddities, *house.loader.warnings) if house else self._warnings

    @property
    def store(self) -> Store:
        """The open store."""
        return self._opened().store

    async def verify_issue(self, issue_id: str, *, build: str | None = None) -> VerificationResult:
        """Run an issue's fixture now, and record the result.

        Raises:
            UnknownCardError: no board has such an issue.
            VerificationError: the issue has no fixture, or it cannot be run.
        """
        return await verify_issue(self._opened(), issue_id, build)

    async def what_if(
        self,
        run_id: str,
        wiring: Wiring | Mapping[str, object] = EMPTY,
        *,
        gate_rules: Iterable[GateRule] | None = None,
    ) -> WhatIf:
        """Ask every recorded question of a run again, and return the decisions that would be others.

        Each question is rebuilt from what the journal says up to it. Models are not called and tools are not run: their
        replies and results are those on record. Nothing is written.

        Args:
            run_id: a run of the record; of a rock's run, the runs of all its epics.
            wiring: who decides now: nodes by kind, as the orchestrator takes them, beside its own; or a wiring.
            gate_rules: the host's own gate rules that judge now; None for those of the orchestrator.

        Raises:
            RunError: the record has no such run.
            WiringError: the nodes cannot be resolved, or a rule cannot be used.
            StoreError: the record cannot be read.
        """
        engine = self._opened()
        nodes = given.nodes_beside(self._nodes, wiring)
        rules = engine.host_gate if gate_rules is None else given.host_gate(given.tuple_of_rules(gate_rules))
        return await what_if(engine, self._registry, run_id, nodes, rules)

    def ask(self, kind: str, method: str, *args: object) -> object:
        """Ask one of the plain policies that are there for hosts, ``api_runtime`` and ``sandbox_policy`` among them.

        Args:
            kind: The kind of node.
            method: Which of its methods.
            args: What the method takes.

        Returns:
            The answer, checked like every node's.

        Raises:
            NodeError: the node raised or broke its contract.
            WiringError: there is no such kind.
            RunError: the kind has no such method, or it takes something else.
        """
        binding = self._opened().house.wiring[kind]
        given.check_question(kind, method, args)
        return settle(binding, method, *args)

    def _launch(self, request: RunRequest) -> Run:
        return launch(self._opened(), self._group, request, self.halt)

    def _opened(self) -> Engine:
        if self._engine is None:
            raise RunError("the orchestrator is not open; use it with `async with`")
        return self._engine
