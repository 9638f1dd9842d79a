"""Answers of the sandbox policy. Nothing of an answer is shown in a message: it may hold the database password.

A compose file is judged by what gives a container a hold on its host. Compose reads JSON as YAML, so the file is parsed
strictly: a repeated key, which parsers disagree about, is refused.
"""

import json
import re
from collections.abc import Iterator
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit

from orket._answers._compose import unknown
from orket._answers._exact import found, unlike
from orket.contracts import SandboxQuestion

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")  # a leading "-" would read as an option of a command
_VOLUME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]+")
_HARMLESS: Final = frozenset({"environment", "labels", "args"})  # free-form data: keys there are not compose's own
_FORBIDDEN: Final = frozenset(
    {
        *("privileged", "cap_add", "devices", "device_cgroup_rules", "cgroup_parent", "gpus", "runtime", "sysctls"),
        *("volumes_from", "extends", "include", "env_file", "file", "additional_contexts", "entitlements", "provider"),
        *("use_api_socket", "credential_spec", "driver_opts", "group_add", "external", "external_links", "<<"),
        *("label_file", "develop", "ssh", "cache_to", "cache_from", "annotations", "ipam", "tags", "oom_kill_disable"),
        *("oom_score_adj",),
    }
)
_CATALOGUES: Final = frozenset({"services", "volumes", "networks", "configs", "secrets"})  # keys in them are names
_NAMESPACES: Final = frozenset({"network_mode", "pid", "ipc", "uts", "cgroup", "userns_mode", "userns", "network"})
_OF_NETWORKS: Final = frozenset({"network_mode", "network"})
_OWN: Final = (frozenset({"private", "shareable", "none", ""}), frozenset({"none", ""}))
_SERVICE_OF: Final = re.compile(r"service:[A-Za-z0-9._-]+")
_HARDENING: Final = frozenset({"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"})


def name(answer: Any, *_asked: object) -> str | None:
    """Check a sandbox id or the name of a compose project."""
    if type(answer) is str and _NAME.fullmatch(answer):
        return None
    return f"answer is {found(answer)}; valid: a str of [a-z0-9-] that starts with a letter or digit"


def url(answer: Any, *_asked: object) -> str | None:
    """Check a database URL: "" or ``scheme://…``."""
    if type(answer) is not str:
        return unlike("answer", answer, str)
    if answer == "":
        return None
    try:
        scheme = urlsplit(answer).scheme
    except ValueError:
        scheme = ""
    if scheme and answer[len(scheme) :].startswith("://") and answer.isprintable() and " " not in answer:
        return None
    return f"answer is a str of {len(answer)} characters that is no URL; valid: '' or scheme://..."


def compose_file(answer: Any, question: SandboxQuestion) -> str | None:
    """Check a compose file: a JSON object with services that give no hold on the host, and whose every key is known."""
    if type(answer) is not str:
        return unlike("answer", answer, str)
    try:
        data = json.loads(answer, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        said = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
        return f"answer is no JSON ({said}); valid: a compose file as a JSON object"
    services = data.get("services") if type(data) is dict else None
    if type(services) is not dict or not services:
        return "answer has no services; valid: a compose file as a JSON object with at least one service"
    return next(chain(_holds("", data), unknown(data, question)), None)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("an object has a key twice")
    return data


def _holds(path: str, value: Any) -> Iterator[str]:
    """Yield what in *value* would give a container a hold on its host."""
    is_catalogue = path in _CATALOGUES
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _holds(f"{path}[{index}]", item)
    elif isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}" if path else key
            if not is_catalogue:
                yield from _grants(here, key, item)
            if key not in _HARMLESS:
                yield from _holds(here, item)


def _grants(path: str, key: str, value: Any) -> Iterator[str]:
    if key in _FORBIDDEN and value is not False:
        yield f"{path} is set; valid: no privileges and nothing of the host's files"
    elif key in _NAMESPACES and not _is_own(key, value):
        yield f"{path} is shared; valid: namespaces of the sandbox's own"
    elif key == "security_opt" and not (isinstance(value, list) and _HARDENING.issuperset(map(str, value))):
        yield f"{path} is set; valid: only 'no-new-privileges:true'"
    elif key == "volumes" and isinstance(value, list):
        yield from (f"{path}[{i}] mounts the host; valid: volumes" for i, it in enumerate(value) if not _is_named(it))
    elif key == "networks" and isinstance(value, dict):
        yield from (
            f"{path}.{net} is not private; valid: bridges" for net, it in value.items() if not _is_private(net, it)
        )


def _is_own(key: str, namespace: Any) -> bool:
    """Return whether a namespace is the sandbox's; what is no known word may be the name of anybody's network."""
    if namespace is None:
        return True
    if not isinstance(namespace, str):
        return False
    return namespace in _OWN[key in _OF_NETWORKS] or _SERVICE_OF.fullmatch(namespace) is not None


def _is_named(volume: Any) -> bool:
    if isinstance(volume, str):
        source, colon, _ = volume.partition(":")
        # Without a colon it is an anonymous volume at that path of the container.
        return bool(_VOLUME.fullmatch(source)) if colon else "$" not in volume
    if not isinstance(volume, dict) or volume.get("type") not in ("volume", "tmpfs"):
        return False
    return "source" not in volume or bool(_VOLUME.fullmatch(str(volume["source"])))


def _is_private(network: str, body: Any) -> bool:
    if not isinstance(body, dict):
        return body is None and network != "host"
    return bool(body.get("driver", "bridge") == "bridge")
