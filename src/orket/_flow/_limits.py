"""How much a turn may take."""

from typing import Any

from attrs import Attribute, field, frozen

from orket._value import Value
from orket.errors import WiringError


def _above_zero(_limits: object, field: "Attribute[Any]", value: object) -> None:
    whole = field.name == "rounds"
    if isinstance(value, bool) or not isinstance(value, int if whole else int | float) or not value > 0:
        what = "a whole number" if whole else "seconds"
        raise WiringError([f"limits: {field.name} is {value!r:.80}; valid: {what} above 0"])


@frozen(kw_only=True, repr=False, eq=False)
class Limits(Value):
    """Bounds of a turn: how many rounds, and seconds of a claim's lease, a tool call, a node, a host's gate rules."""

    rounds: int = field(default=8, validator=_above_zero)
    lease: float = field(default=60.0, validator=_above_zero)
    tool: float = field(default=120.0, validator=_above_zero)
    node: float = field(default=60.0, validator=_above_zero)
    rule: float = field(default=5.0, validator=_above_zero)
