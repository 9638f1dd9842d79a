"""Every kind of node can be chosen by every source, and every choice can go wrong in the same ways."""

import pytest

from orket._fit import methods
from orket._registry import DecisionNodeRegistry
from orket._wiring import KINDS
from orket.errors import WiringError

SOURCES = ("host", "environment", "process_rules")


def code_of_good_nodes() -> str:
    """Return a module with a class for every kind, each with the methods that its Protocol wants."""
    lines = []
    for kind, spec in KINDS.items():
        lines += [f"class {kind}:", "    def __init__(self, *, level=0): self.level = level"]
        for name, arguments in methods(spec.protocol):
            lines.append(f"    def {name}({', '.join(('self', *arguments))}): raise NotImplementedError")
    return "\n".join(lines)


@pytest.fixture(scope="module")
def registry(shared_site):
    """A registry of an environment with good, broken and clashing packages for all kinds."""
    groups = {spec.group: spec.kind for spec in KINDS.values()}
    shared_site.package(
        "good-pack",
        {group: {"good": f"{{module}}:{kind}", "clash": f"{{module}}:{kind}"} for group, kind in groups.items()},
        code_of_good_nodes(),
    )
    shared_site.package("twin-pack", {group: {"clash": f"{{module}}:{kind}"} for group, kind in groups.items()})
    shared_site.package(
        "broken-pack",
        {group: {"broken": "{module}:node", "hollow": "builtins:object"} for group in groups},
        "raise OSError('no licence')",
    )
    return DecisionNodeRegistry()


def say(source: str, kind: str, name: str) -> dict:
    """Return the arguments of ``resolve`` with which *source* chooses *name*, and all weaker ones something else."""
    weaker = SOURCES[SOURCES.index(source) + 1 :]
    said = {source: name, **dict.fromkeys(weaker, "passed-over")}
    return {
        "host": {kind: said["host"]} if "host" in said else {},
        "environ": {f"ORKET_{kind.upper()}_NODE": said.get("environment", "")},
        "process_rules": {f"{kind}_node": said["process_rules"]},
        "kinds": [kind],
    }


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", KINDS)
def test_the_strongest_source_wins(registry, kind, source):
    """What a source says beats what every weaker one says, which is not even looked at."""
    binding = registry.resolve(**say(source, kind, "good"))[kind]
    assert (binding.name, binding.distribution, binding.source) == ("good", "good-pack", source)
    assert type(binding.node).__name__ == kind


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("missing", "no {kind} named 'missing' ({where}); installed: broken (broken-pack 1.0), clash ("),
        ("broken", "{kind} 'broken' of broken-pack 1.0 ({where}) cannot be imported: OSError: no licence"),
        ("hollow", "{kind} 'hollow' of broken-pack 1.0 ({where}) has no method "),
        ("clash", "{kind} 'clash' ({where}) is offered by good-pack 1.0 ("),
    ],
)
def test_a_wrong_choice_is_told_with_its_source(registry, kind, source, name, complaint):
    """An unknown, broken, hollow or clashing choice is refused, naming who made it, and never replaced."""
    with pytest.raises(WiringError) as caught:
        registry.resolve(**say(source, kind, name))
    where = {
        "host": "chosen by the host",
        "environment": f"chosen by environment variable ORKET_{kind.upper()}_NODE",
        "process_rules": f"chosen by process_rules['{kind}_node']",
    }[source]
    (problem,) = caught.value.problems
    assert problem.startswith(complaint.format(kind=kind, where=where))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", ["host", "process_rules"])
def test_options_reach_the_factory(registry, kind, source):
    """Options of the host and of the process rules are what the factory is called with."""
    chosen = {"name": "good", "options": {"level": 3}}
    key = kind if source == "host" else f"{kind}_node"
    binding = registry.resolve(kinds=[kind], **{source: {key: chosen}})[kind]
    assert binding.node.level == 3
    assert binding.resolution.options == {"level": 3}
