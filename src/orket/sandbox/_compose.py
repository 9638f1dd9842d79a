"""From a policy's compose file to the one that is written: with our labels, and what dialects do not agree on left out.

The file was checked when the policy gave it. What is added here no policy can leave out or forge.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from orket._value import Value
from orket.contracts import SandboxPorts
from orket.errors import SandboxError
from orket.sandbox._folder import SECRET

OWNER_LABEL: Final = "orket.owner"
SANDBOX_LABEL: Final = "orket.sandbox"
SERVICE_LABEL: Final = "orket.service"
_TAG: Final = 100  # characters of a sandbox's id in the tag of an image, which may have 128
_PORT: Final = re.compile(r"(?:\[?[0-9a-fA-F.:]+\]?:)?(\d+):\d+(?:/\w+)?")


@frozen(kw_only=True, repr=False, eq=False)
class Dressed(Value):
    """A compose file as it is written, the names of its services, and which of the sandbox's ports it publishes."""

    text: str
    services: tuple[str, ...]
    published: tuple[str, ...]


def labels(owner: str, sandbox: str, service: str = "") -> dict[str, str]:
    """Return the labels of what belongs to a sandbox."""
    ours = {OWNER_LABEL: owner, SANDBOX_LABEL: sandbox}
    return {**ours, SERVICE_LABEL: service} if service else ours


def image_repository(owner: str) -> str:
    """Return where the images are named that are built for an owner's sandboxes."""
    return f"orket-sandbox/{owner}"


def is_image_of(tag: str, sandbox: str) -> bool:
    """Return whether an image of this tag was built for a sandbox."""
    return tag.rpartition(".")[0] == sandbox[:_TAG]


def dress(text: str, ports: SandboxPorts, *, owner: str, sandbox: str, secret: str) -> Dressed:
    """Return a policy's compose file with our labels on everything that the engine makes of it.

    Args:
        text: the policy's, checked.
        ports: the sandbox's.
        owner: the store's identity.
        sandbox: its id.
        secret: the password; it is noted in the file, so that it can be taken out of what is shown later.
    """
    project: dict[str, Any] = json.loads(text)
    project.pop("name", None)  # docker-compose 1 rejects it; the project is named on the command line
    project.pop("version", None)
    services: dict[str, dict[str, Any]] = project["services"]
    for index, (name, service) in enumerate(services.items()):
        service["labels"] = {**_as_mapping(service.get("labels")), **labels(owner, sandbox, name)}
        if "build" in service:  # a name of ours, so that it is found again, and takes no image's of somebody else
            service["image"] = f"{image_repository(owner)}:{sandbox[:_TAG]}.{index}"
    for section in ("networks", "volumes"):
        for name, body in (project.get(section) or {}).items():
            dressed = {**(body or {})}
            dressed["labels"] = {**_as_mapping(dressed.get("labels")), **labels(owner, sandbox)}
            project[section][name] = dressed
    if any("networks" not in it and "network_mode" not in it for it in services.values()):
        networks = project.setdefault("networks", None) or {}
        networks.setdefault("default", {"labels": labels(owner, sandbox)})
        project["networks"] = networks
    project[SECRET] = secret
    return Dressed(
        text=json.dumps(project, indent=2),
        services=tuple(services),
        published=_published(services, ports),
    )


def _as_mapping(found: Any) -> dict[str, Any]:
    """Return labels, which may be listed as ``key=value``, as a mapping."""
    if isinstance(found, list):
        return {key: value for key, _, value in (str(one).partition("=") for one in found)}
    return found if isinstance(found, dict) else {}


def _published(services: Mapping[str, Mapping[str, Any]], ports: SandboxPorts) -> tuple[str, ...]:
    out = {port for service in services.values() for one in service.get("ports") or () for port in _host_ports(one)}
    return tuple(name for name in ("api", "frontend", "database", "admin") if getattr(ports, name) in out)


def _host_ports(port: Any) -> Iterator[int]:
    if isinstance(port, dict):
        port = f"{port.get('published')}:0"
    if found := _PORT.fullmatch(str(port)):
        yield int(found[1])


def refuse_contexts_outside(text: str, workspace: Path) -> None:
    """Look where the folders lead that images are built of (blocking I/O).

    Raises:
        SandboxError: one is missing, or a link leads out of the workspace: its files would be sent to the engine.
    """
    home = workspace.resolve()
    for name, service in json.loads(text)["services"].items():
        build = service.get("build")
        if build is None:
            continue
        context = Path(build if isinstance(build, str) else build.get("context", ""))
        dockerfile = Path("Dockerfile" if isinstance(build, str) else build.get("dockerfile", "Dockerfile"))
        for path in (Path(str(context).replace("$$", "$")), Path(str(context / dockerfile).replace("$$", "$"))):
            if not path.resolve().is_relative_to(home):
                raise SandboxError(f"service {name} is built of {path}, which lies outside the workspace {home}")
        if not Path(str(context).replace("$$", "$")).is_dir():
            raise SandboxError(f"service {name} is built of {context}, and there is no such folder")
