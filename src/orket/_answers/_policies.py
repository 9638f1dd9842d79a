"""Answers of the policies around the turn: loop, assets, ids, environment, services, hosts with an API."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from orket._answers._exact import Check, blank, found, listed, unlike, unlike_all, unsafe_name
from orket._fit import misfits
from orket.cards import BoardCounts, CardStatus, Rock, WaitReason
from orket.contracts import MissingSeat, Rest, RestAnswer, SubPipeline
from orket.organization import INTEGRITY_GUARD, Organization

_NONE: Final = type(None)


def positive(answer: Any, *_asked: object) -> str | None:
    """Check a bound of the loop: an int ≥ 1."""
    if type(answer) is int and answer >= 1:
        return None
    return f"answer is {found(answer)}; valid: an int of at least 1"


def boolean(answer: Any, *_asked: object) -> str | None:
    """Check a plain yes or no."""
    return unlike("answer", answer, bool)


def role_order(answer: Any, roles: tuple[str, ...], is_review: bool) -> str | None:
    """Check the roles of a turn: all kept; none added to a work turn; the guard in a review turn."""
    if (wrong := unlike_all("answer", answer, str)) is not None:
        return wrong
    if missing := set(roles).difference(answer):
        return f"leaves out {listed(sorted(missing))}; valid: all of {listed(roles)}, in any order"
    if is_review:
        return None if INTEGRITY_GUARD in answer else f"a review turn lacks {INTEGRITY_GUARD!r}"
    if added := set(answer).difference(roles):
        return f"adds {listed(sorted(added))} to a work turn; valid: {listed(roles)}"
    return None


def missing_seat(answer: Any, *_asked: object) -> str | None:
    """Check what becomes of an issue without a seat: canceled, or blocked with a wait reason; always with a reason."""
    wrong = (
        unlike("answer", answer, MissingSeat)
        or unlike("status", answer.status, CardStatus)
        or unlike("wait_reason", answer.wait_reason, WaitReason, _NONE)
        or blank("reason", answer.reason)
    )
    if wrong or answer.status is CardStatus.CANCELED:
        return wrong
    if answer.status is not CardStatus.BLOCKED:
        return f"status is {answer.status.value!r}; valid: 'canceled', 'blocked'"
    return None if answer.wait_reason else f"status 'blocked' has no wait_reason; valid: {listed(WaitReason)}"


def is_done(answer: Any, counts: BoardCounts) -> str | None:
    """Check the end of a board: never done while an issue is unfinished."""
    if (wrong := unlike("answer", answer, bool)) is not None:
        return wrong
    if answer and counts.unfinished > 0:
        return f"answer is True while {counts.unfinished} of {counts.total} issues are unfinished; valid: False"
    return None


def rest(answer: Any, *_asked: object) -> str | None:
    """Check how a run comes to rest."""
    return unlike("answer", answer, RestAnswer) or unlike("rest", answer.rest, Rest) or blank("reason", answer.reason)


def paths(answer: Any, root: Path, *_asked: object) -> str | None:
    """Check where assets are looked for: a tuple of paths that begin with the root and never go up."""
    if type(answer) is not tuple:
        return unlike("answer", answer, tuple)
    for index, path in enumerate(answer):
        if not isinstance(path, Path):
            return f"answer[{index}] is {found(path)}; valid: a Path"
        if not path.is_relative_to(root) or ".." in path.relative_to(root).parts or "\0" in str(path):
            return f"answer[{index}] is {str(path)!r}; valid: a path inside {str(root)!r}, without '..'"
    return None


def organization(answer: Any, *_asked: object) -> str | None:
    """Check an organization after its overrides."""
    return (
        unlike("answer", answer, Organization)
        or unlike("name", answer.name, str)
        or unlike("vision", answer.vision, str)
    )


def identifier(answer: Any, given: str | None, _token: str) -> str | None:
    """Check an id: a safe file name, and the given one where one is given."""
    if given is not None and answer != given:
        return f"answer is {found(answer)}; valid: the given id {given!r}"
    return unsafe_name("answer", answer)


def environment(answer: Any, *_asked: object) -> str | None:
    """Check an environment: str to str. Values may be secrets, so none is shown."""
    if not isinstance(answer, Mapping):
        return f"answer is {found(answer)}; valid: a mapping of str to str"
    for name, value in answer.items():
        if type(name) is not str or type(value) is not str:
            kinds = f"{type(name).__name__} to {type(value).__name__}"
            return f"answer maps {kinds} at {found(name)}; valid: a mapping of str to str"
    return None


def folder(answer: Any, *_asked: object) -> str | None:
    """Check the folder of the configuration."""
    return None if isinstance(answer, Path) else f"answer is {found(answer)}; valid: a Path"


def service(protocol: type) -> Check:
    """Return the check of a service: None, or an object that fits *protocol*."""

    def check(answer: Any, *_asked: object) -> str | None:
        if answer is None:
            return None
        faults = "; ".join(misfits(answer, protocol))
        return f"the {protocol.__name__} it gives {faults}; valid: None, or a {protocol.__name__}" if faults else None

    return check


def sub_pipelines(answer: Any, rock: Rock) -> str | None:
    """Check how a rock's epics are run: each exactly once, in its own department, under a safe build id."""
    if (wrong := unlike_all("answer", answer, SubPipeline)) is not None:
        return wrong
    for index, part in enumerate(answer):
        wrong = (
            unlike(f"answer[{index}].epic", part.epic, str)
            or unlike(f"answer[{index}].department", part.department, str)
            or unlike(f"answer[{index}].reason", part.reason, str)
            or (None if part.build is None else unsafe_name(f"answer[{index}].build", part.build))
        )
        if wrong is not None:
            return wrong
    named = Counter(f"{part.department}/{part.epic}" for part in answer)
    wanted = Counter(f"{epic.department}/{epic.epic}" for epic in rock.epics)
    if named == wanted:
        return None
    missing, surplus = listed((wanted - named).elements()), listed((named - wanted).elements())
    return f"leaves out {missing} and adds {surplus}; valid: each of {listed(wanted)} exactly once"


def origins(answer: Any, value: str) -> str | None:
    """Check allowed origins: never a wildcard that nobody asked for."""
    if (wrong := unlike_all("answer", answer, str)) is not None:
        return wrong
    if "*" in answer and not value.strip(" ,;\t\r\n"):
        return "answer has the wildcard '*' for an empty value; valid: no origin at all"
    return next(filter(None, (blank(f"answer[{index}]", origin) for index, origin in enumerate(answer))), None)


def asset_id(answer: Any, *_asked: object) -> str | None:
    """Check the asset id of a request."""
    return unlike("answer", answer, str, _NONE)


def session_id(answer: Any, *_asked: object) -> str | None:
    """Check a session id: not empty."""
    return blank("answer", answer)
