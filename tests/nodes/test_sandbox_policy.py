"""What a sandbox looks like by default."""

import json
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket._answers import CHECKS
from orket.contracts import SandboxPolicyNode, SandboxPorts, SandboxQuestion, TechStack
from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode

NODE = DefaultSandboxPolicyNode()
PORTS = SandboxPorts(api=8001, frontend=3001, database=5433, admin=8081)
PASSWORD = "p$w{d}@:/ \"'%"


def compose(stack: TechStack, *, product: str = "/srv/product", ports: SandboxPorts = PORTS) -> dict[str, Any]:
    question = SandboxQuestion(
        sandbox_id="sandbox-launch", stack=stack, ports=ports, product=product, database_password=PASSWORD
    )
    text = NODE.compose_file(question)
    assert CHECKS["sandbox_policy", "compose_file"](text, question) is None
    data: dict[str, Any] = json.loads(text)
    return data


def test_satisfies_the_protocol() -> None:
    """The node has every method of its protocol."""
    assert isinstance(NODE, SandboxPolicyNode)


def test_names_are_readable() -> None:
    """A sandbox is named after its rock, its compose project after the sandbox."""
    assert NODE.build_sandbox_id("core-launch") == "sandbox-core-launch"
    assert NODE.build_compose_project("sandbox-core-launch") == "orket-sandbox-core-launch"


@settings(max_examples=60)
@given(st.text())
def test_names_are_safe(rock: str) -> None:
    """Whatever a rock is called, its sandbox has a name of ``[a-z0-9-]`` that fits into a DNS label."""
    sandbox = NODE.build_sandbox_id(rock)
    project = NODE.build_compose_project(sandbox)
    assert CHECKS["sandbox_policy", "build_sandbox_id"](sandbox, rock) is None
    assert CHECKS["sandbox_policy", "build_compose_project"](project, sandbox) is None
    assert len(f"{project}-database-1") <= 71
    assert sandbox == NODE.build_sandbox_id(rock)


@pytest.mark.parametrize(
    ("one", "other"), [("A", "a"), ("a_b", "a-b"), ("a b", "a.b"), ("é", "è"), ("x" * 99, "x" * 98), ("", "-")]
)
def test_rocks_that_look_alike_have_sandboxes_of_their_own(one: str, other: str) -> None:
    """Where a name loses something on its way, the sandbox's does not collide with another's."""
    assert NODE.build_sandbox_id(one) != NODE.build_sandbox_id(other)


@pytest.mark.parametrize("stack", TechStack)
def test_every_container_is_hardened(stack: TechStack) -> None:
    """No capabilities, no new privileges, no mounts, limits, a health check, and ports of this machine only."""
    for name, service in compose(stack)["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["pids_limit"] > 0, name
        assert service["mem_limit"], name
        assert service["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}, name
        assert all(port.startswith("127.0.0.1:") for port in service["ports"]), name
        assert not service.keys() & {"volumes", "privileged", "network_mode", "cap_add", "devices", "pid", "ipc"}, name


@pytest.mark.parametrize("stack", TechStack)
def test_ports_are_the_ones_asked_for(stack: TechStack) -> None:
    """Each published port is published once; services that nobody asked for are not there."""
    services = compose(stack)["services"]
    published = {name: int(service["ports"][0].split(":")[1]) for name, service in services.items()}
    wanted = {"api": 8001, "frontend": 3001, "database": 5433, "admin": 8081}
    absent = {"frontend"} if stack is TechStack.CSHARP_RAZOR_EF else set()
    absent |= {"admin"} if stack is TechStack.FASTAPI_VUE_MONGO else set()
    assert published == {name: port for name, port in wanted.items() if name not in absent}
    assert "admin" not in compose(stack, ports=SandboxPorts(api=1, frontend=2, database=3))["services"]


@pytest.mark.parametrize("stack", TechStack)
def test_the_password_reaches_database_and_product_only(stack: TechStack) -> None:
    """The password is passed literally, in the environment of the database and, within the URL, of the API."""
    services = compose(stack)["services"]
    literal = PASSWORD.replace("$", "$$")
    assert [name for name, service in services.items() if literal in service["environment"].values()] == ["database"]
    url = urlsplit(services["api"]["environment"]["DATABASE_URL"].replace("$$", "$"))
    assert (unquote(url.password or ""), url.hostname) == (PASSWORD, "database")
    assert [name for name, service in services.items() if "DATABASE_URL" in service["environment"]] == ["api"]


@pytest.mark.parametrize("stack", TechStack)
def test_compose_has_nothing_to_fill_in(stack: TechStack) -> None:
    """Every ``$`` is doubled: a password, a folder or a health check is never taken for a variable."""
    text = json.dumps(compose(stack, product="/srv/$HOME/${X}"))
    assert "$" not in text.replace("$$", "")


@pytest.mark.parametrize("stack", TechStack)
def test_this_machine_reaches_the_database_by_its_published_port(stack: TechStack) -> None:
    """The URL has the loopback address, the published port and the quoted password."""
    answer = NODE.database_url(stack, PORTS, PASSWORD)
    assert CHECKS["sandbox_policy", "database_url"](answer, stack, PORTS, PASSWORD) is None
    url = urlsplit(answer)
    assert (url.hostname, url.port, unquote(url.password or "")) == ("127.0.0.1", 5433, PASSWORD)
