"""What a gate rule is asked, and what the gate answers."""

from typing import Final, Protocol, runtime_checkable

from attrs import frozen

from orket._value import Value
from orket.cards import CardStatus, Epic, Issue
from orket.contracts import ToolCall, ToolSpec
from orket.events import TurnKind
from orket.organization import Organization, Role

PROTECTED: Final = ("verification",)  # folders of the workspace that no agent writes to: fixtures prove its work


@frozen(kw_only=True, repr=False, eq=False)
class GateQuestion(Value):
    """Whether a call may run: all that a rule may need to know.

    Args:
        call: exactly what would run.
        spec: of the tool of that name; None when there is no such tool.
        bound: the typed arguments that the tool's ``bind`` returned; None when it refused them.
        bind_error: why it refused them, or "".
        issue: that the turn works on.
        roles: of the seat in this turn.
        kind: of the turn.
        offered: names of the tools that the turn was offered.
        wishes: statuses that the law could grant this seat now.
        epic: that the issue belongs to, without its issues.
        organization: whose rules count.
        created: issues that this turn has created so far, those that earlier calls of the reply ask for included.
        added: issues that seats have added to the board before this turn's next commit.
        protected: folders of the workspace that are never written to.
    """

    call: ToolCall
    spec: ToolSpec | None
    bound: object | None
    bind_error: str
    issue: Issue
    roles: tuple[Role, ...]
    kind: TurnKind
    offered: frozenset[str]
    wishes: tuple[CardStatus, ...]
    epic: Epic
    organization: Organization
    created: int = 0
    added: int = 0
    protected: tuple[str, ...] = PROTECTED


@frozen(kw_only=True, repr=False, eq=False)
class Verdict(Value):
    """What the gate says: ``rule`` names the rule that refuses, ``detail`` why; both "" where the call is allowed."""

    allowed: bool
    rule: str = ""
    detail: str = ""


@runtime_checkable
class GateRule(Protocol):
    """One reason to refuse a call. A host may add its own."""

    @property
    def name(self) -> str:
        """A stable name; every refusal carries it."""
        ...

    def check(self, question: GateQuestion, /) -> str | None:
        """Return None to allow the call, or a sentence that says why it is refused.

        Must be pure and quick. Whatever it raises, and whatever else it returns, refuses the call.
        """
        ...
