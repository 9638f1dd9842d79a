"""What a suite says of a subclass that is not written as it should be."""

import subprocess
import sys
from pathlib import Path

import pytest

from orket.nodes.router import DefaultRouterNode
from orket.testing import ContractSuite, RouterContract, StoreContract

MISTAKES = """
import attrs
from orket.contracts import Route
from orket.nodes.router import DefaultRouterNode
from orket.testing import RouterContract

class TestForgot(RouterContract):
    def make_nod(self):
        return DefaultRouterNode()

class TestNothing(RouterContract):
    def make_node(self):
        pass

class Mute(DefaultRouterNode):
    def route(self, question, /):
        return "coder"

class TestMute(RouterContract):
    def make_node(self):
        return Mute()
"""


def test_mistakes_are_named(tmp_path: Path) -> None:
    """A missing subject fails by name, one that cannot be called fails rule 01 alone, wrong answers fail clearly."""
    (tmp_path / "test_mistakes.py").write_text(MISTAKES)
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "-k", "asyncio or subject"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False)
    output = done.stdout
    assert "TestForgot defines no make_node(); it defines: make_nod" in output
    assert "router node NoneType has no method route(question)" in output
    assert output.count("FAILED test_mistakes.py::TestNothing") == 1
    assert "rule 01 is broken: has no method route(question)" in output
    assert "router-11 (contract version 1)" in output
    assert "no answer could be judged by this rule" in output


def test_a_misspelt_power_is_refused() -> None:
    """An attribute that is nearly a power would declare nothing."""
    with pytest.raises(TypeError, match=r"TestRouter.determinstic declares nothing; did you mean deterministic\?"):

        class TestRouter(RouterContract):
            determinstic = False

            def make_node(self) -> DefaultRouterNode:
                return DefaultRouterNode()


def test_other_attributes_are_the_subclasss_own() -> None:
    """What is not like a power may be named as its author likes."""

    class TestRouter(RouterContract):
        ceiling = 7

        def make_node(self) -> DefaultRouterNode:
            return DefaultRouterNode()

    assert issubclass(TestRouter, ContractSuite)
    assert not any(name.startswith("test_store") for name in vars(StoreContract))
