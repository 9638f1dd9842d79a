"""What a host may pass to an orchestrator: every argument is checked where it is passed, and refused by its name."""

import importlib.util
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import Any, Final, TypeAlias

from attrs import Attribute

from orket._fit import methods
from orket._flow import Limits
from orket._registry import DecisionNodeRegistry
from orket._wiring import KINDS, Wiring
from orket.contracts import Clock, Isolation, Store, Tool, TurnExecutor
from orket.errors import RunError, WiringError
from orket.governance import STOCK_RULES, GateRule, ToolGate

Validator: TypeAlias = Callable[[object, "Attribute[Any]", object], None]
_BACKENDS: Final = ("asyncio", "trio")
_RESERVED: Final = frozenset({"call-limit", "host-rules"})  # they stand in verdicts and are no rules of a gate


def refuse(argument: str, found: object, valid: str) -> WiringError:
    """Return the error for an argument of a wrong kind; the value itself is quoted only where it is short and plain."""
    if isinstance(found, type):
        shown = f"the class {found.__name__}"
    else:
        plain = found is None or isinstance(found, str | bool | int | float)
        shown = f"{found!r:.80}" if plain else f"of type {type(found).__name__}"
    return WiringError([f"{argument} is {shown}; valid: {valid}"])


def config_folder(config: str | Path) -> Path:
    """Return the folder of the assets."""
    if not _is_path(config):
        raise refuse("config", config, "the path of the folder that holds config/ and model/")
    return Path(config)


def workspace_folder(workspace: str | Path) -> Path:
    """Return the folder where agents write."""
    if not _is_path(workspace):
        raise refuse("workspace", workspace, "the path of a folder")
    return Path(workspace).absolute()


def _is_path(given: object) -> bool:
    """Return whether the operating system could take this for a path: a NUL would end it too early."""
    return isinstance(given, str | os.PathLike) and "\0" not in str(given)


def tuple_of_tools(tools: Iterable[Tool]) -> tuple[Tool, ...]:
    """Return the host's tools; what each of them is, is looked at when the orchestrator opens."""
    return _tuple("tools", tools, "a list of tools, as @orket.tool makes them")


def tuple_of_rules(rules: Iterable[GateRule]) -> tuple[GateRule, ...]:
    """Return the host's gate rules."""
    return _tuple("gate_rules", rules, "a list of objects with `name` and `check`")


def _tuple(argument: str, given: Any, valid: str) -> tuple[Any, ...]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise refuse(argument, given, valid)
    return tuple(given)


_VARIABLES: Final = (
    "ORKET_CONCURRENCY",
    "ORKET_CONTEXT_WINDOW",
    "ORKET_TURN_BUDGET",
    "ORKET_ORG_NAME",
    "ORKET_ORG_VISION",
    "ORKET_CONFIG_ROOT",
    "ORKET_SANDBOX_COMMAND",
    "ORKET_SANDBOX_ENGINE",
    "ORKET_WORKSPACE",
)  # what stock nodes and fixtures read, beside the choices of nodes


def _one_of(valid: str, *types: type) -> Validator:
    """Return a validator that lets nothing pass but values of *types*; *valid* says it in words."""

    def check(_instance: object, field: "Attribute[Any]", value: object) -> None:
        if isinstance(value, type) or not isinstance(value, types):  # a class has what its instances have
            raise refuse(field.alias or field.name, value, valid)

    return check


a_store: Final = _one_of("a store, or the path of a file", Store, str, Path, NoneType)
nodes_by_kind: Final = _one_of("a mapping of kinds to names or nodes", Mapping)
a_registry: Final = _one_of("a DecisionNodeRegistry", DecisionNodeRegistry)
an_executor: Final = _one_of("an object with execute(task, body), or None", TurnExecutor, NoneType)
a_clock: Final = _one_of("an object with now() and sleep(seconds)", Clock)
an_isolation: Final = _one_of(f"an orket.contracts.Isolation: {', '.join(Isolation)}", Isolation)
some_limits: Final = _one_of("an orket.Limits", Limits)
a_model_name: Final = _one_of("a model's name, or ''", str)
yes_or_no: Final = _one_of("True or False", bool)


def a_file(_instance: object, field: "Attribute[Any]", value: object) -> None:
    """Refuse what is no path of a file; None names none."""
    if value is not None and not _is_path(value):
        raise refuse(field.alias or field.name, value, "the path of a file, or None")


