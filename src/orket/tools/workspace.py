"""Tools for the files of the workspace.

All of them go through :mod:`orket._files`: no symbolic link is followed, wherever it points, and no path leaves the
workspace.
"""

import stat
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from orket import _files
from orket._value import Value
from orket.contracts import EffectClass, Tool, ToolContext
from orket.errors import ToolError
from orket.tools._define import ClassTool

MAX_FILE: Final = 1024 * 1024  # bytes that are read or written at once
MAX_ENTRIES: Final = 1000  # entries of a folder that are listed
READ_ONLY: Final = "verification"  # the folder of fixtures: agents read it and never write there

Protected = Callable[[], frozenset[_files.Identity]]


@frozen(kw_only=True, repr=False, eq=False)
class ReadFile(Value):
    """Arguments of ``read_file``.

    Args:
        path: the file, relative to the workspace, with forward slashes
    """

    path: str


@frozen(kw_only=True, repr=False, eq=False)
class WriteFile(Value):
    """Arguments of ``write_file``.

    Args:
        path: the file, relative to the workspace, with forward slashes; folders that are missing are made
        content: the whole new content
    """

    path: str
    content: str


@frozen(kw_only=True, repr=False, eq=False)
class ListDirectory(Value):
    """Arguments of ``list_directory``.

    Args:
        path: the folder, relative to the workspace
    """

    path: str = "."


def workspace_tools(protected: Protected = frozenset) -> tuple[Tool, ...]:
    """Return ``read_file``, ``write_file`` and ``list_directory`` for the context's workspace.

    Args:
        protected: returns (device, inode) of the files that no agent may touch (the record's own); asked at every call.
            They are refused before they are opened.

    Raises:
        ToolError: the platform cannot open files relative to a descriptor, so that the workspace could not be guarded.
    """
    if not _files.supported():
        raise ToolError("workspace tools need a platform with dir_fd and O_NOFOLLOW (Linux, macOS, BSD)")
    return (_read_tool(protected), _write_tool(protected), _list_tool())


def _read_tool(protected: Protected) -> Tool:
    def read(arguments: ReadFile, context: ToolContext) -> str:
        """Read a text file of the workspace."""
        with _refused():
            *parents, name = _file_path(arguments.path)
            with _files.folder(context.workspace, tuple(parents)) as directory:
                content = _files.read_file(directory, name, limit=MAX_FILE, protected=protected())
        try:
            text = content.decode()
        except UnicodeDecodeError:
            text = "\0"
        if "\0" in text:
            raise ToolError(f"{arguments.path!r} is a binary file of {len(content)} bytes; valid: UTF-8 text")
        return text

    return ClassTool(name="read_file", arguments=ReadFile, action=read, effect=EffectClass.READ, abandon=False)


def _write_tool(protected: Protected) -> Tool:
    def write(arguments: WriteFile, context: ToolContext) -> str:
        """Write a text file of the workspace, replacing what it held."""
        content = _encoded(arguments.content)
        with _refused():
            *parents, name = parts = _file_path(arguments.path)
            _require_writable(context, parts[0], arguments.path)
            with _files.folder(context.workspace, tuple(parents), create=True) as directory:
                temporary = f".orket-{context.key[:32] or 'unkeyed'}.tmp"
                _files.replace_file(directory, name, content, temporary=temporary, protected=protected())
        return f"wrote {len(content)} bytes to {'/'.join(parts)}"

    return ClassTool(name="write_file", arguments=WriteFile, action=write, effect=EffectClass.IDEMPOTENT, abandon=False)


def _list_tool() -> Tool:
    def listing(arguments: ListDirectory, context: ToolContext) -> str:
        """List a folder of the workspace: folders end with a slash, files show their size in bytes."""
        with _refused():
            parts = _files.split_path(arguments.path)
            with _files.folder(context.workspace, parts) as directory, _files.refusals(arguments.path):
                entries, total = _files.list_folder(directory, limit=MAX_ENTRIES)
        lines = [_entry(name, status.st_mode, status.st_size) for name, status in entries]
        if total > MAX_ENTRIES:
            lines.append(f"… and {total - MAX_ENTRIES} more")
        return "\n".join(lines) or "(empty)"

    return ClassTool(
        name="list_directory", arguments=ListDirectory, action=listing, effect=EffectClass.READ, abandon=False
    )


@contextmanager
def _refused() -> Iterator[None]:
    try:
        yield
    except _files.PathRefusedError as error:
        raise ToolError(str(error)) from error


def _file_path(path: str) -> tuple[str, ...]:
    parts = _files.split_path(path)
    if not parts or path.endswith("/"):
        raise _files.PathRefusedError(f"{path!r} names a folder; valid: a file")
    return parts


def _require_writable(context: ToolContext, first: str, path: str) -> None:
    """Refuse the fixtures' folder under every spelling by which this file system finds it."""
    if unicodedata.normalize("NFKC", first).casefold() != READ_ONLY:
        with _files.folder(context.workspace, ()) as root:
            fixtures = _files.identity(root, READ_ONLY)
            if fixtures is None or fixtures != _files.identity(root, first):
                return
    raise _files.PathRefusedError(f"{path!r} is refused: {READ_ONLY}/ holds the fixtures and is read-only")


def _encoded(text: str) -> bytes:
    try:
        content = text.encode()
    except UnicodeEncodeError as error:
        raise ToolError(f"content has a lone surrogate at {error.start}; valid: Unicode text") from None
    if len(content) > MAX_FILE:
        raise ToolError(f"content has {len(content)} bytes; valid: up to {MAX_FILE}")
    return content


def _entry(name: str, mode: int, size: int) -> str:
    shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if stat.S_ISDIR(mode):
        return f"{shown}/"
    if stat.S_ISREG(mode):
        return f"{shown} ({size} bytes)"
    return f"{shown} (not a regular file)"
