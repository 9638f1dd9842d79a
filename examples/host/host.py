"""The host: one orchestrator, a review desk on its store, and a feed of its journal, opened and closed together."""

import logging
import os
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.abc
import anyio.to_thread
from agents import crew as agents
from attrs import define, field, frozen
from feed import Feed
from gitea import PretendGitea

import orket
from orket.contracts import AssetQuestion, Batch, Document, GiteaClient, RunRow
from orket.review import ReviewDesk

HOME: Final = Path(__file__).resolve().parent
STARTED: Final = "host_start"  # documents: runs that shall begin
LEASE: Final = 10.0  # seconds until the cards of a killed process are free for the next one
log = logging.getLogger("uvicorn.error")


@frozen(kw_only=True)
class Options:
    """What this host can be told."""

    config: Path = HOME
    state: Path = Path(".orket", "host")
    pace: float = 1.0  # seconds that an agent thinks
    origins: str = ""  # other origins whose pages may use the API: a comma-separated list
    secret: str = field(default="", repr=False)  # what Gitea signs with; "": no webhooks
    repositories: tuple[str, ...] = ("acme/shop",)
    gitea_url: str = ""  # "": there is none, and an object stands for it
    gitea_token: str = field(default="", repr=False)
    environ: Mapping[str, str] = field(factory=lambda: dict(os.environ), repr=False)


@frozen(kw_only=True)
class Request:
    """What a run is to do."""

    card: str
    build: str | None = None
    department: str = "core"
    target: str | None = None

    def noted(self) -> dict[str, str | None]:
        """Return it as the record keeps it until the run has begun."""
        return {"card": self.card, "build": self.build}


@define
class Host:
    """Everything that is open, and what the application asks of it."""

    crew: orket.Orchestrator
    feed: Feed
    desk: ReviewDesk | None
    gitea: GiteaClient
    origins: tuple[str, ...]
    epics: tuple[str, ...]
    tasks: anyio.abc.TaskGroup
    runs: set[str] = field(factory=set, init=False)  # that were started here and are not at rest

    async def start(self, name: str, *, build: str | None = None) -> str:
        """Start an epic, and return the id of its run when it is on disk that it shall begin.

        One small commit, whatever the epic is like: its assets are read afterwards. Where the host dies in between, the
        next one begins the run; what keeps it from beginning is kept, too: see :meth:`trouble_of`.

        Raises:
            UnknownCardError: nothing is called so.
            StoreError: it could not be written.
        """
        if name not in self.epics:
            raise orket.UnknownCardError(f"no epic {name!r}; epics: {', '.join(self.epics)}", card=name)
        run = str(self.crew.ask("api_runtime", "create_session_id", secrets.token_hex(16)))
        request = Request(card=name, build=build)
        await self._note(run, request.noted())
        self._begin(run, request, is_noted=True)
        return run

    async def trouble_of(self, run: str) -> str | None:
        """Return why a run that was started has not begun; "" where it is about to; None where nobody started it."""
        found = [it.body for it in await self.crew.store.find(STARTED, prefix=run) if it.key == run]
        return str(found[0].get("trouble", "")) if found else None

    async def take_up(self) -> None:
        """Go on with what was cut off when this host, or the machine, went down, or the record was in trouble."""
        newest: dict[str, RunRow] = {row.build: row for row in await self.crew.store.runs() if row.parent is None}
        for row in newest.values():
            if row.outcome in (None, orket.RunOutcome.BLOCKED):
                log.info("run %s goes on", row.id)
                request = Request(card=row.card, build=row.build, department=row.department, target=row.target)
                self._begin(secrets.token_hex(16), request, is_noted=False)
        for started in await self.crew.store.find(STARTED):
            if await self.crew.store.load_run(started.key) is not None:
                await self._note(started.key, None)
            elif "trouble" not in started.body:
                self._begin(started.key, Request(**started.body), is_noted=True)

    async def go_on(self, build: str) -> None:
        """Run a build again after a person has changed a card, unless it is running: then the run finds the card."""
        rows = await self.crew.store.runs(build)
        if rows and rows[-1].id not in self.runs:
            await self.start(rows[-1].card, build=build)

    def asset_id(self, path: str, issue: str | None) -> str | None:
        """Return the id of the card that a request means, as the API-runtime node says."""
        found = self.crew.ask("api_runtime", "resolve_asset_id", AssetQuestion(path=path, issue_id=issue))
        return found if isinstance(found, str) else None

    def _begin(self, run: str, request: Request, *, is_noted: bool) -> None:
        self.runs.add(run)
        self.tasks.start_soon(self._see_through, run, request, is_noted)

    async def _see_through(self, run: str, request: Request, is_noted: bool) -> None:
        """Drive a run to rest; what it was started with is forgotten when the run itself is on record."""
        try:
            trouble = await self._drive(run, request)
            if is_noted:
                has_begun = not trouble or await self.crew.store.load_run(run) is not None
                await self._note(run, None if has_begun else {**request.noted(), "trouble": trouble})
        except orket.StoreError as error:
            log.error("run %s: %s", run, error)  # noqa: TRY400 - the next start finds what is left
        finally:
            self.runs.discard(run)

    async def _drive(self, run: str, request: Request) -> str:
        """Return why a run ended without a result, or ""."""
        try:
            going = await self.crew.start(
                request.card,
                department=request.department,
                build=request.build,
                run_id=run,
                target_issue_id=request.target,
            )
            result = await going.outcome()
        except orket.OrketError as error:
            log.error("run %s: %s", run, error)  # noqa: TRY400 - what orket raises explains itself
            return str(error)
        log.info("run %s: %s, %d of %d done", run, result.outcome, result.done, result.cards)
        return ""

    async def _note(self, run: str, said: Any) -> None:
        """Write down what a run was started with, until the run itself is on record."""
        document = Document(kind=STARTED, key=run, body=said)
        op_id = f"{STARTED}:{secrets.token_hex(8)}"
        await self.crew.store.commit(Batch(op_id=op_id, run=run, build=STARTED, at=time.time(), documents=(document,)))


