"""Complexity, separation of duties."""

import pytest

from orket.contracts import ArchitectureGovernance, ArchitectureRules, Epic, Issue, Organization
from orket.errors import ComplexityError, SeparationOfDutiesError
from orket.governance import check_complexity, check_review


@pytest.mark.parametrize(
    ("idesign", "issues", "passes"),
    [(False, 7, True), (False, 8, False), (True, 8, True), (None, 8, True), (None, 100, True)],
)
def test_a_large_epic_must_not_refuse_idesign(idesign: bool | None, issues: int, passes: bool) -> None:
    """Only an epic that says no to iDesign is bound to the threshold."""
    epic = Epic(
        id="e",
        name="e",
        team="t",
        environment="v",
        issues=tuple(Issue(id=str(n), name="i", seat="s") for n in range(issues)),
        architecture_governance=ArchitectureGovernance(idesign=idesign),
    )
    organization = Organization(name="o", architecture=ArchitectureRules(idesign_threshold=7))
    if passes:
        check_complexity(epic, organization)
        return
    with pytest.raises(ComplexityError, match="'e' has 8 issues") as caught:
        check_complexity(epic, organization)
    assert caught.value.data == {"rule": "complexity", "epic": "e", "issues": 8, "threshold": 7}


def test_self_review_is_told_or_refused() -> None:
    """A seat that worked on an issue reviews itself, which a host may forbid."""
    assert check_review("dev", ["dev"], separation_of_duties=False) is True
    assert check_review("guard", ["dev"], separation_of_duties=True) is False
    with pytest.raises(SeparationOfDutiesError, match="'dev' would review its own work") as caught:
        check_review("dev", ["qa", "dev"], separation_of_duties=True)
    assert caught.value.rule == "separation-of-duties"
