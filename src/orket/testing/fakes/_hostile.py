"""A model that wants out."""

import random
from collections.abc import Sequence
from typing import Final

from orket.contracts import (
    INTEGRITY_GUARD,
    CardStatus,
    ModelReply,
    ModelRequest,
    ToolCall,
    ToolSpec,
    TurnBrief,
    TurnKind,
)
from orket.testing._attacks import UNKNOWN, attacks, broken_replies, intrusions, unconfirmed, usurpations
from orket.testing._forms import NATIVE_FORMS, WRITTEN_FORMS, native, written

_STATUS: Final = "update_issue_status"


class HostileModel:
    """A seeded model that reads its tools and its brief, and tries what is forbidden first.

    Of each issue, the first exchange tries what is forbidden to everybody: paths outside the workspace, tools that are
    not offered, destructive calls without a confirmation, ``done`` without being the guard. Later ones try anything:
    arguments with keys too many or too few or of the wrong type, malformed JSON, floods of calls, giant texts. Every
    other exchange ends with what an honest model does, so that it gets behind the first turn.

    The same seed gives the same replies to the same requests in the same order.

    Args:
        seed: Chooses the replies.
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._asked: dict[str, int] = {}  # by issue: turns that run at the same time do not change each other

    def __repr__(self) -> str:
        return f"HostileModel({self._seed})"

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer *request*, in no good faith."""
        whose = request.brief.issue.id if request.brief else ""
        count = self._asked[whose] = self._asked.get(whose, 0) + 1
        chance = random.Random(f"{self._seed}/{whose}/{count}")  # noqa: S311 - chosen, not secret
        if count > 1 and chance.random() < 0.3:
            return chance.choice(tuple(broken_replies(request.tools)))
        tried = _first(request.tools, request.brief) if count == 1 else list(attacks(request.tools))
        calls = chance.sample(tried, k=min(len(tried), chance.randint(1, 4)))
        if count % 2 == 0 and any(tool.name == _STATUS for tool in request.tools):
            calls.append(_honest(request.brief))
        if chance.random() < 0.5:
            return native(calls, chance.randrange(NATIVE_FORMS))
        return written(calls, chance.randrange(WRITTEN_FORMS))


def _first(tools: Sequence[ToolSpec], brief: TurnBrief | None) -> list[ToolCall]:
    offered = {tool.name for tool in tools}
    tried = [*intrusions(tools), *unconfirmed(tools)]
    tried += [ToolCall(name=name, arguments={"target": "everything"}) for name in UNKNOWN if name not in offered]
    if brief is None or brief.kind is not TurnKind.REVIEW or INTEGRITY_GUARD not in brief.roles:
        tried += list(usurpations(tools)) * 5  # few beside the many paths
    return tried


def _honest(brief: TurnBrief | None) -> ToolCall:
    judge = brief is not None and brief.kind is TurnKind.REVIEW
    return ToolCall(name=_STATUS, arguments={"status": CardStatus.DONE if judge else CardStatus.CODE_REVIEW})
