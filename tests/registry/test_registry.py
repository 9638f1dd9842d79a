"""Which nodes a run gets."""

import sys

import pytest

from orket._registry import DecisionNodeRegistry
from orket.contracts import Plan, Route, RouteQuestion
from orket.errors import WiringError

ROUTER = """
class Router:
    contract_version = 1

    def __init__(self, *, ceiling=1.0):
        self.ceiling = ceiling

    def route(self, question):
        return None
"""
COST = {"orket.router": {"cost": "{module}:Router"}}


class OwnRouter:
    """A router that a host brings."""

    def __init__(self, **options) -> None:
        self.options = options

    def route(self, question: RouteQuestion, /) -> Route:
        return Route(seat=None)


def resolve(registry=None, **given):
    """Resolve the router alone."""
    return (registry or DecisionNodeRegistry()).resolve(kinds=["router"], **given)["router"]


def problems(registry=None, **given) -> tuple[str, ...]:
    with pytest.raises(WiringError) as caught:
        (registry or DecisionNodeRegistry()).resolve(kinds=["router"], **given)
    return caught.value.problems


def test_the_stock_nodes_are_the_default():
    """Without any choice every kind gets the node that orket itself offers."""
    wiring = DecisionNodeRegistry().resolve()
    assert len(wiring.resolutions) == 12
    assert {(it.name, it.distribution, it.source) for it in wiring.resolutions} == {("default", "orket", "default")}
    assert type(wiring["router"].node).__name__ == "DefaultRouterNode"


def test_every_wiring_has_its_own_nodes():
    """Two wirings of one registry share no node, so that no state passes from run to run."""
    registry = DecisionNodeRegistry()
    assert resolve(registry).node is not resolve(registry).node


def test_an_installed_package_is_offered_and_chosen(package):
    """A package's node is listed without being imported, chosen by name, and made with its options."""
    module = package("cost-pack", COST, ROUTER, version="2.1")
    registry = DecisionNodeRegistry()
    cost, default = registry.offers("router")
    assert (cost.name, cost.distribution, cost.version) == ("cost", "cost-pack", "2.1")
    assert cost.value == f"{module}:Router"
    assert default.distribution == "orket"
    assert module not in sys.modules
    chosen = resolve(registry, process_rules={"router_node": {"name": "cost", "options": {"ceiling": 0.5}}})
    assert chosen.node.ceiling == 0.5
    assert (chosen.distribution, chosen.version, chosen.source) == ("cost-pack", "2.1", "process_rules")
    assert chosen.options == {"ceiling": 0.5}


def test_only_what_is_chosen_is_imported(package):
    """A broken package that nobody chose harms nobody."""
    module = package("broken", {"orket.router": {"bad": "{module}:Router"}}, "raise SystemExit('no')")
    assert resolve().name == "default"
    assert module not in sys.modules


def test_the_first_installation_on_the_path_counts(package, tmp_path, monkeypatch):
    """A distribution that is installed twice offers what its first installation offers, as for imports."""
    package("cost-pack", COST, ROUTER, version="1.0")
    shadowing = tmp_path / "first" / "cost_pack-2.0.dist-info"
    shadowing.mkdir(parents=True)
    (shadowing / "METADATA").write_text("Metadata-Version: 2.1\nName: cost-pack\nVersion: 2.0\n")
    monkeypatch.syspath_prepend(shadowing.parent)
    assert [offer.name for offer in DecisionNodeRegistry().offers("router")] == ["default"]
    (shadowing / "entry_points.txt").write_text("[orket.router]\nnewer = x:Router\n")
    assert [offer.name for offer in DecisionNodeRegistry().offers("router")] == ["default", "newer"]


def test_unreadable_metadata_keeps_nobody_from_working(package, site):
    """A distribution with broken metadata is passed over, and mentioned to who misses a node."""
    package("cost-pack", COST, ROUTER)
    for name, text in (("torn", b"[orket.router]\ncost\n"), ("binary", b"\xff\xfe")):
        (site.folder / f"{name}-1.dist-info").mkdir()
        (site.folder / f"{name}-1.dist-info" / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n"
        )
        (site.folder / f"{name}-1.dist-info" / "entry_points.txt").write_bytes(text)
    registry = DecisionNodeRegistry()
    assert resolve(registry, host={"router": "cost"}).distribution == "cost-pack"
    (problem,) = problems(registry, host={"router": "kost"})
    assert problem.startswith(
        "no router named 'kost' (chosen by the host); did you mean 'cost'? installed: cost (cost-pack 1.0), "
    )
    assert problem.count("; unreadable: ") == 2
    assert "UnicodeDecodeError" in problem


