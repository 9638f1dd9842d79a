"""The stock sandbox: a compose project of a database, an API and a front end, reachable from this machine only.

Every container drops all capabilities, cannot gain privileges, mounts nothing of the host, and has a limit of memory,
processors and processes. The product's sources get in by building images of ``<product>/backend`` and
``<product>/frontend``, each with a Dockerfile of its own.

**The file is a secret.** The database password stands in the environment of the containers that need it. A variable
that compose fills in would have to pass through the environment of whoever runs it, a secret file is a mount of the
host; this way there is one file to protect. Write it with mode 0600 outside the workspace, and keep it out of records.
"""

import hashlib
import json
import re
from types import MappingProxyType
from typing import Final, NotRequired, TypedDict
from urllib.parse import quote

from attrs import frozen

from orket.contracts import SandboxPorts, SandboxQuestion, TechStack

_MAX_NAME: Final = 48  # container names are "<project>-<service>-1"; a DNS label has 63 characters


class Build(TypedDict):
    """The folder that an image is built of."""

    context: str


class Healthcheck(TypedDict):
    """When a container counts as ready."""

    test: list[str]
    interval: str
    timeout: str
    retries: int
    start_period: str


class Condition(TypedDict):
    """What another container waits for."""

    condition: str


class ComposeService(TypedDict):
    """A container."""

    image: NotRequired[str]
    build: NotRequired[Build]
    user: NotRequired[str]
    environment: dict[str, str]
    ports: list[str]
    depends_on: NotRequired[dict[str, Condition]]
    healthcheck: Healthcheck
    cap_drop: list[str]
    security_opt: list[str]
    mem_limit: str
    cpus: float
    pids_limit: int
    init: bool
    restart: str


class ComposeFile(TypedDict):
    """A compose project."""

    name: str
    services: dict[str, ComposeService]


@frozen(kw_only=True)
class _Database:
    """A database's official image. ``user`` is its own unprivileged one, so that it starts without capabilities."""

    image: str
    user: str
    port: int
    scheme: str
    login: str
    path: str
    environment: dict[str, str]
    password_variable: str
    ready: tuple[str, ...]
    memory: str = "512m"


_POSTGRES: Final = _Database(
    image="postgres:16",
    user="postgres",
    port=5432,
    scheme="postgresql",
    login="app",
    path="/app",
    environment={"POSTGRES_USER": "app", "POSTGRES_DB": "app"},
    password_variable="POSTGRES_PASSWORD",  # noqa: S106 - the variable's name
    ready=("CMD", "pg_isready", "-h", "127.0.0.1", "-U", "app", "-d", "app"),
)
_MONGO: Final = _Database(
    image="mongo:7",
    user="mongodb",
    port=27017,
    scheme="mongodb",
    login="app",
    path="/app?authSource=admin",
    environment={"MONGO_INITDB_ROOT_USERNAME": "app", "MONGO_INITDB_DATABASE": "app"},
    password_variable="MONGO_INITDB_ROOT_PASSWORD",  # noqa: S106 - the variable's name
    ready=("CMD", "mongosh", "--quiet", "--eval", "quit(db.adminCommand('ping').ok ? 0 : 1)"),
)
_SQL_SERVER: Final = _Database(
    image="mcr.microsoft.com/mssql/server:2022-latest",
    user="mssql",
    port=1433,
    scheme="mssql",
    login="sa",
    path="/master",
    environment={"ACCEPT_EULA": "Y"},
    password_variable="MSSQL_SA_PASSWORD",  # noqa: S106 - the variable's name
    ready=("CMD-SHELL", '/opt/mssql-tools18/bin/sqlcmd -C -S localhost -U sa -P "$MSSQL_SA_PASSWORD" -Q "SELECT 1"'),
    memory="2g",  # the server refuses to start with less
)
_DATABASES: Final = MappingProxyType(
    {
        TechStack.FASTAPI_REACT_POSTGRES: _POSTGRES,
        TechStack.FASTAPI_VUE_MONGO: _MONGO,
        TechStack.CSHARP_RAZOR_EF: _SQL_SERVER,
        TechStack.NODE_REACT_POSTGRES: _POSTGRES,
        TechStack.DJANGO_REACT_POSTGRES: _POSTGRES,
    }
)
_PYTHON: Final = ("python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 3)")
_NODE: Final = (
    "node",
    "-e",
    "require('net').connect({port}, '127.0.0.1', () => process.exit(0)).on('error', () => process.exit(1))",
)
_BASH: Final = ("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/8080")
_API_PORT: Final = 8000
_DOTNET_PORT: Final = 8080  # where ASP.NET images listen
_FRONTEND_PORT: Final = 3000


