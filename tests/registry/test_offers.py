"""What installed packages offer."""

import subprocess
import sys

import pytest
from importlib_metadata import EntryPoint

from orket._offers import Offers
from orket._registry import DecisionNodeRegistry
from orket._wiring import KINDS
from orket.errors import WiringError


class Counted:
    """A source of entry points that notes what it is asked for."""

    def __init__(self):
        self.groups = []

    def __call__(self, group):
        self.groups.append(group)
        return [EntryPoint(name="cost", value="pack:Router", group=group)] if group == "orket.router" else []


def test_the_environment_is_read_once_and_late():
    """Making a registry reads nothing; the first question reads every group once, and no later one reads again."""
    source = Counted()
    registry = DecisionNodeRegistry(entry_points=source)
    assert source.groups == []
    (offer,) = registry.offers("router")
    assert registry.offers("planner") == ()
    registry.offers("router")
    assert source.groups == [spec.group for spec in KINDS.values()]
    assert (offer.name, offer.value, offer.distribution, offer.version) == ("cost", "pack:Router", "unknown", "")


def test_offers_are_in_order_of_their_names(package):
    """Offers of several packages are listed by name, then by distribution."""
    package("b-pack", {"orket.router": {"z": "{module}:x", "a": "{module}:x"}})
    package("a-pack", {"orket.router": {"z": "{module}:x"}, "console_scripts": {"a": "{module}:main"}})
    found = [(it.offer.name, it.offer.distribution) for it in Offers().of("router")]
    assert found == [("a", "b-pack"), ("default", "orket"), ("z", "a-pack"), ("z", "b-pack")]


def test_a_group_that_is_almost_one_of_orkets_is_told(package):
    """A mistyped group offers nothing; the registry warns of it, and so does the error of who misses the node."""
    package("cost-pack", {"orket.routers": {"cost": "{module}:Router"}, "orket.dashboards": {"own": "{module}:x"}})
    registry = DecisionNodeRegistry()
    assert registry.warnings == ()
    assert [offer.name for offer in registry.offers("router")] == ["default"]
    (warning,) = registry.warnings
    assert warning.startswith("cost-pack offers nodes as 'orket.routers', which is no kind of node")
    assert warning.endswith("did you mean 'orket.router'?")
    with pytest.raises(WiringError, match=r"installed: default .*'orket\.routers'"):
        registry.resolve(kinds=["router"], host={"router": "cost"})


def test_metadata_machinery_is_imported_late():
    """Importing the registry does not import importlib_metadata, which is slow to import; listing offers does."""
    code = (
        "import sys; from orket._registry import DecisionNodeRegistry as R;"
        "early = 'importlib_metadata' in sys.modules;"
        "R().offers('router'); assert not early; assert 'importlib_metadata' in sys.modules;"
        "assert 'orket.nodes.router' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_three_hundred_packages_are_no_crowd(site):
    """Among hundreds of packages the few that offer nodes are found, wherever they stand."""
    for number in range(300):
        group = "orket.router" if number % 100 == 0 else "console_scripts"
        site.package(f"pack-{number}", {group: {f"name-{number}": "{module}:x"}})
    names = [it.offer.name for it in Offers().of("router")]
    assert names == ["default", "name-0", "name-100", "name-200"]
