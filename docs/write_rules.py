"""Write the tables of ``contract-rules.md`` from the suites and their mutants: ``python docs/write_rules.py``.

The page keeps what stands outside of its two markers.
"""

import sys
from pathlib import Path

PAGE = Path(__file__).with_name("contract-rules.md")
BEGIN = "<!-- from orket.testing and its mutants; written by write_rules.py -->"
END = "<!-- end of what write_rules.py writes -->"

sys.path.insert(0, str(PAGE.parents[1] / "tests" / "support"))

from mutants import Mutant  # noqa: E402 - the mutants are part of the tests
from mutants.catalogue import SUITES  # noqa: E402

from orket.testing import ContractSuite, Rule  # noqa: E402


def tables() -> str:
    """Return a table of the rules of every suite, one section for each."""
    return "\n\n".join(_section(suite, mutants) for suite, mutants in SUITES.items())


def update(text: str) -> str:
    """Return the page with the tables of today's suites."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{tables()}\n\n{END}{tail}"


def _section(suite: type[ContractSuite], mutants: tuple[Mutant, ...]) -> str:
    ways = {mutant.rule: mutant for mutant in mutants}
    rows = [_row(rule, ways[rule.id]) for rule in suite.rules()]
    head = [f"## {suite.__name__}\n", "| rule | claim | the mutant that it catches |", "|---|---|---|"]
    return "\n".join([*head, *rows])


def _row(rule: Rule, mutant: Mutant) -> str:
    power = f" (needs `{rule.needs}`)" if rule.needs else ""
    cells = (f"`{rule.id}`", rule.claim + power, mutant.how)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


if __name__ == "__main__":
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
