"""Finding installed nodes by entry point, testing each with the suite of its kind, and saying what came of it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field, frozen

from orket._registry import DecisionNodeRegistry
from orket._wiring import KINDS, Binding
from orket.cards import JsonValue
from orket.contracts import CONTRACT_VERSION
from orket.errors import WiringError
from orket.testing import installed
from orket.testing._nodes import NodeContract
from orket.testing._suite import powers_of
from orket.testing.suites import NODE_SUITES

_HOME: Final = Path(installed.__file__).resolve()
_POWERS: Final = "contract_powers"
_PROPERTY: Final = "orket"


@frozen(kw_only=True)
class Chosen:
    """A node to be tested: its kind, and its name with options as process rules say it."""

    kind: str
    name: str
    options: Mapping[str, JsonValue] = field(factory=dict)


def choose(wanted: Iterable[str], registry: DecisionNodeRegistry) -> tuple[Chosen, ...]:
    """Return the nodes that the values of ``--orket-nodes`` name, each once, in the order named.

    Raises:
        pytest.UsageError: a value names no kind, no installed node, or is no JSON.
    """
    chosen: dict[tuple[str, str], Chosen] = {}
    for value in wanted:
        for part in [value] if "{" in value else re.split(r"[,\s]+", value.strip()):
            for node in _chosen(part, registry):
                chosen[node.kind, f"{node.name} {json.dumps(dict(node.options))}"] = node
    return tuple(chosen.values())


def _chosen(part: str, registry: DecisionNodeRegistry) -> Iterator[Chosen]:
    kind, equals, name = part.partition("=")
    kinds = tuple(KINDS) if part == "all" else (kind,)
    if not KINDS.keys() >= set(kinds):
        meant = [f"{it}={kind}" for it in KINDS if kind in {offer.name for offer in registry.offers(it)}]
        hint = f"did you mean {' or '.join(meant)}?" if meant else f"valid: all, {', '.join(KINDS)}"
        raise pytest.UsageError(f"--orket-nodes: no kind {kind!r}; {hint}")
    if equals:
        chosen = _configured(kind, name) if name.startswith("{") else Chosen(kind=kind, name=name)
        names = sorted({offer.name for offer in registry.offers(kind)})
        if chosen.name not in names:
            raise pytest.UsageError(f"--orket-nodes: no {kind} named {chosen.name!r}; installed: {', '.join(names)}")
        yield chosen
    else:
        for each in kinds:
            yield from (Chosen(kind=each, name=it) for it in sorted({offer.name for offer in registry.offers(each)}))


def _configured(kind: str, text: str) -> Chosen:
    try:
        rule = json.loads(text)
        return Chosen(kind=kind, name=rule["name"], options=rule.get("options", {}))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise pytest.UsageError(
            f'--orket-nodes: {kind}={text} is no node ({error!r}); valid: {{"name": …, "options": {{…}}}}'
        ) from None


def suite_of(chosen: Chosen, registry: DecisionNodeRegistry) -> tuple[type[NodeContract[Any]], dict[str, JsonValue]]:
    """Return the suite that tests a node, and what is reported of the node.

    A node that cannot be wired has a suite of one rule, whose test says why.
    """

    def bind(_suite: object = None) -> Binding:
        rule = {"name": chosen.name, "options": dict(chosen.options)}
        return registry.resolve(host={chosen.kind: rule}, kinds=[chosen.kind]).bindings[chosen.kind]

    base = NODE_SUITES[chosen.kind]
    members: dict[str, Any] = {"make_node": lambda suite: bind(suite).node, "__module__": installed.__name__}
    label = "".join(part.title() for part in chosen.kind.split("_"))
    name = re.sub(r"\W", "_", f"Test{label}_{chosen.name}")
    about: dict[str, JsonValue] = {"kind": chosen.kind, "name": chosen.name, "suite": name}
    try:
        binding = bind()
    except WiringError:
        members["without"] = frozenset(rule.id.rpartition("-")[2] for rule in base.rules()) - {"01"}
        about |= {"distribution": "", "version": "", "contract": ""}
    else:
        members |= _powers(base, binding)
        version = getattr(binding.node, "contract_version", CONTRACT_VERSION)
        about |= {"distribution": binding.distribution, "version": binding.version, "contract": version}
    return type(name, (base,), members), about


def _powers(suite: type[NodeContract[Any]], binding: Binding) -> dict[str, Any]:
    """Return what a node declares of itself: the class attributes of its suite, under ``contract_powers``."""
    powers = dict(getattr(binding.node, _POWERS, {}))
    valid = powers_of(suite) - {"kind", "prefix", "subject"}
    if unknown := sorted(powers.keys() - valid):
        raise pytest.UsageError(
            f"{binding.kind} {binding.name!r} of {binding.distribution}: {_POWERS} has {', '.join(unknown)}; "
            f"valid: {', '.join(sorted(valid))}"
        )
    return powers


class InstalledNodes:
    """The plugin of pytest behind ``--orket-nodes``.

    Raises:
        pytest.UsageError: the option names no kind or no installed node, or a node declares an unknown power.
    """

    def __init__(self, wanted: Iterable[str]) -> None:
        registry = DecisionNodeRegistry()
        self._suites = [suite_of(chosen, registry) for chosen in choose(wanted, registry)]
        self._verdicts: dict[tuple[str, str], _Verdict] = {}
        self._collected = False

    def pytest_pycollect_makemodule(self, module_path: Path, parent: pytest.Collector) -> pytest.Module | None:
        """Put the suites of the chosen nodes in the place of ``orket.testing.installed``."""
        if module_path.resolve() != _HOME:
            return None
        module: _Module = _Module.from_parent(parent, path=module_path)
        module.suites = self._suites
        self._collected = True
        return module

    def pytest_collection_finish(self) -> None:
        """Refuse a run that names nodes and tests none.

        Raises:
            pytest.UsageError: ``orket.testing.installed`` is not among what is run.
        """
        if not self._collected:
            raise pytest.UsageError("--orket-nodes tests nothing without: --pyargs orket.testing.installed")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count what passed, by rule."""
        for name, about in report.user_properties:
            if name == _PROPERTY and isinstance(about, dict):
                verdict = self._verdicts.setdefault((about["kind"], about["name"]), _Verdict(about=about))
                verdict.note(about["rule"], report)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say of each node where it came from and how many rules it keeps."""
        if self._verdicts:
            terminalreporter.write_sep("=", "contracts of decision nodes")
        for verdict in self._verdicts.values():
            terminalreporter.write_line(str(verdict))


class _Module(pytest.Module):
    suites: list[tuple[type[NodeContract[Any]], dict[str, JsonValue]]]

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield a class for each node, with what is reported of it on each of its tests."""
        for suite, about in self.suites:
            setattr(self.obj, suite.__name__, suite)
            collected = _Class.from_parent(self, name=suite.__name__)
            collected.about = about
            yield collected


