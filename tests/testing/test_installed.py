"""Installed nodes are tested without code: found by entry point, tested by the suite of their kind, judged by name."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.thorough  # a process for each

GOOD = """
from orket.contracts import Route

class Router:
    contract_version = 1
    def __init__(self, reason="because"):
        self.reason = reason
    def route(self, question, /):
        return Route(seat=next(iter(question.team.seats), None), reason=self.reason)

class Own(Router):
    contract_powers = {"routes_reviews_to_guards": False}

class Strange(Router):
    contract_powers = {"fast": True}

class Inventive(Own):
    def route(self, question, /):
        return Route(seat="nobody", reason="because")
"""
BROKEN = "raise SystemExit('not today')"
ENTRIES = """
[orket.router]
plain = acme_routers:Router
own = acme_routers:Own
strange = acme_routers:Strange
inventive = acme_routers:Inventive
broken = acme_broken:Router
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with an installed distribution of routers."""
    info = tmp_path / "acme_routers-2.5.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-routers\nVersion: 2.5\n")
    (info / "entry_points.txt").write_text(ENTRIES)
    (tmp_path / "acme_routers.py").write_text(GOOD)
    (tmp_path / "acme_broken.py").write_text(BROKEN)
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\naddopts = -p no:cacheprovider\n")
    return tmp_path


def run(site: Path, *args: str) -> tuple[int, str]:
    """Run pytest as the author of a package would, in a folder of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--pyargs", "orket.testing.installed", *args],
        cwd=site / "work",
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_node_that_keeps_its_contract_passes(site: Path) -> None:
    """A good node passes all rules but those whose power it lacks; the verdict says where the node came from."""
    code, output = run(site, "--orket-nodes", "router=own", "-k", "router_2")
    assert code == 0, output
    assert "router 'own' (acme-routers 2.5, contract version 1): 3 of 3 rules passed (1 not applicable)" in output


def test_a_node_that_breaks_a_rule_fails_it_by_id(site: Path) -> None:
    """A wrong node fails, and the verdict names the rules; workers of xdist report to the same verdict."""
    code, output = run(site, "--orket-nodes", "router=inventive", "-k", "router_20 or router_21", "-n", "2")
    assert code == 1, output
    assert "1 of 2 rules passed failed: router-20" in output


def test_a_node_that_cannot_be_wired_fails_once(site: Path) -> None:
    """A package that cannot be imported fails the first rule, with what it raised; other nodes are tested as ever."""
    code, output = run(site, "--orket-nodes", "router=broken,router=own", "-k", "router_01")
    assert code == 1, output
    assert (
        "router 'broken' (cannot be wired, contract version unknown): 0 of 1 rules passed failed: router-01" in output
    )
    assert "SystemExit: not today" in output
    assert "router 'own' (acme-routers 2.5, contract version 1): 1 of 1 rules passed" in output


def test_options_reach_the_factory(site: Path) -> None:
    """A node is tested with options, written as in process rules."""
    chosen = 'router={"name": "plain", "options": {"reason": " "}}'
    code, output = run(site, "--orket-nodes", chosen, "-k", "router_21")
    assert code == 1, output
    assert "failed: router-21" in output


def test_a_kind_stands_for_all_its_nodes(site: Path) -> None:
    """A kind alone chooses every node of it, each once."""
    (site / "acme_routers-2.5.dist-info" / "entry_points.txt").write_text("[orket.router]\nown = acme_routers:Own\n")
    code, output = run(site, "--orket-nodes", "router", "--orket-nodes", "router=own", "-k", "router_01")
    assert code == 0, output
    assert "router 'default' (orket" in output
    assert output.count("router 'own'") == 1


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("router=nope", "no router named 'nope'; installed: broken, default, inventive, own, plain, strange"),
        ("rooter", "no kind 'rooter'; valid: all, planner, router"),
        ("router={nope", "is no node (JSONDecodeError"),
        ('router={"name": "nope"}', "no router named 'nope'; installed: broken, default, inventive"),
        ("inventive", "no kind 'inventive'; did you mean router=inventive?"),
        ("router=strange", "router 'strange' of acme-routers: contract_powers has fast; valid: "),
    ],
)
def test_a_wrong_choice_is_refused(site: Path, chosen: str, said: str) -> None:
    """What the option does not mean is refused before anything runs, with what it could mean."""
    code, output = run(site, "--orket-nodes", chosen)
    assert code == pytest.ExitCode.USAGE_ERROR, output
    assert said in output


def test_naming_nodes_is_not_testing_them(site: Path) -> None:
    """The option without the tests that it is for is refused: nobody believes that a node was tested."""
    (site / "work" / "test_own.py").write_text("def test_own():\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--orket-nodes", "router=own"],
        cwd=site / "work",
        env={**os.environ, "PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "--orket-nodes tests nothing without: --pyargs orket.testing.installed" in done.stdout + done.stderr


def test_every_stock_node_answers_every_question(tmp_path: Path) -> None:
    """All nodes that come with orket pass without code: what they raise they declare."""
    (tmp_path / "work").mkdir()
    code, output = run(tmp_path, "--orket-nodes", "all", "-k", "_02_ and not trio")
    assert code == 0, output
    assert output.count(": 1 of 1 rules passed") == 12


def test_nothing_is_tested_by_accident(site: Path) -> None:
    """Without the option the run fails, and says how to choose."""
    code, output = run(site)
    assert code == 1
    assert "--orket-nodes does not say which nodes to test" in output


def test_pytest_starts_without_orket(tmp_path: Path) -> None:
    """Where orket is installed, pytest loads the option, and nothing else of it."""
    code = (
        "import pytest, sys; pytest.main(['--collect-only', '-q']); "
        "print(*sorted(it for it in sys.modules if it.partition('.')[0] in ('orket', 'cattrs', 'hypothesis')))"
    )
    environ = {**os.environ, "PYTEST_ADDOPTS": "", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": ""}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environ, cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = done.stdout.splitlines()[-1].split()
    assert [name for name in loaded if name.startswith("orket")] == ["orket", "orket._pytest"]
    assert "cattrs" not in loaded


@pytest.mark.parametrize("gone", ["pytest", "hypothesis"])
def test_without_the_extra_it_is_named(gone: str) -> None:
    """Whoever imports the kit without what it needs is told what to install."""
    code = f"import sys; sys.modules[{gone!r}] = None; import orket.testing"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert f"orket.testing needs {gone}: pip install 'orket[testing]'" in run.stderr