@asynccontextmanager
async def open_host(options: Options) -> AsyncIterator[Host]:
    """Open the host and go on with what was cut off; leaving cancels running turns, which can go on later."""
    await anyio.Path(options.state).mkdir(parents=True, exist_ok=True)
    async with AsyncExitStack() as opened:
        crew = await opened.enter_async_context(
            orket.Orchestrator(
                config=options.config,
                workspace=options.state / "workspace",
                store=options.state / "journal.db",
                model=agents(options.pace),
                environ=options.environ,
                limits=orket.Limits(lease=LEASE),
            )
        )
        gitea = await _gitea(options, opened)
        host = Host(
            crew=crew,
            feed=Feed(crew.store),
            desk=await _desk(options, crew, gitea, opened),
            gitea=gitea,
            origins=_origins(crew, options.origins),
            epics=await anyio.to_thread.run_sync(_epics, options),
            tasks=await opened.enter_async_context(anyio.create_task_group()),
        )
        await host.feed.open()
        host.tasks.start_soon(host.feed.watch)
        await host.take_up()
        yield host
        host.tasks.cancel_scope.cancel()


async def _gitea(options: Options, opened: AsyncExitStack) -> GiteaClient:
    if not options.gitea_url:
        return PretendGitea()
    from orket.review import GiteaHttpClient  # needs the extra orket[http]

    client = GiteaHttpClient(url=options.gitea_url, token=options.gitea_token)
    return await opened.enter_async_context(client)


async def _desk(
    options: Options, crew: orket.Orchestrator, gitea: GiteaClient, opened: AsyncExitStack
) -> ReviewDesk | None:
    if not options.secret:
        return None
    desk = ReviewDesk(
        secret=options.secret,
        repositories=options.repositories,
        store=crew.store,
        gitea=gitea,
        reviews=crew,
        sandboxes=crew.sandboxes,
    )
    return await opened.enter_async_context(desk)


def _origins(crew: orket.Orchestrator, told: str) -> tuple[str, ...]:
    found = crew.ask("api_runtime", "parse_allowed_origins", told)
    return found if isinstance(found, tuple) else ()


def _epics(options: Options) -> tuple[str, ...]:
    """Return the names of the epics that can be started (blocking I/O)."""
    node = orket.DecisionNodeRegistry().resolve(environ=options.environ, kinds=["loader_strategy"])["loader_strategy"]
    return orket.ConfigLoader(options.config, loader=node, environ=options.environ).assets("epics", "core")
