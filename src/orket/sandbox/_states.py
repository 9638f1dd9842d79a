"""What is known of a sandbox, and how it may move on: pure."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import evolve, frozen

from orket._value import Value
from orket.contracts import SandboxPorts, TechStack
from orket.errors import SandboxError


class SandboxState(enum.StrEnum):
    """Where a sandbox stands, as far as is on record."""

    CREATING = "creating"
    RUNNING = "running"
    UNHEALTHY = "unhealthy"
    STOPPING = "stopping"
    STOPPED = "stopped"
    DELETED = "deleted"


_CREATING, _RUNNING, _UNHEALTHY, _STOPPING, _STOPPED, _DELETED = SandboxState
TRANSITIONS: Final[Mapping[SandboxState | None, frozenset[SandboxState]]] = MappingProxyType(
    {
        None: frozenset({_CREATING}),
        _CREATING: frozenset({_CREATING, _RUNNING, _UNHEALTHY, _STOPPED, _STOPPING}),  # creating again: other ports
        _RUNNING: frozenset({_UNHEALTHY, _STOPPED, _STOPPING}),
        _UNHEALTHY: frozenset({_RUNNING, _UNHEALTHY, _STOPPED, _STOPPING}),  # ill again: for another reason
        _STOPPING: frozenset({_STOPPED}),
        # Somebody may start its containers again.
        _STOPPED: frozenset({_RUNNING, _UNHEALTHY, _STOPPED, _STOPPING, _DELETED}),
        _DELETED: frozenset({_CREATING}),
    }
)


@frozen(kw_only=True, repr=False, eq=False)
class Sandbox(Value):
    """A sandbox as it is on record. Nothing of it is secret.

    ``card`` is whose it is, ``product`` the folder of the sources, ``key`` what it was made for. ``services`` are the
    names of its containers' services, ``published`` which of its ports they publish on the loopback address.
    ``doomed``: its removal was begun, and is finished whatever happens. ``version`` grows with every change, also over
    its deletion; ``stamps`` of the last changes tell apart two that wanted the same version.
    """

    id: str
    card: str
    project: str
    stack: TechStack
    product: str
    ports: SandboxPorts
    services: tuple[str, ...]
    published: tuple[str, ...]
    state: SandboxState
    created_at: float
    changed_at: float
    key: str = ""
    detail: str = ""
    doomed: bool = False
    version: int = 0
    stamps: tuple[str, ...] = ()

    @property
    def api(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self.ports.api}"

    @property
    def url(self) -> str:
        """Where people reach it: its front end, or its API where it has none."""
        return f"http://127.0.0.1:{self.ports.frontend}" if "frontend" in self.published else self.api

    @property
    def is_live(self) -> bool:
        """Return whether something of it may be there."""
        return self.state is not SandboxState.DELETED


def move(sandbox: Sandbox, state: SandboxState, now: float, detail: str = "", **changes: Any) -> Sandbox:
    """Return a sandbox in another state.

    Raises:
        SandboxError: it cannot come there from where it is.
    """
    if state not in TRANSITIONS[sandbox.state]:
        valid = ", ".join(sorted(TRANSITIONS[sandbox.state]))
        raise SandboxError(
            f"sandbox {sandbox.id} is {sandbox.state} and cannot become {state}; valid: {valid}", sandbox=sandbox.id
        )
    return evolve(sandbox, state=state, detail=detail, changed_at=now, **changes)