BROKEN = [
    ("raise ImportError('needs numpy')", "cannot be imported: ImportError: needs numpy"),
    ("def Router(:", "cannot be imported: SyntaxError: "),
    ("import sys; sys.exit('bye')", "cannot be imported: SystemExit: bye"),
    ("class Odd(BaseException): pass\nraise Odd('x')", "cannot be imported: Odd: x"),
    ("Rooter = 1", "cannot be imported: AttributeError: "),
    ("def Router(): raise ValueError('no key')", "cannot be made: ValueError: no key"),
    ("def Router(): raise SystemExit", "cannot be made: SystemExit: "),
    ("async def Router(): pass", "cannot be made: TypeError: its factory is async"),
    (
        "class Mute(Exception):\n def __str__(self): raise OSError\nraise Mute",
        "cannot be imported: Mute: its text cannot",
    ),
    ("class Router: pass", "has no method route(question)"),
    ("class Router:\n def route(self): pass", "cannot be called as route(question): too many positional"),
    ("class Router:\n route = 3", "has no method route(question): its route is a int"),
    (ROUTER.replace("= 1\n", "= 2\n"), "was written for contract version 2; valid: 1"),
    (ROUTER.replace("= 1\n", "= True\n"), "was written for contract version True; valid: 1"),
    ("Router = None", "has no method route(question)"),
]


@pytest.mark.parametrize(("code", "complaint"), BROKEN)
def test_broken_packages_are_refused(package, code, complaint):
    """Whatever is wrong with a chosen node is told with its package, without what else there is; nothing is taken."""
    package("cost-pack", COST, code)
    (problem,) = problems(environ={"ORKET_ROUTER_NODE": "cost"})
    assert problem.startswith(
        "router 'cost' of cost-pack 1.0 (chosen by environment variable ORKET_ROUTER_NODE) " + complaint
    )
    assert "installed" not in problem