class DefaultSandboxPolicyNode:
    """Describe sandboxes with the official image of the stack's database and the product's own images."""

    contract_version = 1

    def build_sandbox_id(self, rock_id: str, /) -> str:
        """Return ``sandbox-<rock>``."""
        return f"sandbox-{_safe(rock_id)}"

    def build_compose_project(self, sandbox_id: str, /) -> str:
        """Return ``orket-<sandbox>``."""
        return f"orket-{_safe(sandbox_id)}"

    def database_url(self, stack: TechStack, ports: SandboxPorts, password: str, /) -> str:
        """Return the URL of the database as this machine sees it: on the loopback address, at its published port."""
        return _url(_DATABASES[stack], "127.0.0.1", ports.database, password)

    def compose_file(self, question: SandboxQuestion, /) -> str:
        """Return the compose file as JSON. It holds the password: see this module's notes."""
        ports = question.ports
        services = {"database": _database(question), "api": _api(question)}
        if question.stack is not TechStack.CSHARP_RAZOR_EF:  # Razor pages are served by the API itself
            services["frontend"] = _service(
                build=Build(context=_literal(f"{question.product}/frontend")),
                environment={"PORT": str(_FRONTEND_PORT), "API_URL": f"http://127.0.0.1:{ports.api}"},
                ports=[_publish(ports.frontend, _FRONTEND_PORT)],
                depends_on={"api": Condition(condition="service_healthy")},
                healthcheck=_healthcheck(("CMD", *(part.format(port=_FRONTEND_PORT) for part in _NODE))),
            )
        if ports.admin is not None and question.stack is not TechStack.FASTAPI_VUE_MONGO:
            services["admin"] = _service(  # asks whoever opens it for the password
                image="adminer:4",
                user="adminer",
                environment={"ADMINER_DEFAULT_SERVER": "database"},
                ports=[_publish(ports.admin, 8080)],
                depends_on={"database": Condition(condition="service_healthy")},
                healthcheck=_healthcheck(("CMD", "php", "-r", "exit(fsockopen('127.0.0.1', 8080) ? 0 : 1);")),
            )
        project = ComposeFile(name=self.build_compose_project(question.sandbox_id), services=services)
        return json.dumps(project, indent=2)


def _database(question: SandboxQuestion) -> ComposeService:
    database = _DATABASES[question.stack]
    password = _literal(question.database_password)
    return _service(
        image=database.image,
        user=database.user,
        environment={**database.environment, database.password_variable: password},
        ports=[_publish(question.ports.database, database.port)],
        healthcheck=_healthcheck(tuple(_literal(part) for part in database.ready)),
        memory=database.memory,
    )


def _api(question: SandboxQuestion) -> ComposeService:
    database = _DATABASES[question.stack]
    ready, port = _PYTHON, _API_PORT
    if question.stack is TechStack.NODE_REACT_POSTGRES:
        ready = (*_NODE[:2], _NODE[2].format(port=port))
    elif question.stack is TechStack.CSHARP_RAZOR_EF:
        ready, port = _BASH, _DOTNET_PORT
    url = _url(database, "database", database.port, question.database_password)
    return _service(
        build=Build(context=_literal(f"{question.product}/backend")),
        environment={"DATABASE_URL": _literal(url), "PORT": str(port)},
        ports=[_publish(question.ports.api, port)],
        depends_on={"database": Condition(condition="service_healthy")},
        healthcheck=_healthcheck(("CMD", *ready)),
    )


def _service(
    *,
    environment: dict[str, str],
    ports: list[str],
    healthcheck: Healthcheck,
    image: str | None = None,
    build: Build | None = None,
    user: str | None = None,
    depends_on: dict[str, Condition] | None = None,
    memory: str = "512m",
) -> ComposeService:
    service = ComposeService(
        environment=environment,
        ports=ports,
        healthcheck=healthcheck,
        cap_drop=["ALL"],
        security_opt=["no-new-privileges:true"],
        mem_limit=memory,
        cpus=1.0,
        pids_limit=256,
        init=True,
        restart="no",
    )
    if image is not None:
        service["image"] = image
    if build is not None:
        service["build"] = build
    if user is not None:
        service["user"] = user
    if depends_on is not None:
        service["depends_on"] = depends_on
    return service


def _healthcheck(test: tuple[str, ...]) -> Healthcheck:
    return Healthcheck(test=list(test), interval="5s", timeout="5s", retries=20, start_period="10s")


def _publish(host: int, container: int) -> str:
    return f"127.0.0.1:{host}:{container}"


def _url(database: _Database, host: str, port: int, password: str) -> str:
    return f"{database.scheme}://{database.login}:{quote(password, safe='')}@{host}:{port}{database.path}"


def _literal(text: str) -> str:
    """Return *text* for compose to take as it is: ``$`` would start a variable."""
    return text.replace("$", "$$")


def _safe(name: str) -> str:
    """Return *name* in ``[a-z0-9-]``; where that loses something, part of its digest keeps two names two sandboxes."""
    plain = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if plain and plain == name and len(plain) <= _MAX_NAME:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:8]
    return f"{plain[: _MAX_NAME - 9].rstrip('-')}-{digest}".lstrip("-")
