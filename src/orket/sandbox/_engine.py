"""What is asked of the container engine, and how its answers are read."""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from attrs import evolve, field, frozen

from orket.contracts import CommandResult, CommandRunner
from orket.errors import SandboxError
from orket.sandbox._compose import OWNER_LABEL, SANDBOX_LABEL, SERVICE_LABEL, image_repository, is_image_of
from orket.sandbox._health import Container
from orket.sandbox._secrets import Redactor
from orket.sandbox._settings import COMMAND_VARIABLE, ENGINE_VARIABLE, Commands, SandboxLimits

_SAID: Final = 2000  # characters of what a command said that are told
_TRIES: Final = 3  # looks at containers that vanish between being listed and being looked at
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")  # of sandboxes; what else is labelled as one is none
# Only what is needed: the environment of a container, and what its health check printed, hold secrets.
_FACTS: Final = (
    '{"id":{{json .ID}},"status":{{json .State.Status}},"code":{{json .State.ExitCode}},"labels":'
    '{{json .Config.Labels}},"health":{{if .State.Health}}{{json .State.Health.Status}}{{else}}""{{end}}}'
)
_UNREADABLE: Final = "the engine's answer cannot be read: it is not what was asked for"
_LABELS: Final = '{"labels":{{json .Labels}}}'
_NOT_THERE: Final = 127  # the command itself cannot be started
_GRACE: Final = "5"  # seconds that containers have to stop
_TAKEN: Final = re.compile(
    r"port is already allocated|address already in use|ports are not available|bind for \S+ failed", re.IGNORECASE
)
_CONTAINERS: Final = ("ps", "--all", "--quiet", "--no-trunc")
_NETWORKS: Final = ("network", "ls", "--quiet", "--no-trunc")
_VOLUMES: Final = ("volume", "ls", "--quiet")


def tail(result: CommandResult) -> str:
    """Return the end of what a command said; its secrets were taken out."""
    said = "\n".join(part.strip() for part in (result.stdout, result.stderr) if part.strip())
    return said if len(said) <= _SAID else f"…{said[-_SAID:]}"


def is_port_taken(result: CommandResult) -> bool:
    """Return whether a command says that somebody has bound a port meanwhile."""
    return _TAKEN.search(result.stdout + result.stderr) is not None


