"""The service that builds sandboxes."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import anyio.to_thread
from attrs import define, field, frozen

from orket._value import Value
from orket._wiring import Binding
from orket.cards import EMPTY, Issue, JsonValue
from orket.contracts import Clock, CommandRunner, DeployedSandbox, DeployRequest, Store, TechStack
from orket.errors import NoSandboxError, OrketError, SandboxError, StoreError, WiringError
from orket.events import SandboxRequested
from orket.sandbox._builder import Builder
from orket.sandbox._engine import Engine
from orket.sandbox._folder import SandboxFolder
from orket.sandbox._plan import Plan, Planner
from orket.sandbox._ports import PortRanges
from orket.sandbox._reconcile import Reconciled, reconcile
from orket.sandbox._record import SandboxRecord
from orket.sandbox._settings import Commands, SandboxLimits, choose_commands
from orket.sandbox._states import Sandbox, SandboxState

_REQUEST: Final = "request-"  # how the keys of requests begin; the place in the journal follows
_AGAIN: Final = 30.0  # seconds until an engine that did not answer is asked again


@frozen(kw_only=True, repr=False, eq=False)
class Followed(Value):
    """What became of requests for sandboxes: those that were built, and by card why others could not be."""

    built: tuple[Sandbox, ...] = ()
    failed: Mapping[str, str] = EMPTY


@define(kw_only=True, eq=False, repr=False)
class SandboxOrchestrator:
    """Builds sandboxes of products on this machine's container engine, and takes them away again.

    Making one is free: no command runs before the first sandbox is asked for, and nothing is read before.

    Args:
        store: an open store, or one that is opened before the first verb; it is not closed.
        policy: the node that describes sandboxes, as a registry resolved it.
        runner: runs commands.
        workspace: the folder that agents write to; products lie in it.
        folder: where compose files are kept; they are secrets. Outside the workspace, of this store alone.
        clock: the source of time.
        entropy: returns so many random bytes; passwords are made of them.
        command: the beginning of compose's command, such as ``("docker-compose",)``; () leaves it to the environment.
        engine: the beginning of the engine's command, where that of compose does not say it.
        environ: the environment; ``ORKET_SANDBOX_COMMAND`` and ``ORKET_SANDBOX_ENGINE`` are read.
        process_rules: of the organization; ``sandbox_command``, ``sandbox_engine``, ``sandbox_stack`` and
            ``sandbox_product`` are read.
        limits: how long is waited.
        ports: from where ports are taken.

    Raises:
        WiringError: the folder lies in the workspace, or a command is none.
    """

    _store: Store = field(alias="store")
    _policy: Binding = field(alias="policy")
    _runner: CommandRunner = field(alias="runner")
    _workspace: Path = field(alias="workspace")
    _folder: Path = field(alias="folder")
    _clock: Clock = field(alias="clock")
    _entropy: Callable[[int], bytes] = field(alias="entropy")
    _command: Sequence[str] = field(alias="command", default=())
    _engine: Sequence[str] = field(alias="engine", default=())
    _environ: Mapping[str, str] = field(alias="environ", default=EMPTY)
    _rules: Mapping[str, JsonValue] = field(alias="process_rules", default=EMPTY)
    _limits: SandboxLimits = field(alias="limits", factory=SandboxLimits)
    _ports: PortRanges = field(alias="ports", factory=PortRanges)
    _commands: Commands = field(init=False)
    _record: SandboxRecord = field(init=False)
    _planner: Planner = field(init=False)
    _builder: Builder | None = field(init=False, default=None)
    _seen: int = field(init=False, default=0)  # up to which entry of the journal nobody asks for anything

    def __attrs_post_init__(self) -> None:
        if self._folder.resolve().is_relative_to(self._workspace.resolve()):
            raise WiringError([f"the folder of sandboxes {self._folder} lies in the workspace {self._workspace}"])
        self._commands = choose_commands(self._command, self._engine, self._environ, self._rules)
        self._record = SandboxRecord(self._store, self._clock, self._entropy)
        self._planner = Planner(
            policy=self._policy,
            store=self._store,
            workspace=self._workspace,
            rules=self._rules,
            entropy=self._entropy,
        )

    async def create(
        self,
        card: str,
        *,
        stack: TechStack | str | None = None,
        product: Path | str | None = None,
        key: str = "",
    ) -> Sandbox:
        """Build the sandbox of a card, and return it when all its containers are well.

        One that is there already is taken away first, with its data; unless it runs and was built for the same key.

        Args:
            card: a rock's, an epic's or an issue's id.
            stack: of its product; None: the issue's param or the process rule ``sandbox_stack``, else
                ``fastapi-react-postgres``.
            product: the folder of the sources, in the workspace; None: param or rule ``sandbox_product``, else
                ``agent_output``.
            key: what it is built for; the same key builds it once.

        Raises:
            SandboxError: it cannot be built, or does not become well. Its commands' words are in the message.
            NodeError: the policy broke its contract.
            StoreError: the record could not be written.
        """
        plan = await self._planner.plan(card, stack, product, key)
        return await self._build(plan, lambda built_for: bool(key) and built_for == key)

    async def _build(self, plan: Plan, is_met: Callable[[str], bool]) -> Sandbox:
        """Build a sandbox, unless one runs whose key says that what is asked for is met."""
        builder = await self._opened()
        async with builder.holding(plan.id):
            now = await self._record.load(plan.id)
            if now is not None and now.state is SandboxState.RUNNING and is_met(now.key):
                now = await builder.refresh(now)
                if now.state is SandboxState.RUNNING:
                    return now
            if now is not None and now.is_live:
                now = await builder.remove(now, "built anew")
            else:
                await builder.clear(plan.id)
            return await builder.build(plan, now)

    async def check(self, sandbox: str) -> Sandbox:
        """Look at the containers of a sandbox, and return how it stands; what has changed is on record then.

        One that somebody is building or taking away is returned as it is on record.

        Raises:
            SandboxError: there never was such a sandbox, or the engine does not answer.
        """
        now = await self._known(sandbox)
        return await (await self._opened()).refresh(now)

    async def logs(self, sandbox: str, *, lines: int = 200, service: str | None = None) -> str:
        """Return the last lines that each container of a sandbox wrote; its password is taken out.

        Args:
            sandbox: its id.
            lines: of each container at most.
            service: of this one only.

        Raises:
            SandboxError: there is no such sandbox, the engine does not answer, or the compose file is gone, so that
                nobody knows what must not be shown.
        """
        now = await self._known(sandbox)
        return await (await self._opened()).logs(now, lines, service)

    async def delete(self, sandbox: str) -> Sandbox:
        """Take a sandbox away with all its data; one that is gone is returned as it is.

        Raises:
            SandboxError: there never was such a sandbox, or something of it is still there.
        """
        await self._known(sandbox)
        builder = await self._opened()
        async with builder.holding(sandbox):
            return await builder.remove(await self._known(sandbox), "deleted")

    async def list(self, *, deleted: bool = False) -> tuple[Sandbox, ...]:
        """Return the sandboxes as they are on record, in the order of their ids; deleted ones only if asked for."""
        return tuple([one for one in await self._record.all() if deleted or one.is_live])

    async def find_api(self, issue: Issue, /) -> str:
        """Return the base URL of the API of an issue's sandbox: its own, else its epic's, else its rock's.

        Raises:
            NoSandboxError: none runs; says why, and what helps.
        """
        cards = await self._cards_of(issue)
        found = []
        for card in cards:
            now = await self._record.load(self._planner.name(card))
            if now is not None and now.state is SandboxState.RUNNING:
                return now.api
            if now is not None and now.is_live:
                found.append(f"{now.id} is {now.state}{f': {now.detail}' if now.detail else ''}")
        why = "; ".join(found) or f"nobody has built one for {' or '.join(cards)}"
        raise NoSandboxError(
            f"no sandbox of issue {issue.id} runs ({why}); build one with `await crew.sandboxes.create({issue.id!r})`",
            card=issue.id,
        )

    async def _cards_of(self, issue: Issue) -> tuple[str, ...]:
        cards = [issue.id]
        for row in await self._store.runs(issue.build):
            cards.append(row.card)
            if row.parent is not None and (rock := await self._store.load_run(row.parent)) is not None:
                cards.append(rock.card)
        return tuple(dict.fromkeys(cards))

    async def deploy(self, request: DeployRequest, /) -> DeployedSandbox:
        """Build the sandbox of a merged pull request's card, from the product as it lies in the workspace.

        For a key that was deployed before, and still runs, the sandbox that there is. A pull request without a card
        has the sandbox of its repository.

        Raises:
            SandboxError: as :meth:`create`.
        """
        now = await self.create(request.card or request.repository, key=request.key)
        return DeployedSandbox(id=now.id, url=now.url)

    async def follow(self) -> Followed:
        """Build the sandboxes that evaluators have asked for since this was called last.

        Of several requests for one card the last counts. One that cannot be built is not tried again; where the engine
        does not answer, all that is left is for the next call.

        Raises:
            SandboxError: the engine does not answer.
            StoreError: the record could not be read or written.
        """
        self._seen = max(self._seen, await self._record.seen())
        seen, wanted = self._seen, dict[str, int]()
        async for entry in self._store.events(seen):
            seen = entry.seq
            if isinstance(entry.record, SandboxRequested) and entry.card is not None:
                wanted[entry.card] = entry.seq
        built, failed = list[Sandbox](), dict[str, str]()
        for card, seq in sorted(wanted.items(), key=lambda it: it[1]):
            try:
                plan = await self._planner.plan(card, None, None, f"{_REQUEST}{seq}")
                built.append(await self._build(plan, partial(_is_request_since, seq)))
            except StoreError:
                raise
            except OrketError as error:
                if isinstance(error, SandboxError) and error.retryable:
                    raise
                failed[card] = error.message
        if wanted:
            await self._record.see(seen, failed)
        self._seen = seen
        return Followed(built=tuple(built), failed=failed)

    async def keep_following(self) -> None:
        """Build what evaluators ask for, as they do, until cancelled; the host runs this in a task of its own.

        Requests that another process has recorded are found with the next one that this store instance commits. Where
        the engine does not answer, it is asked again after half a minute.

        Raises:
            StoreError: the record could not be read or written.
        """
        while True:
            try:
                await self.follow()
            except SandboxError:
                await self._clock.sleep(_AGAIN)
            else:
                await self._store.wait(self._seen)

    async def reconcile(self) -> Reconciled:
        """Mend what earlier lives have left half done; touch nothing but what carries this store's labels.

        What was being built and is complete and well is adopted; what is not complete, what was to be removed, and what
        carries our labels and is not on record, is removed. Of the others the record says how they stand now.

        Raises:
            SandboxError: the engine does not answer.
            StoreError: the record could not be read or written.
        """
        return await reconcile(await self._opened())

    async def aclose(self) -> None:
        """Do nothing: sandboxes outlive who built them, and what is under way belongs to who awaits it."""

    async def _known(self, sandbox: str) -> Sandbox:
        now = await self._record.load(sandbox)
        if now is None:
            names = ", ".join(one.id for one in await self.list()) or "none"
            raise SandboxError(f"there is no sandbox {sandbox!r:.100}; there are: {names}", sandbox=sandbox)
        return now

    async def _opened(self) -> Builder:
        """Return what builds; made when it is first needed, because the store says whose the sandboxes are."""
        if self._builder is None:
            owner = await self._record.owner()
            folder = SandboxFolder(root=self._folder / owner)
            await anyio.to_thread.run_sync(folder.prepare)
            engine = Engine(
                runner=self._runner, commands=self._commands, limits=self._limits, folder=folder.root, owner=owner
            )
            self._builder = Builder(
                record=self._record,
                planner=self._planner,
                folder=folder,
                engine=engine,
                clock=self._clock,
                ranges=self._ports,
            )
        return self._builder


def _is_request_since(seq: int, key: str) -> bool:
    """Return whether a sandbox was built for this request or a later one, which another host knew of already."""
    place = key.removeprefix(_REQUEST)
    return key.startswith(_REQUEST) and place.isdecimal() and int(place) >= seq
