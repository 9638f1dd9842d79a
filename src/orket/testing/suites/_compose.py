"""What a compose file gives its containers, read section by section of the Compose Specification.

Each function yields where something of its sort stands; a file that keeps the contract yields nothing.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any, Final

from orket.contracts import SandboxPorts

_PRIVILEGES: Final = (
    *("privileged", "cap_add", "devices", "device_cgroup_rules", "cgroup_parent", "gpus", "runtime", "sysctls"),
    *("group_add", "credential_spec", "use_api_socket"),
)
_NAMESPACES: Final = ("network_mode", "pid", "ipc", "uts", "cgroup", "userns_mode")
_NAMES: Final = ("name", "container_name", "hostname", "domainname", "image")
_VOLUME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")  # a single letter is a drive
_REMOTE: Final = re.compile(r"[a-z+]+://|git@|github\.com/|oci:", re.IGNORECASE)
_LOOPBACK: Final = re.compile(r"127\.\d+\.\d+\.\d+:|\[::1\]:")


def _bodies(found: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and body of what a section defines."""
    if isinstance(found, dict):
        for name, body in found.items():
            yield name, body if isinstance(body, dict) else {}


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _object(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}


def privileges(project: dict[str, Any]) -> Iterator[str]:
    """Yield what gives a container more than an ordinary one has."""
    for name, service in _bodies(project["services"]):
        yield from (f"{name}.{key}" for key in _PRIVILEGES if service.get(key))
        for option in _listed(service.get("security_opt")):
            if re.fullmatch(r"no-new-privileges([:=]true)?", str(option)) is None:
                yield f"{name}.security_opt {option}"
        build = _object(service.get("build"))
        yield from (f"{name}.build.{key}" for key in ("privileged", "entitlements", "ssh") if build.get(key))
        resources = _object(_object(service.get("deploy")).get("resources"))
        if _object(resources.get("reservations")).get("devices"):
            yield f"{name}.deploy.resources.reservations.devices"
        for hook in ("post_start", "pre_stop"):
            if any(_object(step).get("privileged") for step in _listed(service.get(hook))):
                yield f"{name}.{hook}"


def mounts(project: dict[str, Any]) -> Iterator[str]:
    """Yield what brings files of the host into a container."""
    for name, service in _bodies(project["services"]):
        yield from (
            f"{name}.{key}" for key in ("volumes_from", "env_file", "label_file", "develop") if service.get(key)
        )
        for volume in _listed(service.get("volumes")):
            if not _is_own(volume):
                yield f"{name}.volumes {volume}"
    for name, volume in _bodies(project.get("volumes")):
        if volume.get("driver_opts"):  # type: none, o: bind
            yield f"volumes.{name}.driver_opts"
    for section in ("configs", "secrets"):
        yield from (f"{section}.{name}.file" for name, body in _bodies(project.get(section)) if body.get("file"))


def _is_own(volume: Any) -> bool:
    """Return whether a volume lies in the project: a named one, an anonymous one, or in memory."""
    if isinstance(volume, dict):
        source = volume.get("source")
        named = source is None or _VOLUME.fullmatch(str(source)) is not None
        return volume.get("type") in ("volume", "tmpfs") and named
    source, colon, _ = str(volume).partition(":")
    return _VOLUME.fullmatch(source) is not None if colon else "$" not in source


def shared(project: dict[str, Any]) -> Iterator[str]:
    """Yield the namespaces and networks that a container has in common with its host or with strangers."""
    for name, service in _bodies(project["services"]):
        yield from (f"{name}.{key}" for key in _NAMESPACES if _is_foreign(service.get(key)))
        if _is_foreign(_object(service.get("build")).get("network")):
            yield f"{name}.build.network"
    for name, network in _bodies(project.get("networks")):
        if network.get("external") or network.get("driver", "bridge") != "bridge" or name == "host":
            yield f"networks.{name}"


