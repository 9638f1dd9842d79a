"""The file beside a failure report: what it is called, what stands in it, and how it is written."""

import json
from pathlib import Path
from typing import Final
from urllib.parse import quote

from attrs import frozen

from orket import _files
from orket._codec import digest
from orket._value import Value
from orket.events import FailureReported

FOLDER: Final = "agent_output"
_LONGEST: Final = 160  # characters of a card's part of the file's name; together it is far below what systems allow
_NOTE: Final = "A copy for people. Agents can write to this folder; what counts is FailureReported in the journal."


@frozen(kw_only=True, repr=False, eq=False)
class UnfiledReport(Value):
    """A failure report whose file is due. ``problem`` is why it could not be written so far."""

    run: str
    build: str
    card: str
    at: float
    report: FailureReported
    problem: str = ""


def file_name(card: str) -> str:
    """Return the name of a card's file: its id, with what is no letter, digit, ``.``, ``_`` or ``-`` as ``%XX``.

    What is too long ends with ``~`` and a digest instead, so that no two cards have one name.
    """
    safe = quote(card, safe="", errors="surrogatepass").replace("~", "%7E")
    if len(safe) > _LONGEST:
        safe = f"{safe[: _LONGEST - 33]}~{digest(card)[:32]}"
    return f"policy_violation_{safe}.json"


def file_text(due: UnfiledReport) -> str:
    """Return what stands in the file: JSON, in ASCII."""
    report = due.report
    body = {
        "card": due.card,
        "build": due.build,
        "run": due.run,
        "turn": report.turn,
        "at": due.at,
        "violation": report.violation,
        "detail": report.detail,
        "attempted_action": report.attempted,
        "roles": list(report.roles),
        "remedy": report.remedy,
        "retryable": report.retryable,
        "note": _NOTE,
    }
    return json.dumps(body, indent=2) + "\n"


def write_file(workspace: Path, due: UnfiledReport) -> str:
    """Write the file, over what stood there (blocking I/O); return "", or why that cannot be done.

    No link is followed on the way, whoever has put it there.
    """
    if not _files.supported():
        return "files of the workspace need a platform with dir_fd and O_NOFOLLOW (Linux, macOS, BSD)"
    temporary = f".orket-{digest(f'{due.build}/{due.card}')[:32]}.tmp"
    try:
        with _files.folder(workspace, (FOLDER,), create=True) as directory:
            _files.replace_file(directory, file_name(due.card), file_text(due).encode(), temporary=temporary)
    except _files.PathRefusedError as error:
        return str(error)
    return ""
