"""How much is allowed: issues in an epic, new issues, reviews of one's own work."""

from collections.abc import Collection
from typing import Final

from orket.cards import Epic
from orket.errors import ComplexityError, SeparationOfDutiesError
from orket.organization import Organization

MAX_CREATED_ISSUES: Final = 10  # that one turn may create
MAX_ADDED_ISSUES: Final = 200  # that seats may add to one board: each brings turns that could create more, without end


def check_complexity(epic: Epic, organization: Organization) -> None:
    """Let an epic pass unless it is too large for the architecture it declares.

    An epic that says ``idesign: false`` may have at most ``architecture.idesign_threshold`` issues. One that says
    nothing passes.

    Raises:
        ComplexityError: it has more; ``issues`` and ``threshold`` say how many.
    """
    count, threshold = len(epic.issues), organization.architecture.idesign_threshold
    if epic.architecture_governance.idesign is False and count > threshold:
        raise ComplexityError(
            f"epic {epic.id!r} has {count} issues and declares idesign: false; without iDesign an epic of"
            f" {organization.name!r} has at most {threshold}: set architecture_governance.idesign to true, or split it",
            rule="complexity",
            epic=epic.id,
            issues=count,
            threshold=threshold,
        )


def check_review(seat: str, workers: Collection[str], *, separation_of_duties: bool) -> bool:
    """Return whether a review by *seat* would be self review: it is one of the seats that did the work.

    Args:
        seat: the reviewing seat's key in the team.
        workers: keys of the seats that worked on the issue.
        separation_of_duties: whether the host forbids self review.

    Raises:
        SeparationOfDutiesError: it would be, and the host forbids it.
    """
    is_self_review = seat in workers
    if is_self_review and separation_of_duties:
        raise SeparationOfDutiesError(
            f"seat {seat!r} would review its own work; separation of duties needs another seat that may review",
            rule="separation-of-duties",
            seat=seat,
        )
    return is_self_review