@frozen(kw_only=True)
class Engine:
    """A container engine behind its commands. It touches what carries the labels of *owner*, and nothing else."""

    runner: CommandRunner
    commands: Commands
    limits: SandboxLimits
    folder: Path
    owner: str
    redact: Redactor = field(factory=Redactor.of)

    def hiding(self, *secrets: str) -> "Engine":
        """Return the engine that tells nothing of these."""
        return evolve(self, redact=Redactor.of(*secrets))

    async def up(self, project: str, file: Path) -> CommandResult:
        """Build the images of a project and begin its containers; failing is a result."""
        argv = (*self.commands.compose, "-p", project, "-f", str(file), "up", "-d", "--build")
        return await self._run(argv, file.parent, self.limits.build)

    async def containers(self, sandbox: str = "") -> list[Container]:
        """Return the containers of a sandbox ("": of all).

        Raises:
            SandboxError: the engine does not answer, or says something that cannot be read.
        """
        tries, is_fresh = _TRIES, self.commands.engine[-1].rpartition("/")[2] != "podman"
        while ids := await self._listed(_CONTAINERS, sandbox):
            result = await self._ask("inspect", "--type", "container", "--format", _FACTS, *ids, fails=True)
            if result.returncode == 0:
                found = [_container(one) for one in _objects(result.stdout)]
                if is_fresh or not await self._examine(found):
                    return found
                is_fresh = True
                continue
            tries -= 1
            if not tries:
                raise self._failed("inspect", result)
        return []

    async def _examine(self, containers: Sequence[Container]) -> bool:
        """Run the health checks, which podman leaves to systemd where there is one; return whether there are any."""
        checked = [one for one in containers if one.status == "running" and one.health]
        for one in checked:
            await self._ask("healthcheck", "run", one.id, fails=True)
        return bool(checked)

    async def sandboxes(self) -> set[str]:
        """Return the sandboxes of which the engine has containers, networks or volumes.

        Raises:
            SandboxError: the engine does not answer, or says something that cannot be read.
        """
        found = {container.sandbox for container in await self.containers()}
        for listing in (_NETWORKS, _VOLUMES):
            if names := await self._listed(listing, ""):
                result = await self._ask(listing[0], "inspect", "--format", _LABELS, *names, fails=True)
                found.update(_label(one, SANDBOX_LABEL) for one in _objects(result.stdout))
        return {name for name in found if _NAME.fullmatch(name)}

    async def stop(self, sandbox: str) -> None:
        """Stop the containers of a sandbox.

        Raises:
            SandboxError: they still run.
        """
        ids = [one.id for one in await self.containers(sandbox) if one.status not in ("exited", "created", "dead")]
        if ids:
            result = await self._ask("stop", "-t", _GRACE, *ids, fails=True)
            if any(one.status == "running" for one in await self.containers(sandbox)):
                raise self._failed("stop", result)

    async def remove(self, sandbox: str) -> None:
        """Remove everything of a sandbox: containers, networks, volumes, and images that were built for it.

        Raises:
            SandboxError: something is still there.
        """
        for listing, removal in (
            (_CONTAINERS, ("rm", "--force", "--volumes")),
            (_NETWORKS, ("network", "rm")),
            (_VOLUMES, ("volume", "rm")),
        ):
            if found := await self._listed(listing, sandbox):
                result = await self._ask(*removal, *found, fails=True)
                if await self._listed(listing, sandbox):
                    raise self._failed(" ".join(removal), result)
        if images := await self._images(sandbox):
            result = await self._ask("rmi", "--force", *images, fails=True)
            if await self._images(sandbox):
                raise self._failed("rmi", result)

    async def logs(self, container: Container, lines: int) -> str:
        """Return the last lines that a container wrote, without secrets.

        Raises:
            SandboxError: they cannot be had.
        """
        result = await self._ask("logs", "--tail", str(lines), container.id)
        said = [part.removesuffix("\n") for part in (result.stdout, result.stderr)]
        return "".join([f"{part}\n" for part in said if part])

    async def _images(self, sandbox: str) -> list[str]:
        ours = image_repository(self.owner)
        result = await self._ask("images", "--format", "{{.Repository}}:{{.Tag}}")
        names = [line.strip().removeprefix("localhost/").rpartition(":") for line in result.stdout.splitlines()]
        tags = [tag for repository, _, tag in names if repository == ours and is_image_of(tag, sandbox)]
        return [f"{ours}:{tag}" for tag in tags]

    async def _listed(self, listing: Sequence[str], sandbox: str) -> list[str]:
        mine = ("--filter", f"label={OWNER_LABEL}={self.owner}")
        its = ("--filter", f"label={SANDBOX_LABEL}={sandbox}") if sandbox else ()
        found = (await self._ask(*listing, *mine, *its)).stdout.split()
        if any(one.startswith("-") for one in found):  # no name: it would be an option of the next command
            raise SandboxError(_UNREADABLE, retryable=True)
        return found

    async def _ask(self, *argv: str, fails: bool = False) -> CommandResult:
        """Run a command of the engine.

        Raises:
            SandboxError: it cannot be run or ran out of time; unless *fails* is valid, also where it failed.
        """
        result = await self._run((*self.commands.engine, *argv), self.folder, self.limits.query)
        if result.timed_out or result.returncode == _NOT_THERE or (result.returncode != 0 and not fails):
            raise self._failed(argv[0], result)
        return result

    async def _run(self, argv: Sequence[str], folder: Path, seconds: float) -> CommandResult:
        result = await self.runner.run(argv, cwd=folder, timeout=seconds)
        return evolve(result, stdout=self.redact(result.stdout), stderr=self.redact(result.stderr))

    def _failed(self, what: str, result: CommandResult) -> SandboxError:
        name = " ".join((*self.commands.engine, what))
        if result.timed_out:
            return SandboxError(f"{name} did not end in time: {tail(result)}", retryable=True)
        is_there = result.returncode != _NOT_THERE
        advice = "" if is_there else f"; install it, or name another by {COMMAND_VARIABLE} and {ENGINE_VARIABLE}"
        return SandboxError(f"{name} failed ({result.returncode}): {tail(result)}{advice}", retryable=is_there)


def _objects(text: str) -> list[dict[str, Any]]:
    """Return the objects that an engine printed, one a line.

    Raises:
        SandboxError: it printed something else.
    """
    try:
        found: list[Any] = [json.loads(line) for line in text.splitlines() if line.strip()]
    except (ValueError, RecursionError):
        found = [None]
    if not all(isinstance(one, dict) for one in found):
        raise SandboxError(_UNREADABLE, retryable=True)
    return found


def _label(found: dict[str, Any], label: str) -> str:
    labels = found.get("labels")
    return str(labels.get(label, "")) if isinstance(labels, dict) else ""


def _container(found: dict[str, Any]) -> Container:
    health, code = str(found.get("health", "")), found.get("code")
    return Container(
        id=str(found.get("id", "")),
        sandbox=_label(found, SANDBOX_LABEL),
        service=_label(found, SERVICE_LABEL),
        status=str(found.get("status", "")).lower(),
        health="" if health == "none" else health,
        exit_code=code if isinstance(code, int) else 0,
    )