class _Class(pytest.Class):
    about: dict[str, JsonValue]

    def collect(self) -> Iterator[pytest.Item | pytest.Collector]:
        """Yield the tests of a node."""
        for item in super().collect():
            if isinstance(item, pytest.Function):
                rule = item.function.orket_rule  # every test of a suite has it
                item.user_properties.append((_PROPERTY, {**self.about, "rule": rule.id}))
            yield item


@define(kw_only=True)
class _Verdict:
    """What the rules made of a node: each is passed once every test of it has."""

    about: dict[str, JsonValue]
    failed: set[str] = field(factory=set)
    skipped: set[str] = field(factory=set)
    passed: set[str] = field(factory=set)

    def note(self, rule: str, report: pytest.TestReport) -> None:
        if report.failed:
            self.failed.add(rule)
        elif report.skipped:
            self.skipped.add(rule)
        elif report.when == "call":
            self.passed.add(rule)

    def __str__(self) -> str:
        about, kept = self.about, self.passed - self.failed
        origin = f"{about['distribution']} {about['version']}".strip() or "cannot be wired"
        parts = [
            f"{about['kind']} {about['name']!r} ({origin}, contract version {about['contract'] or 'unknown'}):",
            f"{len(kept)} of {len(kept | self.failed)} rules passed",
        ]
        if self.skipped:
            parts.append(f"({len(self.skipped)} not applicable)")
        if self.failed:
            parts.append(f"failed: {', '.join(sorted(self.failed))} (again: -k {about['suite']})")
        return " ".join(parts)
