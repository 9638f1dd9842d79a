"""Every rule of the contract kit catches the implementation that breaks it, and says nothing of those that keep it."""

import pytest
from hypothesis import HealthCheck, Phase, settings
from mutants import Mutant, broken_rules
from mutants.catalogue import SUITES

from orket._wiring import KINDS
from orket.testing import ContractSuite, NodeContract
from orket.testing.suites import NODE_SUITES

MUTANTS = [(suite, mutant) for suite, mutants in SUITES.items() for mutant in mutants]
# Found is enough: nobody reads a shrunken example here. The same examples every time.
QUICK = settings(
    phases=(Phase.explicit, Phase.generate), derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.thorough
@pytest.mark.parametrize(("suite", "mutant"), MUTANTS, ids=[mutant.rule for _, mutant in MUTANTS])
def test_a_mutant_is_caught(suite: type[ContractSuite], mutant: Mutant) -> None:
    """A suite fails the rule that its implementation breaks, and passes all others but those named beside it."""
    failed = broken_rules(suite, mutant, QUICK)
    assert mutant.rule in failed
    net = {f"{suite.prefix}-11"} if issubclass(suite, NodeContract) else set()
    assert failed - {mutant.rule, *net, *mutant.also} == set()


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.prefix)
def test_every_rule_has_its_mutant(suite: type[ContractSuite]) -> None:
    """There is one broken implementation for each rule, and none for a rule that does not exist."""
    assert sorted(mutant.rule for mutant in SUITES[suite]) == [rule.id for rule in suite.rules()]


def test_every_kind_has_its_suite() -> None:
    """There is a suite for each kind of node; model clients, stores and tools have the others."""
    assert NODE_SUITES.keys() == KINDS.keys()
    assert {suite.prefix for suite in SUITES} == {kind.replace("_", "-") for kind in KINDS} | {
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
