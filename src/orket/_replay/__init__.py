"""What the journal can be asked afterwards: where its records lead, and what other nodes would have decided."""

from orket._replay._fold import Disagreement, Replay
from orket._replay._found import Difference, FollowUp, Unasked, WhatIf, together
from orket._replay._replaying import replay
from orket._replay._what_if import ask_again

__all__ = [
    "Difference",
    "Disagreement",
    "FollowUp",
    "Replay",
    "Unasked",
    "WhatIf",
    "ask_again",
    "replay",
    "together",
]
