"""What a sandbox policy owes."""

import json
import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final
from urllib.parse import urlsplit

import attrs
from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import SandboxPolicyNode, SandboxPorts, SandboxQuestion, TechStack
from orket.testing._nodes import Call, NodeContract
from orket.testing._outcome import shown
from orket.testing._suite import rule
from orket.testing.strategies import (
    alone,
    hostile_identifiers,
    passwords,
    sandbox_ids,
    sandbox_ports,
    sandbox_questions,
)
from orket.testing.suites import _compose

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]*")
_PLAIN: Final = "plain-password"  # in URLs no character of it means anything
_STACKS: Final = st.sampled_from(TechStack)
_URLS: Final = st.tuples(_STACKS, sandbox_ports(), passwords())


def _secretive() -> SearchStrategy[tuple[str, Call]]:
    """Generate a password, and a call that is given it."""
    url = _URLS.map(lambda args: (args[2], ("database_url", args)))
    return st.one_of(url, sandbox_questions().map(lambda it: (it.database_password, ("compose_file", (it,)))))


class SandboxPolicyContract(NodeContract[SandboxPolicyNode]):
    """The rules of sandbox policies."""

    kind: ClassVar[str] = "sandbox_policy"
    prefix: ClassVar[str] = "sandbox-policy"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {
            "build_sandbox_id": alone(hostile_identifiers()),
            "build_compose_project": alone(sandbox_ids()),
            "database_url": _URLS,
            "compose_file": alone(sandbox_questions()),
        }

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        ports, stack = SandboxPorts(api=8001, frontend=3001, database=5433), TechStack.FASTAPI_REACT_POSTGRES
        question = SandboxQuestion(
            sandbox_id="sandbox-launch", stack=stack, ports=ports, product="./product", database_password=_PLAIN
        )
        return {
            "build_sandbox_id": ("launch",),
            "build_compose_project": ("sandbox-launch",),
            "database_url": (stack, ports, _PLAIN),
            "compose_file": (question,),
        }

    async def project(self, question: SandboxQuestion) -> dict[str, Any]:
        """Return the project that a new node describes; what is none makes the example not count: that is rule 25's."""
        text = await self.valid("compose_file", question, answer=str)
        try:
            project = json.loads(text)
        except ValueError:
            reject()
        if not isinstance(project, dict) or not isinstance(project.get("services"), dict):
            reject()
        return project

    @rule("20", rock=hostile_identifiers())
    async def names_sandboxes_safely(self, rock: str) -> None:
        """The id of a sandbox is made of [a-z0-9-] and begins with a letter or a digit, whatever its rock is called."""
        assert _NAME.fullmatch(await self.valid("build_sandbox_id", rock, answer=str))

    @rule("21", rock=hostile_identifiers(), other=hostile_identifiers())
    async def finds_a_sandbox_again(self, rock: str, other: str) -> None:
        """The sandbox of a rock has the same id whenever it is asked for, from whichever node."""
        node = self.make_node()
        first = await self.ask("build_sandbox_id", rock, node=node)
        await self.ask("build_sandbox_id", other, node=node)
        for again in (await self.ask("build_sandbox_id", rock, node=node), await self.ask("build_sandbox_id", rock)):
            assert self.alike(first, again), f"the sandbox of {rock!r} is {first!r}, and later {again!r}"

    @rule("22", sandbox=sandbox_ids())
    async def names_projects_safely(self, sandbox: str) -> None:
        """The name of a compose project is made of [a-z0-9-] and begins with a letter or a digit."""
        assert _NAME.fullmatch(await self.valid("build_compose_project", sandbox, answer=str))

    @rule("23", stack=_STACKS, ports=sandbox_ports())
    async def gives_urls(self, stack: TechStack, ports: SandboxPorts) -> None:
        """A database is reached under a URL, or there is none."""
        url = await self.valid("database_url", stack, ports, _PLAIN, answer=str)
        assert url == "" or re.match(r"[a-z][a-z0-9+.-]*://[^\s/]", url, re.IGNORECASE), "neither empty nor a URL"

    @rule("24", asked=_URLS)
    async def quotes_passwords(self, asked: tuple[TechStack, SandboxPorts, str]) -> None:
        """No character of a password changes where the URL of a database leads."""
        stack, ports, password = asked
        plain = urlsplit(await self.valid("database_url", stack, ports, _PLAIN, answer=str))
        assume(plain.scheme)  # else there is no database, or rule 23 is broken
        url = urlsplit(await self.valid("database_url", stack, ports, password, answer=str))
        leads = [(it.scheme, it.hostname, it.port, it.path) for it in (plain, url)]
        assert leads[0] == leads[1]

    @rule("25", question=sandbox_questions())
    async def writes_json(self, question: SandboxQuestion) -> None:
        """A compose file is a JSON object that defines services."""
        project = json.loads(await self.valid("compose_file", question, answer=str))
        assert isinstance(project, dict)
        assert isinstance(project.get("services"), dict)
        assert project["services"]

    @rule("26", question=sandbox_questions())
    async def writes_each_key_once(self, question: SandboxQuestion) -> None:
        """No object of a compose file has a key twice: readers would not agree which one counts."""
        await self.project(question)
        twice: list[str] = []

        def note(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
            keys = [key for key, _ in pairs]
            twice.extend({key for key in keys if keys.count(key) > 1})
            return dict(pairs)

        json.loads(await self.valid("compose_file", question, answer=str), object_pairs_hook=note)
        assert not twice

    @rule("27", question=sandbox_questions())
    async def grants_no_privileges(self, question: SandboxQuestion) -> None:
        """No container has privileges, devices or capabilities beyond those of any container."""
        assert not list(_compose.privileges(await self.project(question)))

    @rule("28", question=sandbox_questions())
    async def mounts_nothing_of_the_host(self, question: SandboxQuestion) -> None:
        """No container mounts or reads a file of its host."""
        assert not list(_compose.mounts(await self.project(question)))

    @rule("29", question=sandbox_questions())
    async def keeps_to_its_own_namespaces(self, question: SandboxQuestion) -> None:
        """No container shares a namespace or a network with its host or with another project."""
        assert not list(_compose.shared(await self.project(question)))

    @rule("30", question=sandbox_questions())
    async def includes_nothing(self, question: SandboxQuestion) -> None:
        """A compose file takes no part of the project from another file or address."""
        assert not list(_compose.fetched(await self.project(question)))

    @rule("31", question=sandbox_questions())
    async def publishes_on_this_machine_only(self, question: SandboxQuestion) -> None:
        """Every port is published on the loopback address only."""
        assert not list(_compose.exposed(await self.project(question)))

    @rule("32", question=sandbox_questions())
    async def names_nothing_after_the_password(self, question: SandboxQuestion) -> None:
        """No name in a compose file has the password in it."""
        secret = question.database_password.lower()
        plain = attrs.evolve(question, database_password=_PLAIN)
        for asked, password in ((question, secret), (plain, _PLAIN)):
            assert not any(password in name.lower() for name in _compose.names(await self.project(asked)))

    @rule("33", asked=_secretive())
    async def keeps_passwords_out_of_errors(self, asked: tuple[str, Call]) -> None:
        """What a policy raises does not quote the password that it was given."""
        password, (method, args) = asked
        _, error = await self.attempt(method, *args)
        assert password not in shown(error)

    @rule("34", question=sandbox_questions())
    async def leaves_nothing_to_fill_in(self, question: SandboxQuestion) -> None:
        """Nothing in a compose file is filled in from the environment of whoever runs compose."""
        assert not list(_compose.filled_in(await self.project(question)))

    @rule("35", question=sandbox_questions())
    async def builds_of_the_product(self, question: SandboxQuestion) -> None:
        """Images are built of the product's folder, or of folders below it."""
        assert not list(_compose.built(await self.project(question), question.product))

    @rule("36", question=sandbox_questions())
    async def publishes_its_own_ports(self, question: SandboxQuestion) -> None:
        """No port of this machine is published but those of the question."""
        assert not list(_compose.strange_ports(await self.project(question), question.ports))
