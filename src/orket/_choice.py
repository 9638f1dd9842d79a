"""Which source says which node: host over environment over process rules over the default. Pure."""

import json
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import frozen

from orket._codec import canonical_json
from orket._value import Value
from orket._wiring import HOST, KINDS, KindSpec
from orket.cards import EMPTY, JsonValue
from orket.errors import WiringError

ENVIRONMENT: Final = "environment"
PROCESS_RULES: Final = "process_rules"
DEFAULT: Final = "default"  # the source of last resort, and the name it chooses


@frozen(kw_only=True, repr=False, eq=False)
class Choice(Value):
    """What the winning source said: a name, or the node (or factory) itself. ``where`` says in words who said it."""

    spec: KindSpec
    source: str
    where: str
    name: str
    options: Mapping[str, JsonValue] = EMPTY
    brought: object = None


def spec_of(kind: object) -> KindSpec:
    """Return what is known of a kind.

    Raises:
        WiringError: there is no such kind.
    """
    if isinstance(kind, str) and (spec := KINDS.get(kind)) is not None:
        return spec
    raise WiringError([f"{kind!r} is no kind of node{_instead(kind, KINDS)}"])


def strangers(
    host: Mapping[str, object], environ: Mapping[str, str], process_rules: Mapping[str, JsonValue]
) -> Iterator[str]:
    """Yield a problem for everything that looks like the choice of a node but belongs to no kind: a typo, most likely.

    Such a choice would otherwise be passed over without a word.
    """
    for key in host:
        if key not in KINDS:
            yield f"host: {key!r} is no kind of node{_instead(key, KINDS)}"
    variables = [spec.variable for spec in KINDS.values()]
    for key, value in environ.items():
        if key.startswith("ORKET_") and key.endswith("_NODE") and value and key not in variables:
            yield f"environment: {key} belongs to no kind of node{_instead(key, variables)}"
    rules = [spec.rule for spec in KINDS.values()]
    for key in process_rules:
        if key.endswith("_node") and key not in rules:
            yield f"process_rules: {key!r} belongs to no kind of node{_instead(key, rules)}"


def choose(
    spec: KindSpec, host: Mapping[str, object], environ: Mapping[str, str], process_rules: Mapping[str, JsonValue]
) -> Choice:
    """Return what the strongest source says that says something. None, and an empty variable, say nothing.

    Raises:
        WiringError: it does not say it in a way that can be understood.
    """
    if (said := host.get(spec.kind)) is not None:
        where = "chosen by the host"
        if isinstance(said, str | Mapping):
            return _named(spec, HOST, where, said)
        return Choice(spec=spec, source=HOST, where=where, name=called(said), brought=said)
    if said := environ.get(spec.variable):
        return _named(spec, ENVIRONMENT, f"chosen by environment variable {spec.variable}", said)
    if (said := process_rules.get(spec.rule)) is not None:
        return _named(spec, PROCESS_RULES, f"chosen by process_rules[{spec.rule!r}]", said)
    return Choice(spec=spec, source=DEFAULT, where="by default", name=DEFAULT)


def _named(spec: KindSpec, source: str, where: str, said: Any) -> Choice:
    valid = 'valid: a name, or {"name": ..., "options": {...}}'
    entry = {"name": said} if isinstance(said, str) else said
    if not isinstance(entry, Mapping):
        raise WiringError([f"{spec.kind} {where}: found {said!r:.80}; {valid}"])
    name = entry.get("name")
    if not isinstance(name, str) or not name:
        raise WiringError([f"{spec.kind} {where}: its name is {name!r:.80}; {valid}"])
    if surplus := [key for key in entry if key not in ("name", "options")]:
        raise WiringError([f"{spec.kind} {where}: unknown keys {', '.join(map(repr, surplus))}; {valid}"])
    options = checked_options(spec, where, entry.get("options", EMPTY))
    return Choice(spec=spec, source=source, where=where, name=name, options=options)


def checked_options(spec: KindSpec, where: str, options: Any) -> Mapping[str, JsonValue]:
    """Return a copy of a factory's options that nobody else holds.

    Raises:
        WiringError: they are not JSON data.
    """
    if not isinstance(options, Mapping) or not all(isinstance(key, str) for key in options):
        raise WiringError([f"{spec.kind} {where}: its options are {options!r:.80}; valid: an object with str keys"])
    try:
        return MappingProxyType(json.loads(canonical_json(dict(options))))
    except (TypeError, ValueError, RecursionError) as error:
        raise WiringError([f"{spec.kind} {where}: its options are no JSON data: {error}"]) from error


def called(value: object) -> str:
    """Return the name of a node or factory that was given without one."""
    named = value if hasattr(value, "__qualname__") else type(value)
    return str(getattr(named, "__qualname__", type(named).__qualname__))


def _instead(key: object, valid: Iterable[str]) -> str:
    from difflib import get_close_matches  # imported here: only needed when something is wrong

    names = list(valid)
    close = get_close_matches(str(key), names, n=1)
    return f"; did you mean {close[0]!r}?" if close else f"; valid: {', '.join(names)}"