def test_interrupting_an_import_is_no_fault_of_the_package(package):
    """Ctrl-C while a package is imported ends the host, as anywhere else."""
    package("cost-pack", COST, "raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        resolve(host={"router": "cost"})


def test_a_module_that_does_not_exist_is_the_cause(package):
    """The error of a failed import is chained, for its traceback."""
    package("cost-pack", {"orket.router": {"cost": "no_such_module_at_all:Router"}})
    with pytest.raises(WiringError) as caught:
        resolve(host={"router": "cost"})
    assert type(caught.value.__cause__) is ModuleNotFoundError


def test_options_that_a_factory_refuses_are_a_problem(package):
    """A factory that does not know an option is not called without it, and the error says which it knows."""
    package("cost-pack", COST, ROUTER)
    (problem,) = problems(host={"router": {"name": "cost", "options": {"celing": 1}}})
    assert "unexpected keyword argument 'celing'" in problem
    assert problem.endswith("; its options: ceiling")


def test_two_packages_with_one_name_clash(package):
    """A name that two distributions offer is refused, with both."""
    package("cost-pack", COST, ROUTER)
    package("other-pack", COST, ROUTER)
    (problem,) = problems(process_rules={"router_node": "cost"})
    assert "router 'cost' (chosen by process_rules['router_node']) is offered by cost-pack 1.0 (" in problem
    assert " and other-pack 1.0 (" in problem
    assert resolve().name == "default"


def test_async_policies_are_refused(package):
    """A policy with an async method is found out before it is ever asked."""
    code = """
class Api:
    def parse_allowed_origins(self, value): pass
    async def resolve_asset_id(self, question): pass
    def create_session_id(self, token): pass
"""
    package("api-pack", {"orket.api_runtime": {"async": "{module}:Api"}}, code)
    with pytest.raises(WiringError, match=r"has an async resolve_asset_id\(question\); it must be a plain def"):
        DecisionNodeRegistry().resolve(kinds=["api_runtime"], host={"api_runtime": "async"})


def test_all_problems_come_at_once(package):
    """One error lists what is wrong with every kind and every source."""
    package("cost-pack", COST, "raise ImportError('needs numpy')")
    with pytest.raises(WiringError) as caught:
        DecisionNodeRegistry().resolve(
            host={"router": "cost", "rooter": "cost"},
            environ={"ORKET_PLANNER_NODE": "fast", "ORKET_PLANER_NODE": "fast"},
            process_rules={"evaluator_node": 7, "evalutor_node": "x", "concurrency": 3},
            kinds=["planner", "router", "evaluator", "cook"],
        )
    told = [problem.split(";")[0] for problem in caught.value.problems]
    assert told == [
        "host: 'rooter' is no kind of node",
        "environment: ORKET_PLANER_NODE belongs to no kind of node",
        "process_rules: 'evalutor_node' belongs to no kind of node",
        "no planner named 'fast' (chosen by environment variable ORKET_PLANNER_NODE)",
        "router 'cost' of cost-pack 1.0 (chosen by the host) cannot be imported: ImportError: needs numpy",
        "evaluator chosen by process_rules['evaluator_node']: found 7",
        "'cook' is no kind of node",
    ]
    assert isinstance(caught.value.__cause__, ImportError)


def test_the_host_registers_nodes_of_its_own(package):
    """What the host registers is offered as its own, hides an installed name, and stays in that registry."""
    package("cost-pack", COST, ROUTER)
    registry = DecisionNodeRegistry()
    registry.register("router", "cost", OwnRouter)
    cost, _default = registry.offers("router")
    assert (cost.name, cost.distribution, cost.value) == ("cost", "host", "OwnRouter")
    chosen = resolve(registry, process_rules={"router_node": {"name": "cost", "options": {"a": [1]}}})
    assert type(chosen.node) is OwnRouter
    assert (chosen.distribution, chosen.version, chosen.source) == ("host", "", "process_rules")
    assert chosen.node.options == {"a": [1]}
    chosen.node.options["a"].append(2)
    assert chosen.options == {"a": [1]}
    assert resolve(host={"router": "cost"}).distribution == "cost-pack"


def test_registering_is_strict():
    """An unknown kind, no name, and a name taken already are refused at once."""
    registry = DecisionNodeRegistry()
    registry.register("router", "mine", OwnRouter)
    with pytest.raises(WiringError, match="router 'mine' is registered already"):
        registry.register("router", "mine", OwnRouter)
    with pytest.raises(WiringError, match="'rooter' is no kind of node; did you mean 'router'"):
        registry.register("rooter", "mine", OwnRouter)
    with pytest.raises(WiringError, match="a node cannot be registered as ''"):
        registry.register("router", "", OwnRouter)
    with pytest.raises(WiringError, match="'' is no kind of node; valid: planner, router"):
        registry.offers("")


@pytest.mark.parametrize(
    ("value", "name"),
    [(OwnRouter(), "OwnRouter"), (OwnRouter, "OwnRouter"), (lambda: OwnRouter(), "<lambda>")],
    ids=["node", "class", "function"],
)
def test_the_host_may_pass_the_node_itself(value, name):
    """A node, a class or any other factory in the host's choice is named after what it is."""
    chosen = resolve(host={"router": value})
    assert type(chosen.node) is OwnRouter
    assert (chosen.name, chosen.distribution, chosen.source) == (name, "host", "host")


def test_a_node_takes_no_options():
    """Options for what is a node already would be lost, so they are refused."""
    registry = DecisionNodeRegistry()
    registry.register("router", "mine", OwnRouter())
    (problem,) = problems(registry, host={"router": {"name": "mine", "options": {"a": 1}}})
    assert "options a are given, but it is a node" in problem


def test_what_the_host_passes_is_checked_too():
    """A host's own node must keep the contract as well."""

    class Half:
        def plan(self, question):
            return Plan(issue_ids=())

    (problem,) = problems(host={"router": Half()})
    assert problem.startswith(
        "router 'test_what_the_host_passes_is_checked_too.<locals>.Half' of host (chosen by the host"
    )
    assert "has no method route(question)" in problem


def test_a_spec_builds_the_same_wiring_elsewhere(package):
    """Another registry builds the very same wiring of a spec, even where a host would hide the name."""
    package("cost-pack", COST, ROUTER)
    wiring = DecisionNodeRegistry().resolve(process_rules={"router_node": {"name": "cost", "options": {"ceiling": 2}}})
    other = DecisionNodeRegistry()
    other.register("router", "cost", OwnRouter)
    built = other.build(wiring.spec())
    assert built.fingerprint == wiring.fingerprint
    assert built["router"].node.ceiling == 2


def test_a_spec_is_never_built_of_something_else(package):
    """Another version, another distribution, and what is no spec are refused together."""
    package("cost-pack", COST, ROUTER)
    entry = {"name": "cost", "distribution": "cost-pack", "version": "0.9", "source": "host", "options": {}}
    with pytest.raises(WiringError) as caught:
        DecisionNodeRegistry().build({"router": entry, "planner": {"name": "default"}, "cook": entry})
    told = [problem.split(";")[0] for problem in caught.value.problems]
    assert told == [
        "no router 'cost' of cost-pack 0.9 (named by the spec)",
        "spec: planner is {'name': 'default'}",
        "'cook' is no kind of node",
    ]
    with pytest.raises(WiringError, match="the spec is a list"):
        DecisionNodeRegistry().build([])
