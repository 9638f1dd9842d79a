"""Tests of the decision nodes that are installed, without a line of code.

``python -m pytest --pyargs orket.testing.installed --orket-nodes 'router=cost-aware'`` (or ``all``) finds nodes by
their entry points and runs the suite of their kind. Their tests take the place of what stands here.
"""

import pytest


def test_nodes_are_chosen() -> None:
    """Without the option there is nothing to test."""
    pytest.fail("--orket-nodes does not say which nodes to test; valid: all, KIND, KIND=NAME", pytrace=False)
