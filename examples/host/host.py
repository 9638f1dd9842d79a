"""The host: one orchestrator, a review desk on its store, and a feed of its journal, opened and closed together."""

import logging
import os
import secrets
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

import anyio
import anyio.abc
import anyio.to_thread
from agents import crew as agents
from attrs import define, field, frozen
from feed import Feed
from gitea import PretendGitea

import orket
from orket.contracts import AssetQuestion, GiteaClient, RunRow
from orket.review import ReviewDesk

HOME: Final = Path(__file__).resolve().parent
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
    runs: dict[str, orket.Run] = field(factory=dict, init=False)  # that were started here and are going on

    async def start(self, name: str, *, build: str | None = None) -> orket.Run:
        """Start an epic, and return its run when it is on record.

        Raises:
            OrketError: nothing is called so, or the run ended before it began.
        """
        seen = self.feed.seq
        run = await self.crew.start(name, build=build, run_id=self._new_id())
        self.runs[run.id] = run
        self.tasks.start_soon(self._see_through, run)
        async with aclosing(run.events(seen)) as entries:  # type: ignore[type-var]
            async for _ in entries:
                return run
        await run.outcome()
        return run

    async def take_up(self) -> None:
        """Go on with what was cut off when this host, or the machine, went down."""
        newest: dict[str, RunRow] = {row.build: row for row in await self.crew.store.runs() if row.parent is None}
        for row in newest.values():
            if row.outcome is None:
                run = await self.crew.start(
                    row.card, department=row.department, build=row.build, target_issue_id=row.target
                )
                self.runs[run.id] = run
                log.info("run %s goes on as %s", row.id, run.id)
                self.tasks.start_soon(self._see_through, run)

    async def go_on(self, build: str) -> None:
        """Run a build again after a person has changed a card, unless it is running: then the run finds the card."""
        rows = await self.crew.store.runs(build)
        if rows and rows[-1].id not in self.runs:
            await self.start(rows[-1].card, build=build)

    def asset_id(self, path: str, issue: str | None) -> str | None:
        """Return the id of the card that a request means, as the API-runtime node says."""
        found = self.crew.ask("api_runtime", "resolve_asset_id", AssetQuestion(path=path, issue_id=issue))
        return found if isinstance(found, str) else None

    def _new_id(self) -> str:
        return str(self.crew.ask("api_runtime", "create_session_id", secrets.token_hex(16)))

    async def _see_through(self, run: orket.Run) -> None:
        try:
            result = await run.outcome()
            log.info("run %s: %s, %d of %d done", run.id, result.outcome, result.done, result.cards)
        except orket.OrketError as error:
            log.error("run %s: %s", run.id, error)  # noqa: TRY400 - what orket raises explains itself
        finally:
            self.runs.pop(run.id, None)


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
