"""Every rule of the contract kit catches the implementation that breaks it, and says nothing of those that keep it."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from mutants import Mutant, breaks
from mutants.catalogue import SUITES
from nightly import scaled

from orket._wiring import KINDS
from orket.testing import ContractSuite, NodeContract
from orket.testing.suites import NODE_SUITES

MUTANTS = [(suite, mutant) for suite, mutants in SUITES.items() for mutant in mutants]
# Found is enough: nobody reads a shrunken example here. The same examples every time.
QUICK = settings(
    phases=(Phase.explicit, Phase.generate), derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
BRIEF = settings(QUICK, max_examples=10)


@pytest.mark.thorough
@pytest.mark.nightly
@pytest.mark.parametrize(("suite", "mutant"), MUTANTS, ids=[mutant.rule for _, mutant in MUTANTS])
def test_a_mutant_is_caught(suite: type[ContractSuite], mutant: Mutant) -> None:
    """A suite fails the rule that its implementation breaks; at night also: and no other but those named beside it."""
    assert breaks(suite, mutant, mutant.rule, QUICK)
    allowed = {mutant.rule, *mutant.also}
    if issubclass(
        suite, NodeContract
    ):  # the net, and the rule about time: mutants look at the whole of large questions
        allowed |= {f"{suite.prefix}-11", f"{suite.prefix}-07"}
    others = [rule.id for rule in suite.rules() if rule.id not in allowed]
    assert [rule for rule in others[: scaled(0, len(others))] if breaks(suite, mutant, rule, BRIEF)] == []


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.prefix)
def test_every_rule_has_its_mutant(suite: type[ContractSuite]) -> None:
    """There is one broken implementation for each rule, and none for a rule that does not exist."""
    assert sorted(mutant.rule for mutant in SUITES[suite]) == [rule.id for rule in suite.rules()]


def test_every_kind_has_its_suite() -> None:
    """There is a suite for each kind of node; model clients, memories, stores and tools have the others."""
    assert NODE_SUITES.keys() == KINDS.keys()
    assert {suite.prefix for suite in SUITES} == {kind.replace("_", "-") for kind in KINDS} | {
        "memory",
        "model-client",
        "store",
        "tool",
    }


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.prefix)
def test_every_rule_claims_one_sentence(suite: type[ContractSuite]) -> None:
    """A rule's claim is one sentence, and its id belongs to its suite."""
    for rule in suite.rules():
        assert rule.id.startswith(f"{suite.prefix}-")
        assert rule.claim.endswith(".")
        assert rule.version == 1
