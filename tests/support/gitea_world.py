"""A Gitea in memory: what it has, what was done to it, and a client that asks it without a network."""

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import anyio.lowlevel
from attrs import define, field
from deliveries import HEAD, REPOSITORY, SECRET

from orket.contracts import Clock, DeployedSandbox, DeployRequest, GiteaPull, Store
from orket.errors import GiteaError
from orket.review import ReviewDesk


@define
class World:
    """Pull requests, comments and issues of one repository; ``done`` counts what was changed."""

    heads: dict[int, str] = field(factory=lambda: dict.fromkeys(range(1, 400), HEAD))
    merged: set[int] = field(factory=set)
    closed: set[int] = field(factory=set)
    comments: dict[int, list[str]] = field(factory=dict)
    issues: dict[int, tuple[str, str]] = field(factory=dict)
    started: dict[str, str] = field(factory=dict)
    sandboxes: dict[str, DeployRequest] = field(factory=dict)
    done: Counter[str] = field(factory=Counter)

    def pull(self, number: int) -> GiteaPull:
        """Return a pull request."""
        if number not in self.heads:
            raise GiteaError("no such pull request", status=404, refused=True)
        is_merged = number in self.merged
        is_open = not is_merged and number not in self.closed
        return GiteaPull(number=number, is_open=is_open, is_merged=is_merged, head=self.heads[number])

    def merge(self, number: int, head: str) -> None:
        """Merge, as Gitea does."""
        if number in self.closed:
            raise GiteaError("it is closed", status=404, refused=True)
        if number in self.merged:
            raise GiteaError("it is merged", status=405, refused=True, retryable=True)
        if head != self.heads[number]:
            raise GiteaError("head out of date", status=409, refused=True)
        self.merged.add(number)
        self.done[f"merge {number}"] += 1

    def close(self, number: int) -> None:
        """Close."""
        self.closed.add(number)
        self.done[f"close {number}"] += 1

    def comment(self, number: int, text: str) -> None:
        """Comment."""
        self.comments.setdefault(number, []).append(text)
        self.done[f"comment {number}"] += 1

    def open_issue(self, title: str, text: str) -> int:
        """Open an issue."""
        number = 1000 + len(self.issues)
        self.issues[number] = (title, text)
        self.done[f"issue {title}"] += 1
        return number


Around = Callable[[str, Callable[[], Any]], Awaitable[Any]]


async def _plainly(_name: str, call: Callable[[], Any]) -> Any:
    await anyio.lowlevel.checkpoint()
    return call()


@define
class WorldClient:
    """The ports of a desk, over a world; every call goes through ``around``, which may fail it."""

    world: World
    around: Around = _plainly

    async def pull(self, repository: str, number: int, /) -> GiteaPull:
        self._check(repository)
        return await self.around("pull", lambda: self.world.pull(number))

    async def merge(self, repository: str, number: int, head: str, /) -> None:
        self._check(repository)
        await self.around("merge", lambda: self.world.merge(number, head))

    async def close(self, repository: str, number: int, /) -> None:
        self._check(repository)
        await self.around("close", lambda: self.world.close(number))

    async def comment(self, repository: str, number: int, text: str, /) -> None:
        self._check(repository)
        await self.around("comment", lambda: self.world.comment(number, text))

    async def has_comment(self, repository: str, number: int, marker: str, /) -> bool:
        self._check(repository)
        return await self.around(
            "has_comment", lambda: any(marker in text for text in self.world.comments.get(number, ()))
        )

    async def open_issue(self, repository: str, title: str, text: str, /) -> int:
        self._check(repository)
        return await self.around("open_issue", lambda: self.world.open_issue(title, text))

    async def find_issue(self, repository: str, marker: str, since: float, /) -> int | None:
        self._check(repository)
        assert since >= 0
        known = self.world.issues
        return await self.around(
            "find_issue", lambda: next((one for one, (_, text) in known.items() if marker in text), None)
        )

    async def start_review(self, card: str, run: str, /) -> str:
        return await self.around("start_review", lambda: self._start(card, run))

    async def deploy(self, request: DeployRequest, /) -> DeployedSandbox:
        return await self.around("deploy", lambda: self._deploy(request))

    def _start(self, card: str, run: str) -> str:
        if run not in self.world.started:
            self.world.started[run] = card
            self.world.done[f"review {card}"] += 1
        return f"run {run}"

    def _deploy(self, request: DeployRequest) -> DeployedSandbox:
        if request.key not in self.world.sandboxes:
            self.world.sandboxes[request.key] = request
            self.world.done[f"deploy {request.number}"] += 1
        return DeployedSandbox(id="sandbox-shop", url="http://127.0.0.1:8001")

    def _check(self, repository: str) -> None:
        assert repository == REPOSITORY


def desk_of(store: Store, client: WorldClient, clock: Clock, **options: Any) -> ReviewDesk:
    """Return a desk that does everything by one client."""
    return ReviewDesk(
        secret=SECRET,
        repositories=[REPOSITORY],
        store=store,
        gitea=client,
        reviews=client,
        sandboxes=client,
        clock=clock,
        **options,
    )