def _is_foreign(namespace: Any) -> bool:
    """Return whether a namespace is somebody else's, or may be: a variable stands for anything."""
    said = str(namespace or "").lower()
    return said == "host" or said.startswith("container:") or "$" in said


def fetched(project: dict[str, Any]) -> Iterator[str]:
    """Yield what takes parts of the project from elsewhere."""
    yield from (key for key in ("include", "<<") if project.get(key))
    for name, service in _bodies(project["services"]):
        yield from (f"{name}.{key}" for key in ("extends", "provider", "<<") if service.get(key))
        build = service.get("build")
        context = build.get("context", "") if isinstance(build, dict) else build
        if _REMOTE.match(str(context or "")):
            yield f"{name}.build {context}"
        if _object(build).get("additional_contexts"):
            yield f"{name}.build.additional_contexts"


def filled_in(project: Any) -> Iterator[str]:
    """Yield the texts and names that compose would fill in from its environment, and variables that it would take."""
    if isinstance(project, dict):
        for key, value in project.items():
            if key in ("environment", "args") and isinstance(value, dict | list):
                yield from (str(one) for one in value if isinstance(value, list) and "=" not in str(one))
                yield from (str(one) for one in value if isinstance(value, dict) and value[one] is None)
            yield from filled_in(key)
            yield from filled_in(value)
    elif isinstance(project, list):
        for value in project:
            yield from filled_in(value)
    elif isinstance(project, str) and "$" in project.replace("$$", ""):
        yield project


def built(project: dict[str, Any], product: str) -> Iterator[str]:
    """Yield the folders outside the product that images are built of."""
    home = PurePosixPath(product).parts
    for name, service in _bodies(project["services"]):
        build = service.get("build")
        parts = {"context": build} if isinstance(build, str) else _object(build)
        context = PurePosixPath(str(parts.get("context", product)).replace("$$", "$")).parts
        dockerfile = PurePosixPath(str(parts.get("dockerfile", "Dockerfile")))
        if context[: len(home)] != home or ".." in context:
            yield f"{name}.build.context"
        if dockerfile.is_absolute() or ".." in dockerfile.parts:
            yield f"{name}.build.dockerfile"


def strange_ports(project: dict[str, Any], ports: SandboxPorts) -> Iterator[str]:
    """Yield the published ports that are none of the sandbox's own."""
    own = {str(one) for one in (ports.api, ports.frontend, ports.database, ports.admin) if one is not None}
    for name, service in _bodies(project["services"]):
        for port in _listed(service.get("ports")):
            said = str(port.get("published")) if isinstance(port, dict) else str(port).rpartition(":")[0]
            if said.rpartition(":")[2] not in own:
                yield f"{name}.ports {port}"


def exposed(project: dict[str, Any]) -> Iterator[str]:
    """Yield the ports that are published beyond the loopback address."""
    for name, service in _bodies(project["services"]):
        for port in _listed(service.get("ports")):
            if isinstance(port, dict):
                inside = str(port.get("host_ip", "")).startswith("127.") or port.get("host_ip") == "::1"
            else:
                inside = _LOOPBACK.match(str(port)) is not None
            if not inside:
                yield f"{name}.ports {port}"


def names(project: dict[str, Any]) -> Iterator[str]:
    """Yield all names: of the project, its parts, its containers and images."""
    yield str(project.get("name", ""))
    for section in ("services", "volumes", "networks", "configs", "secrets"):
        for name, body in _bodies(project.get(section)):
            yield name
            yield from (str(body[key]) for key in _NAMES if key in body)
            yield from (str(one) for key in ("profiles", "networks", "labels") for one in _texts(body.get(key)))


def _texts(found: Any) -> Iterator[str]:
    """Yield the keys and items of what is listed, and the aliases of networks."""
    for one in found if isinstance(found, dict | list) else ():
        yield str(one)
        yield from map(str, _listed(_object(_object(found).get(one) if isinstance(found, dict) else {}).get("aliases")))
