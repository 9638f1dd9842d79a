"""Broken implementations, one for each rule of the contract kit: proof that the rule bites."""

from collections.abc import Callable
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import settings as Settings  # noqa: N812

from orket.testing import ContractSuite, Rule
from orket.testing._watch import unchanged_process


@frozen(kw_only=True)
class Mutant:
    """What breaks a rule.

    ``rule`` is the rule's id, ``make`` returns the broken implementation, ``how`` says in a few words what is wrong
    with it (it stands in the documentation), ``also`` are rules that cannot but fail with it, ``attributes`` what the
    suite that runs it declares.
    """

    rule: str
    make: Callable[[], Any]
    how: str
    also: tuple[str, ...] = ()
    attributes: dict[str, Any] = field(factory=dict)


def breaks(suite: type[ContractSuite], mutant: Mutant, rule_id: str, settings: Settings) -> bool:
    """Return whether a mutant breaks a rule of its suite."""
    members = {suite.subject: lambda _self: mutant.make(), "settings": settings, **mutant.attributes}
    broken = type(f"Test{suite.__name__}", (suite,), members)
    return not _passes(broken, next(rule for rule in broken.rules() if rule.id == rule_id))


def _passes(suite: type[ContractSuite], rule: Rule) -> bool:
    if rule.needs and not getattr(suite, rule.needs):
        return True  # pytest skips it
    test = getattr(suite, rule.test)
    try:
        with unchanged_process():  # what a mutant does to its process must not hide what it does next
            for backend in suite.backends:
                test(suite(), backend=backend)
            if not suite.backends:
                test(suite())
    except pytest.skip.Exception:
        return True
    except (Exception, SystemExit, pytest.fail.Exception):  # noqa: BLE001 - a mutant may raise anything
        return False
    return True
