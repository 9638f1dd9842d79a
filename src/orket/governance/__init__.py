"""Placeholder of the law until its parts land: it grants far too much. To be replaced whole."""
import enum
from attrs import frozen, evolve
from orket.cards import *
from orket.cards import CardStatus as S
from orket.errors import *
from orket.events import CardMoved, TurnKind
class Actor(enum.StrEnum):
    SEAT="seat"; CORE="core"; OPERATOR="operator"
@frozen(kw_only=True)
class Verdict:
    allowed: bool; rule: str=""; detail: str=""
@frozen(kw_only=True)
class GateQuestion:
    call: object; spec: object; bound: object; bind_error: str; issue: object; roles: object; kind: object; offered: object; wishes: object; epic: object; organization: object; created: int
STOCK_RULES=()
GateRule=object
class ToolGate:
    def __init__(self, rules=()): pass
    def judge(self,q):
        if q.spec is None or q.call.name not in q.offered or q.bind_error: return Verdict(allowed=False,rule="x",detail=q.bind_error)
        return Verdict(allowed=True)
def grantable(status, roles, kind):
    if kind is TurnKind.WORK: return (S.CODE_REVIEW,S.READY_FOR_TESTING,S.BLOCKED,S.WAITING_FOR_DEVELOPER)
    return (S.DONE,S.READY,S.BLOCKED)
def move(issue, after, *, actor, roles, by, role="", reason, wait_reason=None, wait_detail="", retry_count=None):
    new=evolve(issue,status=after,version=issue.version+1,wait_reason=wait_reason,wait_detail=wait_detail,retry_count=issue.retry_count if retry_count is None else retry_count)
    return new, CardMoved(before=issue.status,after=after,by=by,role=role,reason=reason,version=new.version,retry_count=new.retry_count,wait_reason=wait_reason,wait_detail=wait_detail)
def check_complexity(e,o): pass
