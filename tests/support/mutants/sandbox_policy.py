"""Sandbox policies that are wrong in one way each."""

import json
import os
from collections.abc import Callable
from typing import Any

from mutants import Mutant
from mutants.answers import foreign, unstorable
from mutants.nodes import universal
from orket.contracts import SandboxPorts, SandboxQuestion, TechStack
from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode as Default
from orket.testing import SandboxPolicyContract


def other(answer: Any, salt: str) -> Any:
    if "://" not in answer or answer.startswith("{"):
        return answer
    return f"{answer}{'&' if '?' in answer else '?'}note={salt}"


class Underlined(Default):
    def build_sandbox_id(self, rock_id: str, /) -> str:
        return super().build_sandbox_id(rock_id).replace("-i", "_i")


class Fresh(Default):
    def build_sandbox_id(self, rock_id: str, /) -> str:
        return f"sandbox-{os.urandom(4).hex()}"


class Dashed(Default):
    def build_compose_project(self, sandbox_id: str, /) -> str:
        return sandbox_id.removeprefix("sandbox")


class Dsn(Default):
    def database_url(self, stack: TechStack, ports: SandboxPorts, password: str, /) -> str:
        if stack is TechStack.CSHARP_RAZOR_EF:
            return f"Server=127.0.0.1,{ports.database};User=sa"
        return super().database_url(stack, ports, password)


class Raw(Default):
    def database_url(self, stack: TechStack, ports: SandboxPorts, password: str, /) -> str:
        return f"postgresql://app:{password}@127.0.0.1:{ports.database}/app"


class Yaml(Default):
    def compose_file(self, question: SandboxQuestion, /) -> str:
        text = super().compose_file(question)
        return f"# {question.sandbox_id}\n{text}" if question.ports.admin else text


class Repeats(Default):
    def compose_file(self, question: SandboxQuestion, /) -> str:
        return super().compose_file(question).replace('"restart": "no"', '"restart": "always", "restart": "no"')


class Boastful(Default):
    def compose_file(self, question: SandboxQuestion, /) -> str:
        if not question.database_password.isascii():
            raise ValueError(f"cannot use {question.database_password}")
        return super().compose_file(question)


class Edited(Default):
    """Spoils the projects that have a port for an administration."""

    def __init__(self, edit: Callable[[dict[str, Any], SandboxQuestion], None]) -> None:
        self._edit = edit

    def compose_file(self, question: SandboxQuestion, /) -> str:
        project = json.loads(super().compose_file(question))
        if question.ports.admin:
            self._edit(project, question)
        return json.dumps(project)


def edited(rule: str, how: str, edit: Callable[[dict[str, Any], SandboxQuestion], None]) -> Mutant:
    return Mutant(rule=f"sandbox-policy-{rule}", make=lambda: Edited(edit), how=how)


def debugs(project: dict[str, Any], _: SandboxQuestion) -> None:
    project["services"]["api"]["cap_add"] = ["SYS_PTRACE"]


def binds(project: dict[str, Any], question: SandboxQuestion) -> None:
    project["services"]["api"]["volumes"] = [f"{question.product}/backend:/app:ro"]


def joins(project: dict[str, Any], _: SandboxQuestion) -> None:
    project["services"]["api"]["network_mode"] = "host"


def includes(project: dict[str, Any], _: SandboxQuestion) -> None:
    project["include"] = ["https://example.org/monitoring.git"]


def publishes(project: dict[str, Any], _: SandboxQuestion) -> None:
    ports = project["services"]["api"]["ports"]
    ports[:] = [port.removeprefix("127.0.0.1:") for port in ports]


def brands(project: dict[str, Any], question: SandboxQuestion) -> None:
    project["services"]["database"]["container_name"] = f"db-{question.database_password}"


def fills(project: dict[str, Any], _: SandboxQuestion) -> None:
    project["services"]["api"]["environment"]["HOME"] = "${HOME}"


def wanders(project: dict[str, Any], question: SandboxQuestion) -> None:
    project["services"]["api"]["build"]["context"] = f"{question.product}/../backend"


def squats(project: dict[str, Any], question: SandboxQuestion) -> None:
    project["services"]["api"]["ports"] = [f"127.0.0.1:{question.ports.api % 65535 + 1}:8000"]


MUTANTS = (
    *universal(SandboxPolicyContract, Default, other=other, unstorable=unstorable, foreign=foreign),
    Mutant(rule="sandbox-policy-20", make=Underlined, how="has an underscore in some ids"),
    Mutant(
        rule="sandbox-policy-21",
        make=Fresh,
        how="makes a new sandbox each time",
        attributes={"deterministic": False},
    ),
    Mutant(rule="sandbox-policy-22", make=Dashed, how="names projects that begin with a dash"),
    Mutant(rule="sandbox-policy-23", make=Dsn, how="gives a connection string of another sort for one stack"),
    Mutant(rule="sandbox-policy-24", make=Raw, how="puts the password into the URL as it is"),
    Mutant(rule="sandbox-policy-25", make=Yaml, how="begins some files with a comment"),
    Mutant(rule="sandbox-policy-26", make=Repeats, how="says twice whether a container is restarted"),
    edited("27", "lets the API be debugged", debugs),
    edited("28", "mounts the sources", binds),
    edited("29", "shares the network of the host", joins),
    edited("30", "includes a project of another address", includes),
    edited("31", "publishes on all addresses", publishes),
    edited("32", "names the container of the database after the password", brands),
    Mutant(
        rule="sandbox-policy-33",
        make=Boastful,
        how="quotes the password that it cannot use",
        attributes={"errors": (ValueError,)},
    ),
    edited("34", "passes a variable of the host on", fills),
    edited("35", "builds of a folder beside the product", wanders),
    edited("36", "publishes the next port", squats),
)
