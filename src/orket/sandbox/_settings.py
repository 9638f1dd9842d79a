"""Which commands are used, and for how long: as constructor, environment and process rules say, in this order."""

import shlex
from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from orket._value import Value
from orket.cards import JsonValue
from orket.contracts import TechStack
from orket.errors import SandboxError, WiringError

COMMAND_VARIABLE: Final = "ORKET_SANDBOX_COMMAND"
ENGINE_VARIABLE: Final = "ORKET_SANDBOX_ENGINE"
COMMAND_RULE: Final = "sandbox_command"
ENGINE_RULE: Final = "sandbox_engine"
STACK_RULE: Final = "sandbox_stack"
PRODUCT_RULE: Final = "sandbox_product"
COMPOSE: Final = ("docker", "compose")
PRODUCT: Final = "agent_output"
Argv: TypeAlias = tuple[str, ...]

_PASSED: Final = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR"),
        *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy"),
        *("no_proxy", "COMPOSE_HTTP_TIMEOUT", "COMPOSE_PARALLEL_LIMIT", "COMPOSE_DOCKER_CLI_BUILD"),
    }
)
_PASSED_PREFIXES: Final = ("DOCKER_", "CONTAINER_", "CONTAINERS_", "BUILDKIT_", "BUILDX_")


@frozen(kw_only=True, repr=False, eq=False)
class SandboxLimits(Value):
    """How long is waited, in seconds.

    ``query`` for one look at the engine, or one removal; ``build`` until the images are built and the containers begun;
    ``start`` until all are well after that; ``poll`` between two looks.
    """

    query: float = 60.0
    build: float = 600.0
    start: float = 240.0
    poll: float = 1.0


@frozen(kw_only=True, repr=False, eq=False)
class Commands(Value):
    """The beginnings of the commands: of compose, and of the engine behind it."""

    compose: Argv
    engine: Argv


def choose_commands(
    compose: Sequence[str], engine: Sequence[str], environ: Mapping[str, str], rules: Mapping[str, JsonValue]
) -> Commands:
    """Return the commands that are used.

    Args:
        compose: as the constructor was told; () for nothing.
        engine: likewise.
        environ: ``ORKET_SANDBOX_COMMAND`` and ``ORKET_SANDBOX_ENGINE`` say it as a shell would read it.
        rules: the process rules ``sandbox_command`` and ``sandbox_engine``, a text or a list of texts.

    Raises:
        WiringError: what is said is no command, or nothing says which engine belongs to it.
    """
    compose = (
        _argv("command", compose)
        or _argv(COMMAND_VARIABLE, environ.get(COMMAND_VARIABLE))
        or _argv(COMMAND_RULE, rules.get(COMMAND_RULE))
        or COMPOSE
    )
    said = (
        _argv("engine", engine)
        or _argv(ENGINE_VARIABLE, environ.get(ENGINE_VARIABLE))
        or _argv(ENGINE_RULE, rules.get(ENGINE_RULE))
    )
    return Commands(compose=tuple(compose), engine=said or _engine_of(tuple(compose)))


def _engine_of(compose: Argv) -> Argv:
    *before, last = compose
    for engine in ("docker", "podman"):
        if last.rpartition("/")[2] == f"{engine}-compose":
            return (*before, last.removesuffix("-compose"))
        if last == "compose" and before and before[-1].rpartition("/")[2] == engine:
            return tuple(before)
    raise WiringError(
        [f"the sandbox command {list(compose)} does not say which engine it drives; name it by {ENGINE_VARIABLE}"]
    )


def _argv(source: str, said: object) -> Argv:
    if said is None or said == "" or said == ():
        return ()
    try:
        parts = tuple(shlex.split(said)) if isinstance(said, str) else said
    except ValueError:
        parts = ()
    if isinstance(parts, list | tuple) and parts and all(isinstance(part, str) and part for part in parts):
        return tuple(parts)
    raise WiringError([f"{source} is {said!r:.100}; valid: a command such as 'docker compose', or its parts in a list"])


def passed_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what the commands get of an environment: where the engine is, and nothing for containers to see."""
    return {name: value for name, value in environ.items() if name in _PASSED or name.startswith(_PASSED_PREFIXES)}


def choose_stack(said: object, card: str) -> TechStack:
    """Return the stack that something names for a card.

    Raises:
        SandboxError: it is none.
    """
    if isinstance(said, str) and said in tuple(TechStack):
        return TechStack(said)
    raise SandboxError(f"the stack of {card} is {said!r:.80}; valid: {', '.join(TechStack)}")