def a_function(_instance: object, field: "Attribute[Any]", value: object) -> None:
    """Refuse what cannot be called."""
    if not callable(value):
        raise refuse(field.alias or field.name, value, "a function of a number, as os.urandom")


def an_environment(_instance: object, _field: "Attribute[Any]", environ: object) -> None:
    """Refuse an environment that is no mapping of texts."""
    valid = "a mapping of str to str, such as os.environ"
    if not isinstance(environ, Mapping):
        raise refuse("environ", environ, valid)
    for key, value in environ.items():
        if not isinstance(key, str) or not isinstance(value, str):  # the value is not quoted: it may be a secret
            raise WiringError([f"environ[{key!r:.80}] is of type {type(value).__name__}; valid: {valid}"])


def nodes_beside(own: Mapping[str, object], others: Wiring | Mapping[str, object]) -> Wiring | Mapping[str, object]:
    """Return who decides when *others* do, beside the host's own nodes; a wiring says it all by itself."""
    if isinstance(others, Wiring):
        return others
    if not isinstance(others, Mapping):
        raise refuse("wiring", others, "a Wiring, or a mapping of kinds to names or nodes")
    return {**own, **others}


def host_gate(rules: tuple[GateRule, ...]) -> ToolGate | None:
    """Return the gate of the host's own rules, or None without any.

    Raises:
        WiringError: a rule cannot be used, or has the name of a stock rule: verdicts must say who refused.
    """
    if not rules:
        return None
    gate = ToolGate(rules)
    stock = {rule.name for rule in STOCK_RULES} | _RESERVED
    if taken := [name for name in gate.rules if name in stock]:
        raise WiringError(
            [f"a gate rule of the host is named {name!r}, as a stock one is; rename it" for name in taken]
        )
    return gate


def check_backend(backend: object) -> None:
    """Refuse an event loop that anyio does not have, or that is not installed.

    Raises:
        WiringError: naming what is valid.
    """
    if backend not in _BACKENDS:
        raise refuse("backend", backend, " or ".join(map(repr, _BACKENDS)))
    if importlib.util.find_spec(str(backend)) is None:
        raise WiringError([f"backend {backend!r} is not installed: pip install {backend}"])


def misspelt_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning for every variable that is almost one of orket's: nobody reads it."""
    from difflib import get_close_matches  # only needed when something looks wrong

    known = {*_VARIABLES, *[spec.variable for spec in KINDS.values()]}
    names = [name.removeprefix("ORKET_") for name in known]
    for key, value in environ.items():
        if key.startswith("ORKET_") and value and key not in known:
            close = get_close_matches(key.removeprefix("ORKET_"), names, n=1, cutoff=0.75)
            if close:
                yield f"environment: nobody reads {key}; did you mean ORKET_{close[0]}?"


def check(argument: str, value: object, *, is_valid: bool, valid: str) -> None:
    """Refuse what a verb of an open orchestrator was given, where it is of no use.

    Raises:
        RunError: naming what is valid.
    """
    if not is_valid:
        raise RunError(f"{argument} is {value!r:.80}; valid: {valid}")


def check_cursor(since: object) -> None:
    """Refuse what cannot be the number of an entry.

    Raises:
        RunError: naming what is valid.
    """
    is_valid = isinstance(since, int) and not isinstance(since, bool)
    check("since", since, is_valid=is_valid, valid="the seq of an entry, a whole number")


def check_question(kind: str, method: str, args: tuple[object, ...]) -> None:
    """Refuse what no node of a kind can be asked.

    Raises:
        RunError: naming what is valid.
    """
    known = dict(methods(KINDS[kind].protocol))
    check("method", method, is_valid=method in known, valid=f"a method of {kind}: {', '.join(known)}")
    if len(args) != len(known[method]):
        raise RunError(f"{kind} was asked with {len(args)} arguments; valid: {method}({', '.join(known[method])})")


def suggest(name: object, known: Iterable[str]) -> str:
    """Return a question that names what was probably meant, with a space behind it for what follows; or ""."""
    from difflib import get_close_matches  # only needed when something is wrong

    close = get_close_matches(str(name), list(islice(known, 2000)), n=1)
    return f"did you mean {close[0]!r}? " if close else ""
