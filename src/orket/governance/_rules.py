"""The stock rules of the tool gate, each with the stable name that its refusals carry."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from attrs import frozen

from orket._value import Value
from orket.cards import CardStatus, Issue, WaitReason
from orket.contracts import EffectClass
from orket.governance import _structure as idesign
from orket.governance._budget import MAX_ADDED_ISSUES, MAX_CREATED_ISSUES
from orket.governance._filetypes import type_fault
from orket.governance._machine import WAITING
from orket.governance._paths import FileArgument, file_arguments, is_below, path_fault
from orket.governance._question import GateQuestion

_UPDATE_STATUS: Final = "update_issue_status"
_REQUEST_EXCUSE: Final = "request_excuse"
_CREATE_ISSUE: Final = "create_issue"
_WRITING: Final = frozenset({EffectClass.IDEMPOTENT, EffectClass.AT_MOST_ONCE})


@frozen(repr=False, eq=False)
class StockRule(Value):
    """A gate rule made of a function."""

    name: str
    check: Callable[[GateQuestion], str | None]


def known_tool(question: GateQuestion) -> str | None:
    """Refuse a tool that does not exist."""
    if question.spec is None or question.spec.name != question.call.name:
        return f"there is no tool {question.call.name!r:.100}; tools: {_listed(sorted(question.offered))}"
    return None


def role_tools(question: GateQuestion) -> str | None:
    """Refuse a tool that no role of the seat lists, or that the turn was not offered."""
    name = question.call.name
    if all(name not in role.tools for role in question.roles):
        return f"no role of this seat ({_listed(role.name for role in question.roles)}) lists the tool {name!r:.100}"
    if name not in question.offered:
        return f"the tool {name!r:.100} was not offered in this turn; offered: {_listed(sorted(question.offered))}"
    return None


def arguments(question: GateQuestion) -> str | None:
    """Refuse arguments that the tool could not read."""
    if question.bind_error:
        return question.bind_error
    return "the arguments were not read" if question.bound is None else None


def workspace_boundary(question: GateQuestion) -> str | None:
    """Refuse a path that leaves the workspace or is not portable, and a write to a protected folder."""
    writes = _writes(question)
    for file in file_arguments(question.call.arguments):
        if fault := path_fault(file.path, writes=writes):
            return f"{file.key}: {file.path!r:.200} {fault}; valid: paths within the workspace, relative to it"
        for folder in question.protected if writes else ():
            if is_below(file.path, folder):
                return f"{file.key}: {file.path!r:.200} lies in {folder}/, which agents may only read"
    return None


def file_type(question: GateQuestion) -> str | None:
    """Refuse to write programs, archives and secrets."""
    for file, path in _written(question):
        if fault := type_fault(path):
            return f"{file.key}: {path!r:.200} {fault}; agents write text files"
    return None


def idesign_structure(question: GateQuestion) -> str | None:
    """Refuse a source file outside the folders of iDesign, where the epic declares iDesign."""
    return _source_fault(question, lambda path, _: idesign.structure_fault(path))


def idesign_naming(question: GateQuestion) -> str | None:
    """Refuse a name that belongs to another layer, where the epic declares iDesign."""
    return _source_fault(question, idesign.naming_fault)


def layer_imports(question: GateQuestion) -> str | None:
    """Refuse Python that imports against the layers or cannot be read, where the epic declares iDesign."""

    def fault(path: str, content: str | None) -> str:
        return idesign.import_fault(path, content) if content is not None and idesign.is_python(path) else ""

    return _source_fault(question, fault)


def status_change(question: GateQuestion) -> str | None:
    """Refuse a wish that the law could not grant now, or whose wait reason does not fit."""
    given = question.call.arguments
    if question.call.name == _REQUEST_EXCUSE:
        return _wish_fault(question, CardStatus.WAITING_FOR_DEVELOPER, WaitReason.INPUT)
    if question.call.name == _UPDATE_STATUS:
        return _wish_fault(question, given.get("status"), given.get("wait_reason"))
    return None


def _wish_fault(question: GateQuestion, status: object, wait_reason: object) -> str | None:
    if not isinstance(status, str) or status not in question.wishes:
        why = f" ({evidence})" if status == CardStatus.DONE and (evidence := _evidence_against(question.issue)) else ""
        return f"status {status!r:.100} cannot be granted now{why}; this seat may ask for: {_listed(question.wishes)}"
    if wait_reason is not None and wait_reason not in tuple(WaitReason):
        return f"wait_reason {wait_reason!r:.100} is unknown; valid: {_listed(WaitReason)}"
    if status in WAITING and wait_reason is None:
        return f"status {status} needs a wait_reason: {_listed(WaitReason)}"
    if status not in WAITING and wait_reason is not None:
        return f"status {status} takes no wait_reason"
    return None


def _evidence_against(issue: Issue) -> str:
    """Return why the issue's fixture forbids that it is done, or ""."""
    last = issue.verification.last_run if issue.verification else None
    if last is None or last.passed:
        return ""
    return f"its fixture did not pass: {last.detail[:200] or 'see its scenarios'}"


def confirm(question: GateQuestion) -> str | None:
    """Refuse a destructive call that does not say ``confirm: true``."""
    if question.spec is not None and question.spec.destructive and question.call.arguments.get("confirm") is not True:
        return f"{question.call.name} destroys something; it runs only with confirm: true"
    return None


def issue_limit(question: GateQuestion) -> str | None:
    """Refuse too many new issues in one turn or on one board, and those that say nothing."""
    if question.call.name != _CREATE_ISSUE:
        return None
    if question.created >= MAX_CREATED_ISSUES:
        return f"this turn has created {question.created} issues; at most {MAX_CREATED_ISSUES} are allowed"
    if question.added >= MAX_ADDED_ISSUES:
        return f"seats have added {question.added} issues to this board; at most {MAX_ADDED_ISSUES} are allowed"
    for key in ("summary", "seat"):
        value = question.call.arguments.get(key)
        if not isinstance(value, str) or not value.strip():
            return f"{key} is empty; a new issue needs a summary and a seat"
    return None


STOCK_RULES: Final = (
    StockRule("known-tool", known_tool),
    StockRule("role-tools", role_tools),
    StockRule("arguments", arguments),
    StockRule("workspace-boundary", workspace_boundary),
    StockRule("file-type", file_type),
    StockRule("idesign-structure", idesign_structure),
    StockRule("idesign-naming", idesign_naming),
    StockRule("layer-imports", layer_imports),
    StockRule("status-change", status_change),
    StockRule("confirm", confirm),
    StockRule("issue-limit", issue_limit),
)


def _writes(question: GateQuestion) -> bool:
    """Tell whether the tool changes something outside the record; a tool that is not known is taken to."""
    return question.spec is None or question.spec.effect in _WRITING


def _written(question: GateQuestion) -> Iterator[tuple[FileArgument, str]]:
    if _writes(question):
        for file in file_arguments(question.call.arguments):
            if isinstance(file.path, str):
                yield file, file.path


def _source_fault(question: GateQuestion, fault_of: Callable[[str, str | None], str]) -> str | None:
    if question.epic.architecture_governance.idesign is not True:
        return None
    for file, path in _written(question):
        if idesign.is_source(path) and (fault := fault_of(path, file.content)):
            return f"{file.key}: {path!r:.200} {fault}"
    return None


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
