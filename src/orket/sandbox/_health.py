"""What the containers of a sandbox say about it: pure."""

from collections.abc import Collection
from typing import Final

from attrs import frozen

from orket._value import Value
from orket.sandbox._states import SandboxState

_UNDER_WAY: Final = frozenset({"created", "restarting"})


@frozen(kw_only=True, repr=False, eq=False)
class Container(Value):
    """A container as the engine has it. ``health`` is "" where it has no health check."""

    id: str
    sandbox: str
    service: str
    status: str
    health: str = ""
    exit_code: int = 0

    @property
    def is_fine(self) -> bool:
        """Return whether it runs well, or has done what it was for."""
        if self.status == "running":
            return self.health in ("", "healthy")
        return self.status == "exited" and self.exit_code == 0

    @property
    def may_become(self) -> bool:
        """Return whether time alone may make it run well."""
        return self.is_fine or self.status in _UNDER_WAY or (self.status == "running" and self.health == "starting")

    def __str__(self) -> str:
        """Return it in a few words."""
        code = f" ({self.exit_code})" if self.status in ("exited", "dead") else ""
        return f"{self.service} {self.health if self.status == 'running' and self.health else self.status}{code}"


@frozen(kw_only=True, repr=False, eq=False)
class Verdict(Value):
    """Where a sandbox stands. ``may_become``: waiting may help."""

    state: SandboxState
    detail: str
    may_become: bool = False


def judge(services: Collection[str], containers: Collection[Container]) -> Verdict:
    """Return where a sandbox of these services stands, going by its containers."""
    if not any(it.status in ("running", "paused", "restarting") for it in containers):
        said = ", ".join(sorted(map(str, containers))) or "no container is left"
        is_starting = any(it.status == "created" for it in containers)
        return Verdict(state=SandboxState.STOPPED, detail=said, may_become=is_starting)
    missing = sorted(set(services) - {it.service for it in containers})
    wrong = sorted(str(it) for it in containers if not it.is_fine)
    if not missing and not wrong:
        return Verdict(state=SandboxState.RUNNING, detail="", may_become=True)
    told = ", ".join([*wrong, *(f"{name} missing" for name in missing)])
    hope = not missing and all(it.may_become for it in containers)
    return Verdict(state=SandboxState.UNHEALTHY, detail=told, may_become=hope)
