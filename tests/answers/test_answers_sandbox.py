"""Answers of the sandbox policy."""

import json

import pytest

from orket._answers import CHECKS
from orket.contracts import SandboxPorts, SandboxQuestion, TechStack

KIND = "sandbox_policy"
PORTS = SandboxPorts(api=8000, frontend=3000, database=5432)
STACK = TechStack.FASTAPI_REACT_POSTGRES
QUESTION = SandboxQuestion(sandbox_id="s", stack=STACK, ports=PORTS, product="p", database_password="hunter2")


def compose(top: dict | None = None, **service) -> str:
    return json.dumps({"services": {"api": {"image": "python:3.12", **service}}, **(top or {})})


def judge(text: object) -> str | None:
    return CHECKS[KIND, "compose_file"](text, QUESTION)


HARMLESS = [
    compose(),
    compose(build={"context": "p/backend", "args": {"file": "x"}}, ports=["127.0.0.1:8000:8000"]),
    compose({"volumes": {"data": {}, "devices": None}}, volumes=["data:/var/lib/data", "/cache"]),
    compose(volumes=[{"type": "volume", "source": "data", "target": "/d"}, {"type": "tmpfs", "target": "/t"}]),
    compose({"networks": {"inner": {"driver": "bridge", "internal": True}, "plain": None}}, networks={"inner": None}),
    compose(environment={"privileged": "1", "pid": "host"}, labels={"file": "x"}, cap_drop=["ALL"]),
    compose(security_opt=["no-new-privileges:true"], privileged=False, network_mode="none", pid=None),
    compose(network_mode="service:db", ipc="private", read_only=True),
    json.dumps({"services": {"runtime": {"image": "a"}, "network": {"image": "b"}}}),
]

HARMFUL = [
    (compose(privileged=True), "services.api.privileged is set"),
    (compose(privileged="true"), "services.api.privileged is set"),
    (compose(build={"context": ".", "privileged": True}), "services.api.build.privileged is set"),
    (compose(cap_add=["SYS_ADMIN"]), "services.api.cap_add is set"),
    (compose(devices=["/dev/kvm"]), "services.api.devices is set"),
    (compose(use_api_socket=True), "services.api.use_api_socket is set"),
    (compose(deploy={"resources": {"reservations": {"devices": [{}]}}}), "reservations.devices is set"),
    (compose(post_start=[{"command": "x", "privileged": True}]), "services.api.post_start[0].privileged is set"),
    (compose(security_opt=["seccomp:unconfined"]), "services.api.security_opt is set"),
    (compose(security_opt="no-new-privileges:true"), "services.api.security_opt is set"),
    (compose(volumes=["/:/host"]), "services.api.volumes[0] mounts the host"),
    (compose(volumes=["data:/a", "./src:/app"]), "services.api.volumes[1] mounts the host"),
    (compose(volumes=["~/.ssh:/ssh"]), "mounts the host"),
    (compose(volumes=["C:\\Users:/users"]), "mounts the host"),
    (compose(volumes=["${HOME:-/}:/home"]), "mounts the host"),
    (compose(volumes=["${MOUNT}"]), "mounts the host"),
    (compose(volumes=[{"type": "bind", "source": "/", "target": "/host"}]), "mounts the host"),
    (compose(volumes=[{"type": "volume", "source": "/", "target": "/host"}]), "mounts the host"),
    (compose(volumes=[["/:/host"]]), "mounts the host"),
    (compose({"volumes": {"data": {"driver_opts": {"device": "/"}}}}), "volumes.data.driver_opts is set"),
    (compose({"volumes": {"data": {"external": True}}}), "volumes.data.external is set"),
    (compose({"secrets": {"key": {"file": "/etc/shadow"}}}), "secrets.key.file is set"),
    (compose({"include": ["other.yml"]}), "include is set"),
    (compose(extends={"file": "other.yml", "service": "x"}), "services.api.extends is set"),
    (compose(env_file="/etc/environment"), "services.api.env_file is set"),
    (compose(network_mode="host"), "services.api.network_mode is shared"),
    (compose(network_mode="HOST"), "services.api.network_mode is shared"),
    (compose(network_mode="${NET}"), "services.api.network_mode is shared"),
    (compose(pid="host"), "services.api.pid is shared"),
    (compose(ipc="container:other"), "services.api.ipc is shared"),
    (compose(uts=["host"]), "services.api.uts is shared"),
    (compose(build={"context": ".", "network": "host"}), "services.api.build.network is shared"),
    (compose({"networks": {"host": None}}), "networks.host is not private"),
    (compose({"networks": {"out": {"driver": "host"}}}), "networks.out is not private"),
    (compose({"networks": {"out": "host"}}), "networks.out is not private"),
    (json.dumps({"x-evil": {"privileged": True}, "services": {"a": {"<<": {}}}}), "x-evil.privileged is set"),
    (json.dumps({"services": {"a": {"<<": {"image": "x"}}}}), "services.a.<< is set"),
]


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_compose_files_pass(text):
    """Volumes, networks, builds and hardening of the sandbox's own are allowed."""
    assert judge(text) is None


@pytest.mark.parametrize(("text", "complaint"), HARMFUL)
def test_a_hold_on_the_host_is_refused(text, complaint):
    """Every way to privileges, files, namespaces or networks of the host is found, however deep it is hidden."""
    assert complaint in judge(text)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "answer is None; valid: str"),
        ("services:\n  api: {}", "answer is no JSON (Expecting value)"),
        ('{"services": {"a": {}, "a": {"privileged": true}}}', "answer is no JSON (an object has a key twice)"),
        ("[" * 100_000, "answer is no JSON"),
        ("[]", "answer has no services"),
        ('{"services": {}}', "answer has no services"),
        ('{"services": ["api"]}', "answer has no services"),
    ],
)
def test_other_texts_are_no_compose_files(text, complaint):
    """What is not a JSON object with services, parsed strictly, is no compose file."""
    assert complaint in judge(text)


@pytest.mark.parametrize("method", ["build_sandbox_id", "build_compose_project"])
def test_names_are_lower_case_words(method):
    """Names consist of a-z, 0-9 and dashes and cannot be taken for an option."""
    check = CHECKS[KIND, method]
    assert check("sandbox-rock-1", "rock") is None
    for bad in ("Rock", "rock_1", "", "-rock", "rock\n", None):
        assert "valid: a str of [a-z0-9-]" in check(bad, "rock")


@pytest.mark.parametrize("url", ["", "postgresql://u:hunter2@localhost:5432/db", "sqlite:///data.db", "mongodb://h/db"])
def test_urls_pass(url):
    """A URL with a scheme passes; a stack without a database has an empty one."""
    assert CHECKS[KIND, "database_url"](url, STACK, PORTS, "hunter2") is None


@pytest.mark.parametrize(
    "url", ["hunter2", "localhost:5432", "http://a hunter2", "http://[hunter2", "http://a\nb", b"x"]
)
def test_other_texts_are_no_urls_and_stay_unsaid(url):
    """What is no URL is refused without quoting it: it may hold the password."""
    complaint = CHECKS[KIND, "database_url"](url, STACK, PORTS, "hunter2")
    assert "valid: " in complaint
    assert "hunter2" not in complaint
