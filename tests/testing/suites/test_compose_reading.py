"""What the sandbox suite finds in compose files."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from orket.testing.suites import _compose

Finder = Callable[[dict[str, Any]], Iterator[str]]

# Per finder: settings of a service that it finds, sections of a project that it finds.
SERVICES: list[tuple[Finder, dict[str, Any]]] = [
    (_compose.privileges, {"privileged": True}),
    (_compose.privileges, {"devices": ["/dev/kvm"]}),
    (_compose.privileges, {"gpus": "all"}),
    (_compose.privileges, {"security_opt": ["seccomp:unconfined"]}),
    (_compose.privileges, {"security_opt": ["no-new-privileges:false"]}),
    (_compose.privileges, {"build": {"context": ".", "privileged": True}}),
    (_compose.privileges, {"deploy": {"resources": {"reservations": {"devices": [{"capabilities": ["gpu"]}]}}}}),
    (_compose.privileges, {"post_start": [{"command": "x", "privileged": True}]}),
    (_compose.mounts, {"volumes": ["/:/host"]}),
    (_compose.mounts, {"volumes": ["./src:/app"]}),
    (_compose.mounts, {"volumes": ["~/x:/app"]}),
    (_compose.mounts, {"volumes": ["C:\\x:/app"]}),
    (_compose.mounts, {"volumes": ["$HOME:/app"]}),
    (_compose.mounts, {"volumes": ["$HOME"]}),
    (_compose.mounts, {"volumes": [{"type": "bind", "source": "data", "target": "/app"}]}),
    (_compose.mounts, {"volumes": [{"type": "volume", "source": "/x", "target": "/app"}]}),
    (_compose.mounts, {"volumes_from": ["container:other"]}),
    (_compose.mounts, {"env_file": ".env"}),
    (_compose.shared, {"network_mode": "host"}),
    (_compose.shared, {"network_mode": "container:other"}),
    (_compose.shared, {"pid": "${PID}"}),
    (_compose.shared, {"userns_mode": "HOST"}),
    (_compose.shared, {"build": {"context": ".", "network": "host"}}),
    (_compose.fetched, {"extends": {"file": "other.json", "service": "x"}}),
    (_compose.fetched, {"provider": {"type": "x"}}),
    (_compose.fetched, {"<<": {"privileged": True}}),
    (_compose.fetched, {"build": "https://example.org/x.git"}),
    (_compose.fetched, {"build": {"context": "git@example.org:x"}}),
    (_compose.fetched, {"build": {"context": ".", "additional_contexts": {"x": "/"}}}),
    (_compose.exposed, {"ports": ["8000:8000"]}),
    (_compose.exposed, {"ports": ["8000"]}),
    (_compose.exposed, {"ports": [8000]}),
    (_compose.exposed, {"ports": ["0.0.0.0:8000:8000"]}),
    (_compose.exposed, {"ports": [{"target": 8000, "published": "8000"}]}),
]
SECTIONS: list[tuple[Finder, dict[str, Any]]] = [
    (_compose.mounts, {"volumes": {"data": {"driver_opts": {"type": "none", "o": "bind", "device": "/"}}}}),
    (_compose.mounts, {"secrets": {"key": {"file": "/etc/shadow"}}}),
    (_compose.mounts, {"configs": {"key": {"file": "/etc/passwd"}}}),
    (_compose.shared, {"networks": {"front": {"external": True}}}),
    (_compose.shared, {"networks": {"front": {"driver": "macvlan"}}}),
    (_compose.shared, {"networks": {"host": None}}),
    (_compose.fetched, {"include": ["other.json"]}),
]
FINDERS = (_compose.privileges, _compose.mounts, _compose.shared, _compose.fetched, _compose.exposed)
HARMLESS: dict[str, Any] = {
    "name": "orket-x",
    "services": {
        "api": {
            "build": {"context": "./product/backend"},
            "cap_drop": ["ALL"],
            "privileged": False,
            "security_opt": ["no-new-privileges:true"],
            "network_mode": "none",
            "ports": ["127.0.0.1:8001:8000", "[::1]:8001:8000", {"host_ip": "127.0.0.1", "target": 1}],
            "volumes": ["data:/data", "/anonymous", {"type": "tmpfs", "target": "/tmp"}],
            "environment": {"privileged": "true", "pid": "host"},
        },
        "odd": None,
    },
    "volumes": {"data": None},
    "networks": {"default": {"driver": "bridge"}},
}


@pytest.mark.parametrize(("finder", "settings"), SERVICES)
def test_what_a_container_is_given_is_found(finder: Finder, settings: dict[str, Any]) -> None:
    """A setting of a service that reaches beyond the sandbox is found by one rule, and by no other."""
    project = {"services": {"api": settings}}
    assert [found for found in FINDERS if list(found(project))] == [finder]


@pytest.mark.parametrize(("finder", "sections"), SECTIONS)
def test_what_a_project_brings_is_found(finder: Finder, sections: dict[str, Any]) -> None:
    """A section of a project that reaches beyond the sandbox is found by one rule, and by no other."""
    project = {"services": {"api": {}}, **sections}
    assert [found for found in FINDERS if list(found(project))] == [finder]


@pytest.mark.parametrize("finder", FINDERS)
def test_an_ordinary_project_is_left_alone(finder: Finder) -> None:
    """Limits, named volumes, ports of this machine and data that only looks like settings are nothing to object to."""
    assert list(finder(HARMLESS)) == []


def test_all_names_are_read() -> None:
    """Names are those of the project, of its parts, and those that a part gives itself."""
    project = {"name": "p", "services": {"api": {"container_name": "c", "image": "i"}}, "volumes": {"v": {"name": "w"}}}
    assert list(_compose.names(project)) == ["p", "api", "c", "i", "v", "w"]
