"""Write the tables of ``states.md`` from the law itself: ``python docs/write_states.py``.

The page keeps what stands outside of its two markers.
"""

from pathlib import Path

from orket import CardStatus
from orket.governance import TRANSITIONS, Actor, Transition

PAGE = Path(__file__).with_name("states.md")
BEGIN = "<!-- from orket.governance.TRANSITIONS; written by write_states.py -->"
END = "<!-- end of what write_states.py writes -->"


def transitions() -> str:
    """Return a table of every pair of statuses that somebody may use, one section for each status before."""
    return "\n\n".join(_section(before) for before in CardStatus)


def update(text: str) -> str:
    """Return the page with the tables of today's law."""
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n\n{transitions()}\n\n{END}{tail}"


def _section(before: CardStatus) -> str:
    rows = [
        f"| `{after}` | {_who(terms)} | {'yes' if terms.needs_wait_reason else ''} |"
        for after in CardStatus
        if (terms := TRANSITIONS[before, after]).actors
    ]
    if not rows:
        return f"### From `{before}`\n\nNowhere: nobody may move it."
    return "\n".join([f"### From `{before}`\n", "| to | who may | wait reason |", "|---|---|---|", *rows])


def _who(terms: Transition) -> str:
    return " · ".join(_terms(actor, terms) for actor in Actor if actor in terms.actors)


def _terms(actor: Actor, terms: Transition) -> str:
    if actor is not Actor.SEAT:
        return actor.value
    holding = f" holding `{terms.role}`" if terms.role else ""
    return f"seat, {terms.kind} turn{holding}"


if __name__ == "__main__":
    PAGE.write_text(update(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
