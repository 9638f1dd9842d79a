"""The identity of an effect."""

from collections.abc import Mapping

from orket._codec import value_digest
from orket.cards import JsonValue
from orket.events import Digest


def effect_key(run: str, issue: str, turn: int, index: int, tool: str, arguments: Mapping[str, JsonValue]) -> Digest:
    """Return the key of a call: the same for a repeated run of the same call, and for no other.

    Args:
        run: the run's id.
        issue: the issue's id.
        turn: the turn's number.
        index: the call's number within the turn.
        tool: the tool's name.
        arguments: the arguments as they were gated; the order of their keys does not matter.
    """
    return value_digest([run, issue, turn, index, tool, arguments])
