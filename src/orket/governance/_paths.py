"""Paths that agents may name, judged by their spelling alone.

What a path leads to is for whoever opens it; here a path is refused that means something else on some system, so that
one spelling is one file everywhere.
"""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from attrs import frozen

from orket._value import Value
from orket.cards import JsonValue

MAX_PATH: Final = 1024  # characters
MAX_PARTS: Final = 32
MAX_PART: Final = 255  # bytes of one component, the limit of most file systems

# Arguments of these names hold paths, and those that end in one of _PATH_ENDINGS.
PATH_KEYS: Final = frozenset(
    {"path", "paths", "file", "files", "filename", "filepath", "directory", "dir", "folder", "cwd"}
)
_PATH_ENDINGS: Final = ("_path", "_paths", "_file", "_files", "_dir", "_directory", "_folder", "_filename")
_OBJECTS: Final = (dict, Mapping)  # in this order: every call asks, and an abstract class takes its time to answer
_ARRAYS: Final = (list, tuple)
_CONTENT_KEY: Final = "content"
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})  # control, format, surrogates, separators
_NOT_PORTABLE: Final = frozenset('<>"|?*')  # no file may be named so on Windows
_PORTS: Final = frozenset(f"{port}{digit}" for port in ("COM", "LPT") for digit in "0123456789¹²³")
_DEVICES: Final = frozenset({"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$", "CLOCK$"}) | _PORTS


@frozen(kw_only=True, repr=False, eq=False)
class FileArgument(Value):
    """A path among the arguments of a call, and the text that would be written there (None: there is none)."""

    key: str
    path: JsonValue
    content: str | None = None


def file_arguments(arguments: Mapping[str, JsonValue]) -> tuple[FileArgument, ...]:
    """Return every argument that by its name holds a path, however deep it lies, in no particular order."""
    found: list[FileArgument] = []
    pending: list[JsonValue] = [arguments]
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            continue
        if isinstance(item, _OBJECTS):
            found.extend(_files_of(item))
            pending.extend(item.values())
        elif isinstance(item, _ARRAYS):
            pending.extend(item)
    return tuple(found)


def _files_of(item: Mapping[str, JsonValue]) -> Iterator[FileArgument]:
    content = item.get(_CONTENT_KEY)
    text = content if isinstance(content, str) else None
    for key, value in item.items():
        name = str(key).lower()
        if name not in PATH_KEYS and not name.endswith(_PATH_ENDINGS):
            continue
        if isinstance(value, _ARRAYS):
            for one in value:
                if not isinstance(one, Mapping):  # a mapping has path keys of its own
                    yield FileArgument(key=name, path=one, content=text)
        elif value is not None and not isinstance(value, _OBJECTS):
            yield FileArgument(key=name, path=value, content=text)


def path_fault(path: JsonValue, *, writes: bool) -> str:
    """Return what is wrong with a path, or "".

    Args:
        path: relative to the workspace, with forward slashes.
        writes: whether a file would be written there; then it must name one, and portably.
    """
    if not isinstance(path, str):
        return f"is {type(path).__name__}, not text"
    if len(path) > MAX_PATH:
        return f"is longer than {MAX_PATH} characters"
    if any(unicodedata.category(character) in _INVISIBLE for character in path):
        return "has a control character or an invisible one"
    if path.startswith(("/", "~")):
        return "is not relative to the workspace"
    if "\\" in path or ":" in path:
        return "has a backslash or a colon; folders are separated by '/'"
    parts = split(path)
    if len(parts) > MAX_PARTS:
        return f"has more than {MAX_PARTS} components"
    if writes and (not parts or path.endswith(("/", "/."))):
        return "names no file"
    return next((fault for part in parts if (fault := _part_fault(part, writes=writes))), "")


def split(path: str) -> tuple[str, ...]:
    """Return the components of a path without empty ones and ``.``."""
    return tuple([part for part in path.split("/") if part not in ("", ".")])


def folded(part: str) -> str:
    """Return a component as the least distinguishing file system sees it: case and form of characters do not count."""
    return unicodedata.normalize("NFKC", part).casefold()


def _part_fault(part: str, *, writes: bool) -> str:
    if part == "..":
        return "leads upwards with '..'"
    if part != part.rstrip(". "):
        return f"has the component {part!r:.80}, which ends with a dot or a space"
    if part.split(".")[0].rstrip().upper() in _DEVICES:
        return f"has the component {part!r:.80}, which is a device on Windows"
    tail = part.split(".")[0].rpartition("~")
    if tail[1] and tail[2].isdigit():
        return f"has the component {part!r:.80}, which may be a short name of another file on Windows"
    if len(part.encode()) > MAX_PART:
        return f"has a component of more than {MAX_PART} bytes"
    if writes and not _NOT_PORTABLE.isdisjoint(part):
        return f"has the component {part!r:.80} with one of {' '.join(sorted(_NOT_PORTABLE))}"
    return ""


def is_below(path: str, folder: str) -> bool:
    """Return whether *path* is *folder* or lies in it, on any file system."""
    wanted = [folded(part) for part in split(folder)]
    return [folded(part) for part in split(path)][: len(wanted)] == wanted
