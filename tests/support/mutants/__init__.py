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


def broken_rules(suite: type[ContractSuite], mutant: Mutant, settings: Settings) -> set[str]:
    """Return the ids of the rules that a mutant breaks.

    Its own rule is tried with all examples of *settings*, the others, which should hold, with a tenth of them.
    """
    members = {suite.subject: lambda _self: mutant.make(), **mutant.attributes}
    thorough = type(f"Test{suite.__name__}", (suite,), {**members, "settings": settings})
    tenth = Settings(settings, max_examples=settings.max_examples // 10)
    brief = type(f"Test{suite.__name__}", (suite,), {**members, "settings": tenth})
    return {it.id for it in suite.rules() if not _passes(thorough if it.id == mutant.rule else brief, it)}


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
