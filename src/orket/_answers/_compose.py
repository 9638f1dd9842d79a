"""A compose file against what is known to be harmless: the Compose Specification grows, and what is new is refused.

Nothing is said of a value, which may hold the password; only where it stands.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from types import MappingProxyType
from typing import Any, Final

from orket.contracts import SandboxPorts, SandboxQuestion

_TOP: Final = frozenset({"name", "version", "services", "volumes", "networks", "configs"})
_SERVICE: Final = frozenset(
    {
        *("attach", "build", "cap_drop", "command", "configs", "container_name"),
        *("cpu_period", "cpu_quota", "cpu_shares"),
        *("cpus", "cpuset", "depends_on", "deploy", "dns", "dns_opt", "dns_search", "domainname", "entrypoint"),
        *("environment", "expose", "extra_hosts", "healthcheck", "hostname", "image", "init", "ipc", "labels", "links"),
        *("logging", "mem_limit", "mem_reservation", "memswap_limit", "network_mode", "networks", "pid", "pids_limit"),
        *("platform", "ports", "post_start", "pre_stop", "privileged", "profiles"),
        *("pull_policy", "read_only", "restart"),
        *("scale", "security_opt", "shm_size", "stdin_open", "stop_grace_period", "stop_signal", "tmpfs", "tty"),
        *("ulimits", "user", "volumes", "working_dir"),
    }
)
_BUILD: Final = frozenset(
    {
        *("args", "context", "dockerfile", "dockerfile_inline", "labels", "network", "no_cache", "pull", "shm_size"),
        "target",
    }
)
_SECTIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "volumes": frozenset({"driver", "labels"}),
        "networks": frozenset({"attachable", "driver", "enable_ipv6", "internal", "labels"}),
        "configs": frozenset({"content", "labels"}),
    }
)
_LOGGING: Final = frozenset({"json-file", "local", "none"})  # others send to, or write where, the host is told
_LOG_OPTIONS: Final = frozenset({"max-size", "max-file", "compress", "mode", "max-buffer-size"})
_DOLLAR: Final = re.compile(r"(?<!\$)(?:\$\$)*\$(?!\$)")
_PORT: Final = re.compile(r"127\.0\.0\.1:(\d{1,5}):\d{1,5}(?:/(?:tcp|udp))?")


def unknown(project: dict[str, Any], question: SandboxQuestion) -> Iterator[str]:
    """Yield what of a compose file is not known to be harmless."""
    yield from _strangers("", project, _TOP)
    yield from (f"{path} is filled in by compose; valid: '$$' for a dollar sign" for path in _filled_in("", project))
    for section, keys in _SECTIONS.items():
        for name, body in _bodies(project, section):
            here = f"{section}.{name}"
            yield from _strangers(here, body, keys)
            if section == "volumes" and body.get("driver", "local") != "local":
                yield f"{here}.driver is foreign; valid: 'local'"
    for name, service in project["services"].items():
        here = f"services.{name}"
        if type(service) is not dict:
            yield f"{here} is no object; valid: a service"
        else:
            yield from _service(here, service, question)


def _service(here: str, service: dict[str, Any], question: SandboxQuestion) -> Iterator[str]:
    yield from _strangers(here, service, _SERVICE)
    yield from _handed_over(f"{here}.environment", service.get("environment"))
    yield from _ports(f"{here}.ports", service.get("ports"), question.ports)
    if not isinstance(service.get("volumes"), list | None):
        yield f"{here}.volumes is no list; valid: a list of volumes"
    if "build" in service:
        yield from _build(f"{here}.build", service["build"], question.product)
    if (logging := service.get("logging")) is not None:
        options = logging.get("options") if type(logging) is dict else None
        is_local = type(logging) is dict and logging.get("driver", "local") in _LOGGING
        if not is_local or not _LOG_OPTIONS.issuperset(options or ()):
            yield f"{here}.logging leads elsewhere; valid: the drivers {', '.join(sorted(_LOGGING))}, without a path"


def _strangers(here: str, body: dict[str, Any], known: frozenset[str]) -> Iterator[str]:
    for key in body:
        if key not in known and not key.startswith("x-"):
            yield f"{here}{'.' if here else ''}{key} is not known to be harmless; valid: {', '.join(sorted(known))}"


def _bodies(project: dict[str, Any], section: str) -> Iterator[tuple[str, dict[str, Any]]]:
    found = project.get(section)
    for name, body in found.items() if type(found) is dict else ():
        yield name, body if type(body) is dict else {}


def _filled_in(path: str, value: Any) -> Iterator[str]:
    """Yield where compose would put in something of its environment."""
    match value:
        case str() if _DOLLAR.search(value):
            yield path
        case list():
            for index, item in enumerate(value):
                yield from _filled_in(f"{path}[{index}]", item)
        case dict():
            for key, item in value.items():
                here = f"{path}.{key}" if path else key
                yield from (here for _ in _DOLLAR.findall(key)[:1])
                yield from _filled_in(here, item)


def _handed_over(path: str, variables: Any) -> Iterator[str]:
    """Yield the variables that have no value here: compose would take the host's."""
    match variables:
        case None:
            return
        case dict():
            names = [key for key, value in variables.items() if value is None]
        case list():
            names = [str(index) for index, one in enumerate(variables) if type(one) is not str or "=" not in one]
        case _:
            names = ["*"]
    yield from (f"{path}.{name} takes the host's value; valid: variables with values" for name in names)


def _ports(path: str, ports: Any, given: SandboxPorts) -> Iterator[str]:
    own = {given.api, given.frontend, given.database, given.admin} - {None}
    for index, port in enumerate(ports if type(ports) is list else () if ports is None else (None,)):
        if _published(port) not in own:
            yield f"{path}[{index}] is none of the question's ports on 127.0.0.1; valid: '127.0.0.1:<its port>:<inner>'"


def _published(port: Any) -> int | None:
    """Return the one port that is published on the loopback address; None where it is published otherwise."""
    match port:
        case str():
            found = _PORT.fullmatch(port)
            return int(found[1]) if found else None
        case {"host_ip": "127.0.0.1", "published": int() | str() as number}:
            return int(number) if str(number).isascii() and str(number).isdigit() else None
        case _:
            return None


def _build(path: str, build: Any, product: str) -> Iterator[str]:
    if type(build) is dict:
        yield from _strangers(path, build, _BUILD)
        yield from _handed_over(f"{path}.args", build.get("args"))
        context, dockerfile = build.get("context"), build.get("dockerfile", "Dockerfile")
    else:
        context, dockerfile = build, "Dockerfile"
    if type(context) is not str or not _is_below(context.replace("$$", "$"), product):
        yield f"{path}.context lies outside the product; valid: the product, or a folder of it"
    if type(dockerfile) is not str or dockerfile.startswith(("/", "~")) or ".." in PurePosixPath(dockerfile).parts:
        yield f"{path}.dockerfile lies outside its context; valid: a path in the context"


def _is_below(context: str, product: str) -> bool:
    """Return whether one path, as it is spelled, lies in another; where links lead is looked at when it is built."""
    place, home = PurePosixPath(context), PurePosixPath(product)
    return "://" not in context and ".." not in place.parts and place.is_relative_to(home)
