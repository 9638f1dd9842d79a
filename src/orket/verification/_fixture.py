"""A fixture's file: found below ``verification/`` or refused, and read once."""

import os
from pathlib import Path
from typing import Final

from orket import _files
from orket.errors import FixtureRefusedError, VerificationError

FOLDER: Final = "verification"  # where fixtures live, below the workspace; read-only to agents
MAX_FIXTURE: Final = 1024 * 1024  # bytes of a fixture


def fixture_parts(fixture: str | None) -> tuple[str, ...]:
    """Return the fixture's path below ``verification/``; it may, but need not, be spelled with that folder.

    Raises:
        FixtureRefusedError: the path leads out of the folder.
        VerificationError: there is no path.
    """
    if not fixture:
        raise VerificationError(f"no fixture: found {fixture!r}, valid: a file below {FOLDER}/", found=fixture)
    try:
        parts = _files.split_path(fixture)
    except _files.PathRefusedError as error:
        raise FixtureRefusedError(f"fixture {error}; valid: a file below {FOLDER}/", found=fixture) from error
    parts = parts[1:] if parts[:1] == (FOLDER,) else parts
    if not parts:
        raise VerificationError(f"no fixture: found {fixture!r}, valid: a file below {FOLDER}/", found=fixture)
    return parts


def read_fixture(fixture: str | None, workspace: Path) -> str:
    """Return the fixture's text: what is checked here is what runs, whatever happens to the file meanwhile.

    No link is followed on the way, not even one that would lead back. *workspace* is a real path.

    Raises:
        FixtureRefusedError: its path, or a link on it, leads out of ``verification/``; or it is there, beside it.
        VerificationError: it is not there, or is not a text file.
    """
    *parents, name = fixture_parts(fixture)
    try:
        with _files.folder(workspace, (FOLDER, *parents)) as directory:
            return _files.read_file(directory, name, limit=MAX_FIXTURE).decode("utf-8-sig")
    except _files.PathRefusedError as error:
        refused = FixtureRefusedError if _lies_outside(str(fixture), workspace, (*parents, name)) else VerificationError
        raise refused(f"fixture {fixture!r} cannot be run: {error}", found=fixture) from error
    except UnicodeDecodeError as error:
        raise VerificationError(f"fixture {fixture!r} is not UTF-8 text: {error}", found=fixture) from error


def _lies_outside(fixture: str, workspace: Path, parts: tuple[str, ...]) -> bool:
    """Return whether a link leads out of the folder, or the path is that of a file of the workspace beside it."""
    inside = os.path.join(workspace, FOLDER, *parts)  # noqa: PTH118
    spelled = os.path.join(workspace, *_files.split_path(fixture))  # noqa: PTH118
    return os.path.realpath(inside) != inside or (spelled != inside and os.path.lexists(spelled))
