"""Packages that cannot be wired: each is reported by name and way, and harms nobody who did not choose it."""

import re
import sys
import time
import tomllib
from pathlib import Path

import pytest

from orket._registry import DecisionNodeRegistry
from orket.errors import WiringError

PLUGINS = Path(__file__).parents[2] / "examples" / "plugins"
PROJECT = tomllib.loads((PLUGINS / "orket-broken" / "pyproject.toml").read_text("utf-8"))["project"]
ROUTERS = PROJECT["entry-points"]["orket.router"]

WAYS = {  # name: what the registry says of it
    "import-error": "cannot be imported: ImportError: needs a library that nobody has",
    "missing-module": "cannot be imported: ModuleNotFoundError: No module named 'orket_broken.importing.nowhere'",
    "missing-attribute": "cannot be imported: AttributeError: module 'orket_broken.making' has no attribute 'Rooter'",
    "syntax-error": "cannot be imported: SyntaxError: 'return' outside function",
    "exits-at-import": "cannot be imported: SystemExit: not in this environment",
    "base-exception-at-import": "cannot be imported: Catastrophe: at import",
    "endless-import": "cannot be imported: RecursionError: maximum recursion depth exceeded",
    "unreadable-at-import": "cannot be imported: MuteError: its text cannot be read",
    "needs-options": "cannot be made: TypeError: make_with_seats() missing 1 required keyword-only argument: 'seats'",
    "needs-arguments": "cannot be made: TypeError: NeedsArguments.__init__() missing 1 required positional argument",
    "raises-when-made": "cannot be made: ValueError: no API key",
    "exits-when-made": "cannot be made: SystemExit: no API key",
    "async-factory": "cannot be made: TypeError: its factory is async; valid: a plain one",
    "generator-factory": "has no method route(question)",
    "makes-nothing": "has no method route(question)",
    "a-module": "has no method route(question)",
    "makes-a-class": "is the class DefaultRouterNode, not an instance of it",
    "wrong-arity": "cannot be called as route(question): too many positional arguments",
    "no-method": "has no method route(question)",
    "method-is-a-number": "has no method route(question): its route is a int",
    "hostile-property": "cannot give its method route(question): RuntimeError",
    "async-generator": "has an async route(question); it must be def or async def",
    "other-contract": "was written for contract version 99; valid: 1",
}


def resolve(name: str, kind: str = "router"):
    return DecisionNodeRegistry().resolve(process_rules={f"{kind}_node": name}, kinds=[kind])[kind]


def refused(name: str, kind: str = "router") -> tuple[str, ...]:
    with pytest.raises(WiringError) as caught:
        resolve(name, kind)
    return caught.value.problems


@pytest.mark.parametrize("name", WAYS)
def test_what_cannot_be_wired_is_reported(broken: Path, name: str) -> None:
    """The error names kind, node, distribution, version, who chose it, and what is wrong; nothing else is taken."""
    (problem,) = refused(name)
    where = f"router '{name}' of orket-broken 1.0.0 (chosen by process_rules['router_node']) "
    assert problem.startswith(where + WAYS[name]), problem
    assert resolve("default").distribution == "orket"  # the host goes on


def test_an_async_policy_is_refused(broken: Path) -> None:
    """A kind that promises plain answers has no async methods."""
    (problem,) = refused("async-policy", "api_runtime")
    assert "of orket-broken 1.0.0" in problem
    assert "has an async resolve_asset_id(question); it must be a plain def" in problem


def test_options_make_it_right(broken: Path) -> None:
    """What only lacks its options is made with them."""
    rule = {"name": "needs-options", "options": {"seats": ["coder"]}}
    wiring = DecisionNodeRegistry().resolve(process_rules={"router_node": rule}, kinds=["router"])
    assert wiring["router"].distribution == "orket-broken"


def test_neither_of_two_with_one_name_is_taken(broken: Path) -> None:
    """A name that two distributions have is refused with both; each other name of theirs still works."""
    (problem,) = refused("clashing")
    both = "orket-broken 1.0.0 (orket_broken.making:Clashing) and orket-broken-twin 2.0.0 (orket_broken_twin:Clashing)"
    assert f"is offered by {both}" in problem
    assert resolve("prints").distribution == "orket-broken"


def test_listing_imports_nothing(broken: Path) -> None:
    """All ways to be wrong are listed, and the stock node is chosen, before anything of the packages is imported."""
    registry = DecisionNodeRegistry()
    listed = {offer.name for offer in registry.offers("router") if offer.distribution == "orket-broken"}
    assert listed == set(ROUTERS)
    assert registry.resolve()["router"].distribution == "orket"
    assert [name for name in sys.modules if name.startswith("orket_broken")] == []


def test_a_slow_import_costs_who_chose_it(broken: Path) -> None:
    """An import that takes long is waited for by those who chose the node, and by nobody else."""
    begun = time.perf_counter()
    resolve("slow-import")
    assert time.perf_counter() - begun >= 0.2
    del sys.modules["orket_broken.importing.slow"]
    registry = DecisionNodeRegistry()
    registry.offers("router")
    registry.resolve(kinds=["router"])
    assert "orket_broken.importing.slow" not in sys.modules


def test_all_broken_choices_are_told_at_once(broken: Path) -> None:
    """One wiring with several broken nodes lists each; Ctrl-C aside, nothing escapes as what was raised."""
    with pytest.raises(WiringError) as caught:
        DecisionNodeRegistry().resolve(
            environ={"ORKET_ROUTER_NODE": "exits-at-import", "ORKET_API_RUNTIME_NODE": "async-policy"}
        )
    assert len(caught.value.problems) == 2
    assert type(caught.value.__cause__) is SystemExit


def test_the_readme_knows_every_way() -> None:
    """There are more than thirty ways to be wrong, and the package's README has a row for each."""
    names = [name for group in PROJECT["entry-points"].values() for name in group]
    rows = re.findall(r"^\| `([a-z-]+)` \|", (PLUGINS / "orket-broken" / "README.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(rows) == sorted(names)
    assert len(names) > 30
